"""F1, had another threshold decided."""

from __future__ import annotations

from airflow_ml_monitor.measurement import Estimates, Family
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.metrics.performance.f1 import f1
from airflow_ml_monitor.metrics.thresholds import at_thresholds
from airflow_ml_monitor.profile.labelled_view import LabelledView
from airflow_ml_monitor.profile.task import TaskKind


@metric(Family.PERFORMANCE, Subject.LABELLED, range=(0.0, 1.0), worse=Worse.DOWN, tasks=(TaskKind.BINARY,))
def f1_at_threshold(rows: LabelledView) -> Estimates:
    """Harmonic mean of precision and recall at each of the task's thresholds: threshold=0.3.

    In [0, 1], from exact counts, of slices too; interval and n as of f1. Undefined at a threshold where that
    is. TooFew without labels.
    """
    return at_thresholds(rows, f1)
