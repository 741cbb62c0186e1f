"""A column of one value."""

from __future__ import annotations

from typing import Final

from airflow_ml_monitor.measurement import Estimates
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.metric import Subject, fault
from airflow_ml_monitor.profile.dataset import Kind
from airflow_ml_monitor.profile.feed_view import FeedColumn
from airflow_ml_monitor.profile.layout import SPECIAL

CHANCE: Final = 1e-9
"""That all rows of a window have the same value by chance, were they drawn from the reference."""


@fault(
    Subject.FEED_COLUMN,
    kinds=(Kind.NUMERIC, Kind.BOOLEAN, Kind.CATEGORICAL),
)
def constant(column: FeedColumn) -> Estimates:
    """Every value of a column is the same, which it was not in most windows before.

    1 where it is found. Asked for: five windows before, most of them of several values, as a window has but one weekday
    and one price of the day; and so many rows that all of them agree with a chance below 1e-9, were they drawn from
    the reference. Categories that the reference does not have are several, and not said to be one.
    """
    now, reference = column.current, column.reference
    if not reference.n or not column.is_one or now.other or not column.is_usually_several:
        return {}
    largest = int(reference.cells.count[reference.cells.bucket > SPECIAL].max(initial=0))
    if (largest / reference.n) ** now.n > CHANCE:
        return {}
    return {"": interval.share_of(now.n, now.n)}
