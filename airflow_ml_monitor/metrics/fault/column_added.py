"""A column that nobody declared, for the first time. A note: nothing is broken by it."""

from __future__ import annotations

from airflow_ml_monitor.measurement import Estimates
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.metric import Subject, fault
from airflow_ml_monitor.profile.feed_view import FeedView


@fault(Subject.FEED)
def column_added(feed: FeedView) -> Estimates:
    """A column arrived that neither the reference nor a window before had, and that is no renamed one: `column=`.

    1 for each. A note (measurement.NOTES): it is stored and shown, and no decision asks to investigate it. Said on the
    first day only, and not of the first window, where what the reference lacks is no news.
    """
    earlier = [profile.traces.columns for profile in feed.before if profile.traces.columns]
    if not earlier or not feed.rows or not feed.reference.traces.columns:
        return {}
    known = {*feed.reference.traces.columns, *feed.renamed.values(), *(name for names in earlier for name in names)}
    known |= {*feed.dataset.entity_key, feed.dataset.event_time, *(column.name for column in feed.dataset.columns)}
    one = interval.share_of(feed.rows, feed.rows)
    return {f"column={name}": one for name in feed.current.traces.columns if name not in known}
