"""A declared column that arrived under another name."""

from __future__ import annotations

from airflow_ml_monitor.measurement import Estimates
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.metric import Subject, fault
from airflow_ml_monitor.profile.feed_view import FeedColumn


@fault(Subject.LOST_COLUMN)
def column_renamed(column: FeedColumn) -> Estimates:
    """A declared column is missing, and one that is new is distributed as it was: `to=` the new name.

    1 where it is found. Asked for (profile/renames.py): the new column was never seen beside the missing one, its
    distribution over the missing one's buckets, missing values included, is that of the windows before (or of the
    reference) as nearly as days are alike, and no other pair of a missing and a new column explains it as well; names
    decide between equals. Columns whose means are less than a third of a standard deviation apart are equals. A
    distribution of hardly more than two values is no proof: the names must be alike, too.
    """
    new = column.feed.renamed.get(column.name)
    if new is None:
        return {}
    rows = column.feed.rows
    return {f"to={new}": interval.share_of(rows, rows)}
