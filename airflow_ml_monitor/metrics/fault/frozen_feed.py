"""An earlier window's rows again."""

from __future__ import annotations

from functools import partial

from airflow_ml_monitor.measurement import Estimates
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.frozen import is_same_window, repeated
from airflow_ml_monitor.metrics.metric import Subject, fault
from airflow_ml_monitor.profile.feed_view import FeedView


@fault(Subject.FEED)
def frozen_feed(feed: FeedView) -> Estimates:
    """The rows are those of an earlier window: every column but times has the same values as often as then.

    1 where it is found; parameters: the window's first day. Asked for: columns in which chance would fill the same
    buckets as often less than once in 1e12 windows, and windows before that did not repeat each other.
    """
    then = repeated(feed.current, feed.before, partial(is_same_window, feed))
    if then is None:
        return {}
    return {f"of={then.window.start:%Y-%m-%d}": interval.share_of(feed.rows, feed.rows)}
