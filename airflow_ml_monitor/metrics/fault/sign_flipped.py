"""Values with the other sign."""

from __future__ import annotations

import numpy as np

from airflow_ml_monitor.measurement import Estimates
from airflow_ml_monitor.metrics.metric import Subject, fault
from airflow_ml_monitor.profile.dataset import Kind
from airflow_ml_monitor.profile.feed_view import FeedColumn


@fault(
    Subject.FEED_COLUMN,
    kinds=(Kind.NUMERIC,),
    yields_to=("all_missing", "constant", "swapped", "default_flood"),
)
def sign_flipped(column: FeedColumn) -> Estimates:
    """A column's values, or those of a part of the rows, have the other sign.

    The share of rows. Asked for: the window is the usual rows with a share of them flipped. Where the usual values lie
    about 0 on both sides it cannot be told.
    """
    return column.mirrored(np.negative)
