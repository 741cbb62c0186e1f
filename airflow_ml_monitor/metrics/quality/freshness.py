"""Freshness."""

from __future__ import annotations

from airflow_ml_monitor.errors import TooFew, Undefined
from airflow_ml_monitor.keys import WHOLE
from airflow_ml_monitor.measurement import Estimate, Family
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.profile.views import DatasetView


@metric(Family.QUALITY, Subject.DATASET, range=(0.0, float("inf")), worse=Worse.UP, unit="s")
def freshness(data: DatasetView) -> Estimate:
    """Seconds from the newest event to the window's end.

    At least 0; large where the feed stopped early. Undefined for slices: the newest event is known of the whole.
    TooFew without rows.
    """
    if data.slice != WHOLE:
        raise Undefined("the newest event is known of all rows, not by slice")
    if not data.rows or data.profile.newest is None:
        raise TooFew("no rows with an event time")
    age = (data.profile.window.end - data.profile.newest).total_seconds()
    return Estimate(max(age, 0.0), data.rows)
