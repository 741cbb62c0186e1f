"""A window's labels so far → its numbers: realised when final, else estimated where that holds, else none yet.

What has arrived, scored as if it were all, stands beside them under the name `naive.` alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from airflow_ml_monitor.errors import Immature, TooFew
from airflow_ml_monitor.estimation.bounds import bounds_of
from airflow_ml_monitor.estimation.expected import Expected
from airflow_ml_monitor.estimation.predictions import Predictions
from airflow_ml_monitor.estimation.values import Value, value_of
from airflow_ml_monitor.keys import WHOLE, Slice
from airflow_ml_monitor.measurement import (
    BOUNDS,
    CENSORED_ROWS,
    FINAL,
    NAIVE,
    Estimate,
    Measurement,
    Status,
    attempt,
    is_beside,
)
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.metric import Metric
from airflow_ml_monitor.monitor.measure import early_metrics, labelled_metrics, labelled_rows
from airflow_ml_monitor.monitor.spec import MonitorSpec
from airflow_ml_monitor.profile.dataset import Dataset
from airflow_ml_monitor.profile.label_source import LabelMode, LabelSource
from airflow_ml_monitor.profile.labelled_view import LabelledView
from airflow_ml_monitor.profile.task import TaskKind
from airflow_ml_monitor.truth.maturity import Maturity


@dataclass(frozen=True, slots=True)
class Standing:
    """How a window stands at a moment: its labels by slice, how complete they are, and what may be expected of it.

    expected: of the whole window or a slice, as the estimator answers; raises Immature with the reason where it cannot.
    predictions: of the whole window, whether or not their label is known.
    """

    spec: MonitorSpec
    dataset: Dataset
    labels: LabelSource
    views: Mapping[Slice, LabelledView]
    ripe: Maturity
    expected: Callable[[Slice], Expected]
    predictions: Callable[[], Predictions]

    @property
    def metrics(self) -> list[Metric]:
        return labelled_metrics(self.spec.task, self.dataset, self.spec.measured)

    @property
    def early(self) -> list[Metric]:
        return early_metrics(self.spec, self.dataset)

    @property
    def is_representative(self) -> bool:
        """True if the labels at hand stand for all: final, declared to, or drawn at random."""
        return self.ripe.is_mature or self.labels.mode is LabelMode.SAMPLED

    @property
    def estimated(self) -> list[Slice]:
        """Slices are a fit each, and most of what is stored: only where a rule looks at them."""
        looked = [condition for *_, condition in self.spec.policy.conditions()]
        return [slice for slice in self.views if slice == WHOLE or any(one.looks_at(slice) for one in looked)]


@dataclass(frozen=True, slots=True)
class Answer:
    """rows: every metric of the window that the spec asks for, whole and by slice. why_not: why none is estimated.

    is_estimated: the rows depend on what was seen of other windows.
    """

    rows: list[Measurement]
    is_estimated: bool = False
    why_not: str = ""


def answer(standing: Standing) -> Answer:
    """A window's numbers, as it stands."""
    given = _answered(standing)
    if standing.labels.censored is None:
        return given
    return replace(given, rows=[*given.rows, *attempt(CENSORED_ROWS, partial(censored_rows, standing.views[WHOLE]))])


def censored_rows(view: LabelledView) -> Estimate:
    """Share of the predictions whose label will never come, as they are no longer observed. TooFew without any."""
    every = view.predictions + view.censored
    if not every:
        raise TooFew("no rows")
    return interval.share_of(view.censored, every)


def _answered(standing: Standing) -> Answer:
    if standing.labels.mode is LabelMode.SAMPLED:
        return _of_sample(standing)
    if standing.ripe.is_final:
        return Answer(_of_labelled(standing, labelled_rows(standing.views, standing.metrics)))
    whole = labelled_rows({WHOLE: standing.views[WHOLE]}, standing.early)
    naive = [replace(row, metric=f"{NAIVE}.{row.metric}") for row in whole]
    try:
        estimated = _estimates(standing)
    except (Immature, TooFew) as early:
        return Answer([*naive, *_rest(standing, early.reason)], why_not=early.reason)
    answered = {(row.metric, row.slice) for row in estimated}
    rest = [row for row in _rest(standing, "not estimated") if (row.metric, row.slice) not in answered]
    return Answer([*naive, *estimated, *rest], is_estimated=True)


def _rest(standing: Standing, why: str) -> list[Measurement]:
    """What is not estimated: of the labels at hand where they are declared to stand for all, else awaited."""
    if standing.ripe.is_mature:
        return _of_labelled(standing, labelled_rows(standing.views, standing.metrics))
    return _waiting(standing, _reason(standing, why))


def _estimates(standing: Standing) -> list[Measurement]:
    """Of the whole, and of the slices that rules look at; Immature where the whole has none."""
    found = []
    for slice in standing.estimated:
        try:
            expected = standing.expected(slice)
        except (Immature, TooFew):
            if slice == WHOLE:
                raise
            continue  # awaited, as the whole's reason says when
        metrics = (m for m in standing.early if m.estimable(standing.spec.task.kind))
        rows = [row for m in metrics for row in _estimated(m, expected, standing.views[slice])]
        found += [replace(row, slice=slice) for row in rows if slice == WHOLE or not is_beside(row.metric)]
    return found


def _of_sample(standing: Standing) -> Answer:
    """Labels of rows drawn at random stand for the others, whenever they come; with the scores they say more."""
    view = standing.views[WHOLE]
    try:
        estimated = _estimates(standing)
    except (Immature, TooFew) as none:
        why = f"labels of {view.n} of {view.predictions} predictions; {none.reason}"
        return Answer(_waiting(standing, why), why_not=none.reason)
    answered = {(row.metric, row.slice) for row in estimated}
    realised = labelled_rows(standing.views, standing.metrics)
    return Answer([*estimated, *(row for row in realised if (row.metric, row.slice) not in answered)])


def _of_labelled(standing: Standing, realised: list[Measurement]) -> list[Measurement]:
    """Numbers of the rows that get labels; where others never do, said so, and between what all rows' must lie."""
    view = standing.views[WHOLE]
    every = view.predictions + view.censored
    if standing.labels.mode is LabelMode.SELECTIVE:
        said = f"of the rows that get labels, {min(view.n / max(every, 1), 1):.0%} of all"
    elif view.censored:
        said = f"of rows observed in full; {view.censored / every:.1%} are censored: "
        said += "right for all only if neither score nor label decides which"
    else:
        return realised
    rows = [replace(row, reason=row.reason or said) for row in realised]
    if view.coverage == 1 and not view.censored:
        return rows
    values = {row.metric: row.estimate for row in realised if row.slice == WHOLE and row.estimate is not None}
    window = standing.predictions()
    for m in standing.metrics:
        if m.formula is not None and m.name in values:
            rows += attempt(f"{BOUNDS}.{m.name}", partial(_bounded, m, window, view, values[m.name]))
    return rows


def _bounded(metric: Metric, window: Predictions, view: LabelledView, value: Estimate) -> Estimate:
    low, high = bounds_of(metric, window, view)
    return Estimate(value.value, window.n, min(low, value.value), max(high, value.value))


def _estimated(metric: Metric, expected: Expected, view: LabelledView) -> list[Measurement]:
    """The value with the interval of the model's performance, and with that of what the window will finally show."""
    found: list[Value] = []

    def performance() -> Estimate:
        found.append(value_of(expected, metric))
        return Estimate(found[0].value, view.n, *found[0].model)

    rows = attempt(metric.name, performance)
    if found:
        rows = [replace(row, reason=f"estimated from labels of {view.coverage:.0%}") for row in rows]
        rows += attempt(f"{FINAL}.{metric.name}", lambda: Estimate(found[0].value, view.n, *found[0].final))
    return rows


def _waiting(standing: Standing, reason: str) -> list[Measurement]:
    places = [(slice, m) for slice in standing.views for m in standing.metrics]
    return [Measurement(m.name, Status.IMMATURE, None, reason, slice=slice) for slice, m in places]


def _reason(standing: Standing, why: str) -> str:
    """Why there is no value yet, and when there will be one."""
    labels, ripe, view = standing.labels, standing.ripe, standing.views[WHOLE]
    early = ""
    if labels.mature_at is not None and labels.mode is LabelMode.EXPLICIT:
        early = f"once {labels.mature_at:.0%} have, or "
    censored = f" besides {view.censored} censored" if view.censored else ""
    counted = "queries" if view.task.kind is TaskKind.RANKING else "predictions"
    known = f"labels of {ripe.coverage:.0%} of {view.predictions} {counted}{censored} have come"
    known += f"; judged {early}on {ripe.ripe_at:%Y-%m-%d}"
    return f"{known}; {why}" if why else known
