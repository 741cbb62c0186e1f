"""One category that became several."""

from __future__ import annotations

from airflow_ml_monitor.measurement import Estimates
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.fault.category_recoded import respelled
from airflow_ml_monitor.metrics.metric import Subject, fault
from airflow_ml_monitor.profile.category_shift import CategoryShift, shortened
from airflow_ml_monitor.profile.dataset import Kind
from airflow_ml_monitor.profile.feed_view import FeedColumn


@fault(Subject.FEED_COLUMN, kinds=(Kind.CATEGORICAL,))
def category_split(column: FeedColumn) -> Estimates:
    """New values have together the share that one category lost: `car→new car+used car`.

    The share of the rows with a value that bear a new name. Asked for: one category is gone, several new values are
    together as frequent as it was, and all others are as they were; or none is gone, and that the new values' rows come
    from one category explains the others far better than that they come from all in proportion.
    """
    shift, n = column.shift, column.current.n
    rows = sum(shift.new.values())
    if not shift.tells or not rows or respelled(shift):
        return {}
    source = _gone(shift, rows) if shift.gone else shift.source(-rows, 1 - rows / shift.n)
    if not source:
        return {}
    parts = [source] * (not shift.gone) + sorted(shift.newest)
    named = f"{shortened(source)}→{'+'.join(map(shortened, parts))}"
    return {named: interval.share_of(rows, n)}


def _gone(shift: CategoryShift, rows: int) -> str:
    """The one category that is gone, if the new values make it up."""
    (name, *more) = shift.gone
    is_split = not more and len(shift.new) > 1 and shift.is_tight(name)
    return name if is_split and shift.is_as(rows, [name]) and shift.others_stay() else ""
