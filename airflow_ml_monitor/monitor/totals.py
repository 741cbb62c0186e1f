"""A window's label totals so far → its numbers: of what totals tell; of all else why there will never be any.

Nothing is estimated: a window is judged when its horizon has passed, or the share of its rows is there from which on
totals are declared to stand for all.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Final

from airflow_ml_monitor.errors import TooFew, Undefined
from airflow_ml_monitor.estimation.estimator import estimators
from airflow_ml_monitor.keys import WHOLE, Slice
from airflow_ml_monitor.measurement import LABEL_MATURITY, NAIVE, Estimate, Measurement, Status, attempt
from airflow_ml_monitor.metrics.metric import Metric
from airflow_ml_monitor.metrics.names import LABEL_FREE
from airflow_ml_monitor.monitor.answer import Answer, Standing
from airflow_ml_monitor.monitor.label_ledger import LabelTask
from airflow_ml_monitor.monitor.measure import early_metrics
from airflow_ml_monitor.profile.labelled_view import LabelledView
from airflow_ml_monitor.profile.totals_view import TotalsView

UNTOLD: Final = "labels are totals, which do not tell which row has which label"


def answer_of_totals(standing: Standing) -> Answer:
    """A window's numbers, as it stands."""
    told = [m for m in standing.metrics if m.of_totals is not None]
    rows = [
        Measurement(m.name, Status.UNDEFINED, None, UNTOLD, slice=slice)
        for slice in standing.views
        for m in standing.metrics
        if m.of_totals is None
    ]
    realised = [row for slice in standing.views for m in told for row in _row(standing, m, slice)]
    if standing.ripe.is_mature:
        covered = [(slice, partial(_maturity, view)) for slice, view in standing.views.items()]
        maturity = [row for slice, share in covered for row in attempt(LABEL_MATURITY, share, slice=slice)]
        return Answer([*maturity, *realised, *rows])
    naive = [replace(row, metric=f"{NAIVE}.{row.metric}") for row in realised if row.slice == WHOLE]
    why = _awaited(standing)
    names = [LABEL_MATURITY, *(m.name for m in told)]
    awaited = [Measurement(name, Status.IMMATURE, None, why, slice=slice) for slice in standing.views for name in names]
    return Answer([*naive, *awaited, *rows])


def _maturity(view: LabelledView) -> Estimate:
    """The share of the rows that totals cover. TooFew without rows."""
    if not view.predictions:
        raise TooFew("no rows")
    return Estimate(view.coverage, view.predictions)


def _row(standing: Standing, metric: Metric, slice: Slice) -> list[Measurement]:
    """One metric of one slice; of which rows it is, where not of all."""
    view = standing.views[slice]
    rows = attempt(metric.name, partial(_value, standing, metric, slice), slice=slice)
    if view.coverage == 1:
        return rows
    said = f"of totals of {view.coverage:.0%} of the rows; what was predicted of them is their days' and parts' average"
    return [replace(row, reason=row.reason or said) for row in rows]


def _value(standing: Standing, metric: Metric, slice: Slice) -> Estimate:
    by = standing.labels.by
    if missing := [column for column, _ in slice if column not in by]:
        raise Undefined(f"no total is by {missing[0]!r}; name it under by, where the source has such a column")
    assert metric.of_totals is not None  # the caller's choice
    return metric.of_totals(TotalsView.of(standing.views[slice]))


def _awaited(standing: Standing) -> str:
    """Why there is no value yet, and when there will be one."""
    view, ripe, share = standing.views[WHOLE], standing.ripe, standing.labels.mature_at
    early = "" if share is None else f"once {share:.0%} have, or "
    known = f"totals of {ripe.coverage:.0%} of {view.predictions} predictions have come"
    return f"{known}; judged {early}on {ripe.ripe_at:%Y-%m-%d}; not estimated: labels are totals"


def uncompared(task: LabelTask) -> list[Measurement]:
    """What estimators say of metrics that totals do not tell: nothing will ever show how right they were."""
    spec = task.monitor.spec
    if not task.labels.are_totals or spec.reference.label is None:
        return []
    said = [e.name for e in estimators().values() if e.name in LABEL_FREE and spec.task.kind in e.tasks]
    silent = [m.name for m in early_metrics(spec, task.dataset) if m.of_totals is None]
    return [
        Measurement(
            "scoreboard",
            Status.UNDEFINED,
            None,
            f"labels are totals, which tell no {metric} to compare with",
            parameters=f"{name}.{metric}",
        )
        for name in said
        for metric in silent
    ]
