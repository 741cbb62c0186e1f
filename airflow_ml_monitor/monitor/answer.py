"""A window's labels so far → its numbers: realised when final, else estimated where that holds, else none yet.

What has arrived, scored as if it were all, stands beside them under the name `naive.` alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from airflow_ml_monitor.errors import Immature, TooFew
from airflow_ml_monitor.estimation.expected import Expected
from airflow_ml_monitor.estimation.values import Value, value_of
from airflow_ml_monitor.keys import WHOLE, Slice
from airflow_ml_monitor.measurement import FINAL, NAIVE, Estimate, Measurement, Status, attempt
from airflow_ml_monitor.metrics.metric import Metric
from airflow_ml_monitor.monitor.measure import labelled_metrics, labelled_rows
from airflow_ml_monitor.monitor.spec import MonitorSpec
from airflow_ml_monitor.profile.dataset import LabelMode, LabelSource
from airflow_ml_monitor.profile.views import LabelledView
from airflow_ml_monitor.truth.maturity import Maturity


@dataclass(frozen=True, slots=True)
class Standing:
    """How a window stands at a moment: its labels by slice, how complete they are, and what may be expected of it.

    expected: of the whole window, as the estimator answers; raises Immature with the reason where it cannot.
    """

    spec: MonitorSpec
    labels: LabelSource
    views: Mapping[Slice, LabelledView]
    ripe: Maturity
    expected: Callable[[], Expected]


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
    spec, views = standing.spec, standing.views
    realised = labelled_rows(views, spec.task.kind, spec.measurements)
    if standing.ripe.is_final:
        return Answer(realised)
    # By slice they would be most of what is stored, for numbers that may not be judged.
    naive = [replace(row, metric=f"{NAIVE}.{row.metric}") for row in realised if row.slice == WHOLE]
    metrics = labelled_metrics(spec.task.kind, spec.measurements)
    try:
        expected = standing.expected()
    except (Immature, TooFew) as early:
        rest = realised if standing.ripe.is_mature else _waiting(metrics, views, _reason(standing, early.reason))
        return Answer([*naive, *rest], why_not=early.reason)
    estimated = [row for m in metrics if m.formula is not None for row in _estimated(m, expected, views[WHOLE])]
    answered = {(row.metric, row.slice) for row in estimated}
    rest = realised if standing.ripe.is_mature else _waiting(metrics, views, _reason(standing, "not estimated"))
    rows = [*naive, *estimated, *(row for row in rest if (row.metric, row.slice) not in answered)]
    return Answer(rows, is_estimated=True)


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


def _waiting(metrics: list[Metric], views: Mapping[Slice, LabelledView], reason: str) -> list[Measurement]:
    return [Measurement(m.name, Status.IMMATURE, None, reason, slice=slice) for slice in views for m in metrics]


def _reason(standing: Standing, why: str) -> str:
    """Why there is no value yet, and when there will be one."""
    labels, ripe, view = standing.labels, standing.ripe, standing.views[WHOLE]
    early = ""
    if labels.mature_at is not None and labels.mode is LabelMode.EXPLICIT:
        early = f"from {labels.mature_at:.0%}, or "
    known = f"labels of {ripe.coverage:.0%} of {view.predictions} predictions; judged {early}on {ripe.ripe_at:%Y-%m-%d}"
    return f"{known}; {why}" if why else known
