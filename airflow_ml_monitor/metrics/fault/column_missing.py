"""A declared column that did not arrive."""

from __future__ import annotations

from airflow_ml_monitor.measurement import Estimates
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.metric import Subject, fault
from airflow_ml_monitor.profile.feed_view import FeedColumn


@fault(Subject.LOST_COLUMN)
def column_missing(column: FeedColumn) -> Estimates:
    """A declared column is not among those that arrived, under any name.

    1 where it is found. A column that arrived under another name is renamed (column_renamed); one that arrived empty is
    not missing (all_missing). Keys and the model version are missing if a window before had them.
    """
    feed = column.feed
    if column.name in feed.current.traces.columns or column.name in feed.renamed:
        return {}
    return {"": interval.share_of(feed.rows, feed.rows)}
