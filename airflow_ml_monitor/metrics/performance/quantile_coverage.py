"""Quantile coverage."""

from __future__ import annotations

from airflow_ml_monitor.measurement import Estimates, Family
from airflow_ml_monitor.metrics.forecast_losses import share_of
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.profile.labelled_view import LabelledView
from airflow_ml_monitor.profile.task import TaskKind


@metric(
    Family.PERFORMANCE,
    Subject.LABELLED,
    range=(0.0, 1.0),
    worse=Worse.BOTH,
    tasks=(TaskKind.REGRESSION,),
)
def quantile_coverage(rows: LabelledView) -> Estimates:
    """Share of the labels at or below each quantile that is forecast: 'level=0.9' ought to be 0.9.

    In [0, 1]. It tells which end of an interval is wrong. The interval (Wilson 1927, Clopper and Pearson 1934 for few)
    assumes independent rows. n: rows with a label and every quantile. TooFew without any.
    """
    rows.need(1)
    return {f"level={level}": share_of(rows, f"below@{level}") for level in rows.levels}
