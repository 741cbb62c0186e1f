"""Scores of the other class."""

from __future__ import annotations

from airflow_ml_monitor.measurement import Estimates
from airflow_ml_monitor.metrics.metric import Subject, fault
from airflow_ml_monitor.profile.dataset import Kind, Role
from airflow_ml_monitor.profile.feed_view import FeedColumn


@fault(
    Subject.FEED_COLUMN,
    kinds=(Kind.NUMERIC,),
    yields_to=("all_missing", "constant", "swapped", "default_flood"),
)
def score_inverted(column: FeedColumn) -> Estimates:
    """Scores, or those of a part of the rows, are one minus what they should be: those of the other class.

    The share of rows. Asked for: the window is the usual rows with a share of them inverted. Where the usual scores lie
    about ½ on both sides it cannot be told.
    """
    if column.column.role is not Role.SCORE or not column.reference.n:
        return {}
    low, high = column.reference.extremes
    if low < 0 or high > 1:
        return {}
    return column.mirrored(lambda s: 1 - s)
