"""Interval width."""

from __future__ import annotations

from airflow_ml_monitor.measurement import Estimate, Estimates, Family
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.forecast_losses import intervals_of, moments_of
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.profile.labelled_view import LabelledView
from airflow_ml_monitor.profile.task import TaskKind


@metric(
    Family.PERFORMANCE,
    Subject.LABELLED,
    range=(-float("inf"), float("inf")),
    worse=Worse.UP,
    unit="label",
    tasks=(TaskKind.REGRESSION,),
)
def interval_width(rows: LabelledView) -> Estimates:
    """Mean width of the forecast intervals: how sharp they are, right or wrong.

    In the label's unit; a value for each interval, 'levels=0.1-0.9': the widest and all of equal tails. Below 0 where
    quantiles cross, the lower above the higher. Of two forecasts that cover alike the narrower is the better; alone
    it says nothing. The interval is Student's t with Hall's (1992) correction for skewness; it assumes independent
    rows. n: rows with a label and every quantile. Undefined with one level. TooFew without labels.
    Gneiting, Balabdaoui and Raftery 2007.
    """
    rows.need(1)
    return {f"levels={name}": _one(rows, name) for name in intervals_of(rows)}


def _one(rows: LabelledView, name: str) -> Estimate:
    n = rows.quantile_rows
    first, second, third = (total / n for total in moments_of(rows, "width", f"@{name}"))
    return Estimate(first, n, *(interval.moments_mean(first, second, third, n) or (None, None)))
