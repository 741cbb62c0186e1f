"""Interval coverage gap."""

from __future__ import annotations

from airflow_ml_monitor.measurement import Estimates, Family
from airflow_ml_monitor.metrics.forecast_losses import intervals_of, share_of
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.profile.labelled_view import LabelledView
from airflow_ml_monitor.profile.task import TaskKind


@metric(
    Family.PERFORMANCE,
    Subject.LABELLED,
    range=(-1.0, 1.0),
    worse=Worse.BOTH,
    tasks=(TaskKind.REGRESSION,),
)
def interval_coverage_gap(rows: LabelledView) -> Estimates:
    """Share of the labels in their forecast interval, less the share that its levels promise.

    Without a unit, between -1 and 1; 0 is right, below 0 the intervals are too narrow or in the wrong place. A value
    for each interval, 'levels=0.1-0.9': the widest and all of equal tails. The interval is that of interval_coverage,
    moved. n: rows with a label and every quantile. Undefined with one level. TooFew without labels.
    """
    rows.need(1)
    pairs = intervals_of(rows).items()
    return {f"levels={name}": share_of(rows, f"inside@{name}", less=high - low) for name, (low, high) in pairs}
