"""A column that lost the values of a part of the rows."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from airflow_ml_monitor.measurement import Estimate, Estimates
from airflow_ml_monitor.metrics.interval import Z
from airflow_ml_monitor.metrics.metric import Subject, fault
from airflow_ml_monitor.profile.feed_view import FeedColumn
from airflow_ml_monitor.profile.layout import NAN
from airflow_ml_monitor.profile.views import ColumnView

LEAST: Final = 0.05
"""Of the rows that should have a value must have lost it."""
CERTAIN: Final = 6.0
"""Deviations, of chance and between windows, beyond the reference's share: a normal has 1e-9 there."""
UNKNOWN: Final = 0.05
"""The deviation between windows where too few are known, in deviations of one row."""
LEAST_ROWS: Final = 30


@fault(Subject.FEED_COLUMN, yields_to=("all_missing",))
def missing_flood(column: FeedColumn) -> Estimates:
    """A part of the rows that should have a value have none: NULL or NaN.

    The share of rows that lost it. Asked for: at least 5 % of those that should have one; six deviations, of chance and
    between the windows before; and more than on the same weekday in every week before.
    """
    now, reference = column.current, column.reference
    if min(now.rows, reference.rows) < LEAST_ROWS:
        return {}
    share, usual = _missing(now), _missing(reference)
    if usual == 1 or share - usual < LEAST * (1 - usual):
        return {}
    row = math.sqrt(max(usual * (1 - usual), 1 / reference.rows))
    chance = row * math.sqrt(1 / now.rows + 1 / reference.rows)
    between = _between([_missing(view) for view in column.before if view.rows], row)
    if share - usual < CERTAIN * math.hypot(chance, between) or share <= _of_weekday(column):
        return {}
    lost = (share - usual) / (1 - usual)
    half = Z * math.sqrt(share * (1 - share) / now.rows + usual * (1 - usual) / reference.rows)
    limits = ((share - usual - half) / (1 - usual), (share - usual + half) / (1 - usual))
    part = 1 - usual
    return {"": Estimate(lost * part, now.rows, max(limits[0], 0.0) * part, min(limits[1], 1.0) * part)}


def _missing(view: ColumnView) -> float:
    return (view.nulls + view.cells.at(NAN)) / max(view.rows, 1)


def _between(shares: list[float], row: float) -> float:
    """The deviation of a window's share, from neighbours' differences: a fault that lasts makes one of them large."""
    if len(shares) < 5:
        return UNKNOWN * row
    return float(np.median(np.abs(np.diff(shares)))) / 0.954


def _of_weekday(column: FeedColumn) -> float:
    """The least of the shares on the same weekday before, a little more; 0 where none is known."""
    feed = column.feed
    whole = [profile for profile in feed.alike if not profile.faults.keys() & {"", column.name}]
    found = [_missing(ColumnView.of(profile, feed.layout, column.name)) for profile in whole]
    return 1.2 * min(found, default=0.0)
