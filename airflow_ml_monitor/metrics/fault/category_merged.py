"""Several categories that became one."""

from __future__ import annotations

from airflow_ml_monitor.measurement import Estimates
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.fault.category_recoded import respelled
from airflow_ml_monitor.metrics.metric import Subject, fault
from airflow_ml_monitor.profile.category_shift import CategoryShift, shortened
from airflow_ml_monitor.profile.dataset import Kind
from airflow_ml_monitor.profile.feed_view import FeedColumn


@fault(Subject.FEED_COLUMN, kinds=(Kind.CATEGORICAL,))
def category_merged(column: FeedColumn) -> Estimates:
    """One value, known or new, has the share of categories that are gone besides its own: `car+house→asset`.

    The share of the rows with a value that bear its name. Asked for: no value is new, and that the gone categories'
    rows came to one other explains all shares far better than that they came to all in proportion; or one value is new,
    several categories are gone, it is as frequent as they were together, and all others are as they were. Where no
    other value is left, most of five windows before must have had several: the others of a weekday are never there.
    """
    shift, n = column.shift, column.current.n
    if not shift.tells or not shift.gone or len(shift.new) > 1 or respelled(shift):
        return {}
    if column.is_one and not column.is_usually_several:
        return {}
    if shift.new:
        target, parts = _as_new(shift), list(shift.gone)
        rows = sum(shift.new.values())
    else:
        share = shift.expected(shift.gone) / shift.n
        target = shift.source(shift.expected(shift.gone), 1 / (1 - share)) if share < 1 else ""
        parts, rows = [target, *shift.gone], shift.rows.get(target, 0)
    if not target:
        return {}
    named = f"{'+'.join(map(shortened, parts))}→{shortened(target)}"
    return {named: interval.share_of(rows, n)}


def _as_new(shift: CategoryShift) -> str:
    """The new value, if it is made up of those that are gone."""
    (value,) = shift.newest
    rows, several = shift.new[value], len(shift.gone) > 1 and all(map(shift.is_tight, shift.gone))
    # What one of them explains is no merger.
    is_merged = several and shift.is_as(rows, shift.gone) and not any(shift.is_as(rows, [name]) for name in shift.gone)
    return value if is_merged and shift.others_stay() else ""
