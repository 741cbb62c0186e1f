"""A column without any value."""

from __future__ import annotations

from typing import Final

from airflow_ml_monitor.keys import WHOLE
from airflow_ml_monitor.measurement import Estimates
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.metric import Subject, fault
from airflow_ml_monitor.profile.cells import Cells
from airflow_ml_monitor.profile.feed_view import FeedColumn
from airflow_ml_monitor.profile.layout import NAN, NULL

LEAST: Final = 0.05
"""Of the reference's rows must have a value."""
CHANCE: Final = 1e-9
"""That a window misses every value by chance."""


@fault(Subject.FEED_COLUMN)
def all_missing(column: FeedColumn) -> Estimates:
    """Every value of a column is missing: NULL or NaN.

    1 where it is found. Asked for: at least 5 % of the reference's rows have a value, so many rows that a window
    without any has a chance below 1e-9, and that it was not so on the same weekday in every week before.
    """
    now, known = column.current, column.reference.n / max(column.reference.rows, 1)
    missing = now.nulls + now.cells.at(NAN)
    if not now.rows or missing < now.rows or known < LEAST or (1 - known) ** now.rows > CHANCE:
        return {}
    alike = [profile.cells.get((WHOLE, column.name), Cells.empty()) for profile in column.feed.alike]
    if alike and all(cells.at(NULL) + cells.at(NAN) == cells.rows for cells in alike):
        return {}
    return {"": interval.share_of(now.rows, now.rows)}
