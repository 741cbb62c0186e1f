"""Interval coverage."""

from __future__ import annotations

from airflow_ml_monitor.measurement import Estimates, Family
from airflow_ml_monitor.metrics.forecast_losses import intervals_of, share_of
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
def interval_coverage(rows: LabelledView) -> Estimates:
    """Share of the labels that lie in their forecast interval, its ends with it.

    In [0, 1]; a value for each interval, 'levels=0.1-0.9', which ought to hold 0.8 of them: the widest and all of equal
    tails. interval_coverage_gap is the difference. The interval (Wilson 1927, Clopper and Pearson 1934 for few) assumes
    independent rows. n: rows with a label and every quantile. Undefined with one level. TooFew without labels.
    Christoffersen 1998.
    """
    rows.need(1)
    return {f"levels={name}": share_of(rows, f"inside@{name}") for name in intervals_of(rows)}
