"""Two columns, each of which has the other's values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from airflow_ml_monitor.measurement import Estimates
from airflow_ml_monitor.metrics.metric import Subject, fault
from airflow_ml_monitor.profile.cells import Profile
from airflow_ml_monitor.profile.dataset import Kind
from airflow_ml_monitor.profile.feed_view import FeedColumn
from airflow_ml_monitor.profile.layout import Binning
from airflow_ml_monitor.profile.mixture import Fit, Rows, Usual
from airflow_ml_monitor.profile.views import ColumnView

APART: Final = 0.5
"""How far the two must differ usually: two normals 1 deviation apart reach 0.38."""
CANDIDATES: Final = 10
ALIKE: Final = 0.15
"""How far the two shares of rows may differ."""


@fault(
    Subject.FEED_COLUMN,
    kinds=(Kind.NUMERIC, Kind.DATETIME, Kind.CATEGORICAL),
    yields_to=("all_missing", "constant"),
)
def swapped(column: FeedColumn) -> Estimates:
    """Two columns have each other's values, in all or a part of the rows.

    The share of rows, of each of the two; parameters name the other. Asked for: each is its usual rows, a share of
    them, the same in both, replaced by the other's; columns that are usually alike cannot be told.
    """
    best: dict[str, Fit] = {}
    for usual in column.usuals[:1]:
        for other in _candidates(column):
            mine = _fit(usual, column, other)
            if not mine.explains(apart=APART):
                continue
            its = _fit(other.usuals[0], other, column)
            if its.explains(apart=APART) and abs(mine.share - its.share) <= ALIKE:
                best[other.name] = mine
    if not best:
        return {}
    name = min(best, key=lambda one: best[one].rest)
    return {f"with={name}": best[name].estimate(column.current)}


def _candidates(column: FeedColumn) -> list[FeedColumn]:
    """Columns that changed too, the likeliest by their means first, or by their categories."""
    others = (c for c in column.feed.columns if c.name != column.name and c.kind is column.kind and c.usuals)
    ranked = sorted(((_mismatch(column, other), i, other) for i, other in enumerate(others)), key=lambda one: one[:2])
    return [other for mismatch, _, other in ranked[:CANDIDATES] if mismatch < 1]


def _mismatch(a: FeedColumn, b: FeedColumn) -> float:
    """How far from swapped the means say that two columns are; 1 where they are not."""
    if a.kind is Kind.CATEGORICAL:
        mine, its = set(a.binning.categories), set(b.binning.categories)
        return len(mine & its) / max(len(mine | its), 1)
    apart, spread = b.reference.mean - a.reference.mean, (a.reference.variance, b.reference.variance)
    if apart * apart <= max(spread) / 4:  # a power of a large float raises
        # Of columns of a like mean only the spread tells.
        return 0.5 if max(spread) > 4 * min(spread) else 1.0
    moved = ((a.current.mean - a.reference.mean) / apart, (b.reference.mean - b.current.mean) / apart)
    return min(2 * abs(moved[0] - moved[1]), 1.0) if min(moved) > 0 and max(moved) < 1.5 else 1.0


def _fit(usual: Usual, column: FeedColumn, other: FeedColumn) -> Fit:
    """The column as usual, a share of its rows replaced by the other's usual ones."""
    if column.kind is not Kind.CATEGORICAL:
        return usual.fit(Rows.at(column.binning, *other.usuals[0].points, other.reference.n))
    feed = column.feed
    views = (column.reference, feed.reference), (column.current, feed.current), (other.reference, feed.reference)
    named = [_by_name(view, profile) for view, profile in views]
    # Values of the other column that are too rare in the window to be named there are together what is not named.
    names = tuple(dict.fromkeys([*column.binning.categories, *named[1]]))
    binning = Binning(column.name, Kind.CATEGORICAL, categories=names)
    rows = [_rows(view, counts, names) for (view, _), counts in zip(views, named, strict=True)]
    return Usual(binning, rows[0], rows[1], usual.view).fit(rows[2])


def _by_name(view: ColumnView, profile: Profile) -> Mapping[str, int]:
    """Rows by category, of those without a bucket by name too where that is known."""
    categories = view.binning.categories
    pairs = zip(view.cells.bucket.tolist(), view.cells.count.tolist(), strict=True)
    found = {categories[bucket]: count for bucket, count in pairs if bucket >= 0}
    return {**found, **profile.traces.unseen.get(view.binning.column, {})}


def _rows(view: ColumnView, counts: Mapping[str, int], names: tuple[str, ...]) -> Rows:
    share = np.array([counts.get(name, 0) for name in names], np.float64)
    share = np.append(share, view.n - share.sum())
    return Rows(share / view.n, 0 * share, 0 * share, float(view.n))
