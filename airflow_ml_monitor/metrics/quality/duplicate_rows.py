"""Duplicate rows."""

from __future__ import annotations

from airflow_ml_monitor.errors import TooFew, Undefined
from airflow_ml_monitor.keys import WHOLE
from airflow_ml_monitor.measurement import Estimate, Family
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.profile.views import DatasetView


@metric(Family.QUALITY, Subject.DATASET, range=(0.0, float("inf")), worse=Worse.UP, unit="rows")
def duplicate_rows(data: DatasetView) -> Estimate:
    """Rows beyond the first of each entity key, within the window.

    At least 0. Repeats across windows are not seen; without an entity key nothing is looked for and it is 0.
    Undefined for slices: keys are counted over the whole. TooFew without rows.
    """
    if data.slice != WHOLE:
        raise Undefined("duplicates are counted over all rows, not by slice")
    if not data.rows:
        raise TooFew("no rows")
    return Estimate(float(data.profile.duplicates), data.rows)
