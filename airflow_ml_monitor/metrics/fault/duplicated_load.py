"""Rows that were loaded more than once."""

from __future__ import annotations

from typing import Final

import numpy as np

from airflow_ml_monitor.keys import WHOLE
from airflow_ml_monitor.measurement import Estimates
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.metric import Subject, fault
from airflow_ml_monitor.profile.cells import Cells, Counts, Profile
from airflow_ml_monitor.profile.feed_view import FeedView

LEAST: Final = 0.01
"""Share of repeated keys from which a load, not a row, is said to be repeated."""
FREE: Final = 40
"""Filled buckets, all of them multiples of the same number: chance would make them even once in 2⁴⁰ ≈ 1e12 windows."""


@fault(Subject.FEED)
def duplicated_load(feed: FeedView) -> Estimates:
    """Rows arrived more than once: by their entity keys or, without any, as every value is there 2, 3, … times.

    Value: share of the window's rows that repeat another one. Asked for: 1 % repeated keys; without keys that the rows
    in every bucket of every column (40 buckets or more) are multiples of one number, as when a whole load came twice;
    of a part that came twice keys alone can tell.
    """
    rows, repeated = feed.rows, feed.current.duplicates
    if not rows:
        return {}
    if repeated >= LEAST * rows:
        return {"": interval.share_of(repeated, rows)}
    if feed.dataset.entity_key:
        return {}
    filled = _filled(feed, feed.current)
    # Rows that always come in pairs, in the reference too, are no copies.
    usual = int(np.gcd.reduce(_filled(feed, feed.reference), initial=0)) or 1
    times = int(np.gcd.reduce(filled)) // usual if len(filled) >= FREE else 1
    if times < 2:
        return {}
    copies = rows - rows // times
    return {f"times={times}": interval.share_of(copies, rows)}


def _filled(feed: FeedView, profile: Profile) -> Counts:
    """Rows in each bucket that has some, of all columns."""
    counts = [profile.cells.get((WHOLE, column.name), Cells.empty()).count for column in feed.columns]
    return np.concatenate([count[count > 0] for count in counts]) if counts else np.zeros(0, np.int64)
