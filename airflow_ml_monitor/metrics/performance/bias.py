"""Bias."""

from __future__ import annotations

from airflow_ml_monitor.measurement import Estimate, Family
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.profile.dataset import TaskKind
from airflow_ml_monitor.profile.views import LabelledView


@metric(
    Family.PERFORMANCE,
    Subject.LABELLED,
    range=(-float("inf"), float("inf")),
    worse=Worse.BOTH,
    unit="label",
    tasks=(TaskKind.REGRESSION,),
)
def bias(rows: LabelledView) -> Estimate:
    """Mean error, prediction less label.

    In the label's unit; 0 is unbiased, above 0 the model predicts too much. The interval is Student's t (1908), at
    the 99 % level with fewer than ten rows; it assumes independent rows and errors that are not very skewed: with 10
    to 50 rows exponential errors are covered at 92 %. None for a single row. TooFew without labels.
    """
    rows.need(1)
    value = rows.total("error") / rows.n
    if rows.n < 2:
        return Estimate(value, rows.n)
    variance = max(rows.total("error2") / rows.n - value**2, 0.0) * rows.n / (rows.n - 1)
    return Estimate(value, rows.n, *(interval.mean(value, variance, rows.n) or (None, None)))
