"""An earlier window's rows again."""

from __future__ import annotations

from functools import partial

from airflow_ml_monitor.measurement import Estimate, Estimates, Family
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.frozen import is_same_window, repeated
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.profile.feed_view import FeedView


@metric(Family.FAULT, Subject.FEED, range=(0.0, 1.0), worse=Worse.UP)
def frozen_feed(feed: FeedView) -> Estimates:
    """The rows are those of an earlier window: every column but times has the same values as often as then.

    1 where it is found; parameters: the window's first day. Asked for: columns in which chance would fill the same
    buckets as often less than once in 1e12 windows, and windows before that did not repeat each other.
    """
    then = repeated(feed.current, feed.before, partial(is_same_window, feed))
    if then is None:
        return {}
    return {f"of={then.window.start:%Y-%m-%d}": Estimate(1.0, feed.rows, *interval.share(feed.rows, feed.rows))}
