"""A declared column that did not arrive."""

from __future__ import annotations

from airflow_ml_monitor.measurement import Estimate, Estimates, Family
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.profile.feed_view import FeedColumn


@metric(Family.FAULT, Subject.LOST_COLUMN, range=(0.0, 1.0), worse=Worse.UP)
def column_missing(column: FeedColumn) -> Estimates:
    """A declared column is not among those that arrived, under any name.

    1 where it is found. A column that arrived under another name is renamed (column_renamed); one that arrived empty is
    not missing (all_missing). Keys and the model version are missing if a window before had them.
    """
    feed = column.feed
    if column.name in feed.current.traces.columns or column.name in feed.renamed:
        return {}
    return {"": Estimate(1.0, feed.rows, *interval.share(feed.rows, feed.rows))}
