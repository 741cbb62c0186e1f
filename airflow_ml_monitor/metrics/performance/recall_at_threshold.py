"""Recall, had another threshold decided."""

from __future__ import annotations

from airflow_ml_monitor.measurement import Estimates, Family
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.metrics.performance.recall import recall
from airflow_ml_monitor.metrics.thresholds import at_thresholds
from airflow_ml_monitor.profile.labelled_view import LabelledView
from airflow_ml_monitor.profile.task import TaskKind


@metric(Family.PERFORMANCE, Subject.LABELLED, range=(0.0, 1.0), worse=Worse.DOWN, tasks=(TaskKind.BINARY,))
def recall_at_threshold(rows: LabelledView) -> Estimates:
    """Share of the positives that each of the task's thresholds would find: threshold=0.3.

    In [0, 1], from exact counts, of slices too; interval and n as of recall. Undefined at a threshold where that
    is. TooFew without labels.
    """
    return at_thresholds(rows, recall)
