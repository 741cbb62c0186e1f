"""Texts that were decoded wrongly, or escaped once too often."""

from __future__ import annotations

from typing import Final

from scipy.special import bdtrc

from airflow_ml_monitor.measurement import Estimates
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.metric import Subject, fault
from airflow_ml_monitor.profile.dataset import Kind
from airflow_ml_monitor.profile.feed_view import FeedColumn

CHANCE: Final = 1e-9
"""That so many rows look damaged, were their share at the upper limit of the reference's."""
LEAST: Final = 0.005
"""Of the rows with a value."""


@fault(Subject.FEED_COLUMN, kinds=(Kind.CATEGORICAL,))
def encoding_damaged(column: FeedColumn) -> Estimates:
    """Texts hold signs of a wrong decoding: U+FFFD, `Ã©`, control characters, `&amp;`, escapes that were not undone.

    The share of the rows with a value that hold one (profile/text_forms.py) and are no category of the reference.
    Asked for: 0.5 % of the rows, and so many more than in the reference that chance makes them with less than 1e-9.
    """
    now, reference = column.current, column.reference
    rows = column.feed.current.traces.damaged.get(column.name, 0)
    if not now.n or not reference.n or rows < LEAST * now.n or not rows:
        return {}
    usual = interval.share(column.feed.reference.traces.damaged.get(column.name, 0), reference.n)[1]
    if bdtrc(rows - 1, now.n, usual) > CHANCE:
        return {}
    return {"": interval.share_of(rows, now.n)}
