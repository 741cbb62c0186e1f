"""Rows."""

from __future__ import annotations

from airflow_ml_monitor.measurement import Estimate, Family
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.profile.views import DatasetView


@metric(Family.QUALITY, Subject.DATASET, range=(0.0, float("inf")), worse=Worse.BOTH, unit="rows")
def row_count(data: DatasetView) -> Estimate:
    """Rows in the window, or in one slice of it.

    At least 0. 0 is a value here: that nothing came is what this metric is for. Says nothing of what should have come.
    """
    return Estimate(float(data.rows), data.rows)
