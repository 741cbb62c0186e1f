"""A column without any value."""

from __future__ import annotations

from typing import Final

from airflow_ml_monitor.keys import WHOLE
from airflow_ml_monitor.measurement import Estimates
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.metric import Subject, fault
from airflow_ml_monitor.profile.cells import Cells, Profile
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
    without any has a chance below 1e-9, and that it is not so on this weekday alone, in every week before.
    """
    feed = column.feed
    now, known = column.current, column.reference.n / max(column.reference.rows, 1)
    missing = now.nulls + now.cells.at(NAN)
    if not now.rows or missing < now.rows or known < LEAST or (1 - known) ** now.rows > CHANCE:
        return {}
    alike, others = ([_is_empty(profile, column.name) for profile in part] for part in (feed.alike, feed.since_alike))
    if alike and all(alike) and not all(others):
        return {}
    return {"": interval.share_of(now.rows, now.rows)}


def _is_empty(profile: Profile, column: str) -> bool:
    cells = profile.cells.get((WHOLE, column), Cells.empty())
    return cells.at(NULL) + cells.at(NAN) == cells.rows
