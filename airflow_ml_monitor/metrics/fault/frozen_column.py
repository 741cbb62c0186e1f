"""An earlier window's values of one column again."""

from __future__ import annotations

import math

from airflow_ml_monitor.keys import WHOLE
from airflow_ml_monitor.measurement import Estimates
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.frozen import CHANCE, is_same, is_same_window, log_chance, repeated
from airflow_ml_monitor.metrics.metric import Subject, fault
from airflow_ml_monitor.profile.cells import Cells
from airflow_ml_monitor.profile.dataset import Kind
from airflow_ml_monitor.profile.feed_view import FeedColumn


@fault(
    Subject.FEED_COLUMN,
    kinds=(Kind.NUMERIC, Kind.BOOLEAN, Kind.CATEGORICAL),
)
def frozen_column(column: FeedColumn) -> Estimates:
    """One column has the values of an earlier window, each as often as then, and others have not.

    1 where it is found; parameters: the window's first day. Asked for: buckets that chance would fill as often less
    than once in 1e12 windows, so never of a column of few values; as many rows in both windows, as where a batch is
    joined with yesterday's values; and windows before that did not repeat each other. A feed that is frozen as a whole
    is one fault, not many.
    """
    feed, place = column.feed, (WHOLE, column.name)
    now = feed.current.cells.get(place, Cells.empty())
    if not now.rows or log_chance(now) >= math.log(CHANCE):
        return {}
    cells = {id(profile): profile.cells.get(place, Cells.empty()) for profile in (feed.current, *feed.before)}
    then = repeated(feed.current, feed.before, lambda a, b: is_same(cells[id(a)], cells[id(b)]))
    if then is None or is_same_window(feed, feed.current, then):
        return {}
    return {f"of={then.window.start:%Y-%m-%d}": interval.share_of(now.rows, now.rows)}
