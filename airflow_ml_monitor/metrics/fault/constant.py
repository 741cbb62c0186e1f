"""A column of one value."""

from __future__ import annotations

from typing import Final

from airflow_ml_monitor.measurement import Estimates
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.metric import Subject, fault
from airflow_ml_monitor.profile.dataset import Kind
from airflow_ml_monitor.profile.feed_view import FeedColumn
from airflow_ml_monitor.profile.layout import SPECIAL
from airflow_ml_monitor.profile.views import ColumnView

FEWEST: Final = 5
"""Windows before."""
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
    before = [view for view in column.before if view.n > 1]
    if len(before) < FEWEST or 2 * sum(map(_is_one, before)) >= len(before) or not reference.n or not _is_one(now):
        return {}
    largest = int(reference.cells.count[reference.cells.bucket > SPECIAL].max(initial=0))
    if (largest / reference.n) ** now.n > CHANCE:
        return {}
    return {"": interval.share_of(now.n, now.n)}


def _is_one(view: ColumnView) -> bool:
    """True if all values are the same."""
    if not view.n:
        return False
    if view.kind is Kind.CATEGORICAL:
        return not view.other and int((view.cells.count[view.cells.bucket > SPECIAL] > 0).sum()) == 1
    low, high = view.extremes
    return low == high
