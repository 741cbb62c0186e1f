"""Prediction rate, had another threshold decided."""

from __future__ import annotations

from airflow_ml_monitor.measurement import Estimates, Family
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.metrics.performance.prediction_rate import prediction_rate
from airflow_ml_monitor.metrics.thresholds import at_thresholds
from airflow_ml_monitor.profile.labelled_view import LabelledView
from airflow_ml_monitor.profile.task import TaskKind


@metric(Family.PERFORMANCE, Subject.LABELLED, range=(0.0, 1.0), worse=Worse.BOTH, tasks=(TaskKind.BINARY,))
def prediction_rate_at_threshold(rows: LabelledView) -> Estimates:
    """Share of the labelled rows that each of the task's thresholds calls positive: threshold=0.3.

    In [0, 1], from exact counts, of slices too; interval and n as of prediction_rate. TooFew without
    labels.
    """
    return at_thresholds(rows, prediction_rate)
