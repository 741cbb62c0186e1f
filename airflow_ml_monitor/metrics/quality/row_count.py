"""Rows."""

from __future__ import annotations

from airflow_ml_monitor.errors import TooFew
from airflow_ml_monitor.keys import WHOLE
from airflow_ml_monitor.measurement import Estimate, Family
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.profile.views import DatasetView


@metric(Family.QUALITY, Subject.DATASET, range=(0.0, float("inf")), worse=Worse.BOTH, unit="rows")
def row_count(data: DatasetView) -> Estimate:
    """Rows in the window, or in one slice of it.

    At least 0. 0 is a value here: that nothing came is what this metric is for. Says nothing of what should have come.
    Of a slice of a window whose rows are drawn (`sampling_fraction`) an estimate, with its interval; TooFew if none is.
    """
    if data.slice == WHOLE or data.profile.draw is None:
        return Estimate(float(data.rows), data.rows)
    if not (drawn := int(data.profile.rows.get(WHOLE, 0))):
        raise TooFew(f"none of {data.profile.population} rows was drawn")
    return interval.drawn_count(data.rows, drawn, data.profile.population)
