"""Columns whose values belong to other rows."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from airflow_ml_monitor.measurement import Estimate, Estimates
from airflow_ml_monitor.metrics.interval import Z
from airflow_ml_monitor.metrics.metric import Subject, fault
from airflow_ml_monitor.profile.cells import Floats
from airflow_ml_monitor.profile.feed_view import FeedColumn, FeedView
from airflow_ml_monitor.profile.mixture import LEAST_ROWS, Rows, Usual
from airflow_ml_monitor.profile.traces import Products

CLEAR: Final = 0.15
"""A correlation of the reference from which on it is looked at."""
KNOWN: Final = 5.5
"""How many of the window's deviations a correlation of the reference is from 0."""
CERTAIN: Final = 3.5
"""How many it is now from where it was, at least."""
SAME: Final = 0.06
"""How far its values may be from those of before: a normal's shift by half a deviation."""
GONE: Final = 0.4
"""Of a correlation at most so much is left where the rows are others; one that turned round is no such thing."""
FEWEST: Final = 3
"""Windows before."""
STRONG: Final = 0.6
"""One correlation that is gone is enough if it was so strong; weaker ones must be two."""


@fault(Subject.FEED_COLUMN, yields_to=("frozen_column",))
def shifted_join(column: FeedColumn) -> Estimates:
    """A column's values, alone or with others', stand beside other rows' than they should.

    The share of rows; parameters name the columns that moved with it. Asked for: its values are distributed as before,
    and every clear correlation with the columns that stayed is gone, while those among the columns that moved and those
    among the columns that stayed are kept. One relation that changed is a drift. Of the first 24 columns, whose
    products are summed. Three windows before, within which those correlations were clear as well.
    """
    groups = _moved(column.feed)
    for group, share, half in groups:
        if column.name in group:
            rows = column.current.rows
            others = "+".join(name for name in group if name != column.name)
            found = Estimate(share, rows, max(share - half, 0.0), min(share + half, 1.0))
            return {f"with={others}" if others else "": found}
    return {}


def _moved(feed: FeedView) -> list[tuple[tuple[str, ...], float, float]]:
    """(columns, share of the rows, half its interval) of every group that moved."""
    before, today = feed.reference.traces.products, feed.current.traces.products
    if before is None or today is None or min(before.n, today.n) < LEAST_ROWS or len(_known(feed)) < FEWEST:
        return []
    names = tuple(name for name in before.columns if name in today.columns)
    usual, now = _correlations(before, names), _correlations(today, names)
    deviation = math.sqrt(1 / before.n + 1 / today.n)
    with np.errstate(invalid="ignore", divide="ignore"):
        z_usual, z_now = np.arctanh(np.clip(usual, -0.999, 0.999)), np.arctanh(np.clip(now, -0.999, 0.999))
        clear = (np.abs(usual) >= CLEAR) & (np.abs(z_usual) >= KNOWN * deviation) & np.isfinite(now)
        # Of days that differ as a whole columns are correlated from day to day, and within none.
        clear &= _within(feed, names) * np.sign(usual) >= CLEAR
        gone = clear & (np.abs(now / usual) <= GONE) & (np.abs(z_now - z_usual) >= CERTAIN * deviation)
    np.fill_diagonal(clear, False)
    if not gone.any():
        return []
    same = np.array([_is_same(feed, name) for name in names])
    clear &= np.outer(same, same)
    gone &= clear
    return [
        (tuple(names[i] for i in group), *_share(usual, now, cut, deviation))
        for group, cut in _groups(clear, gone, np.abs(usual))
    ]


def _known(feed: FeedView) -> list[Products]:
    """Of the windows before."""
    found = (profile.traces.products for profile in feed.before)
    return [products for products in found if products is not None and products.n >= LEAST_ROWS]


def _within(feed: FeedView, names: tuple[str, ...]) -> Floats:
    """The correlations within windows: the median of those before."""
    known = [products for products in _known(feed) if set(names) <= set(products.columns)]
    if not known:
        return np.zeros((len(names), len(names)))
    return np.asarray(np.median(np.nan_to_num([_correlations(products, names) for products in known]), axis=0))


def _correlations(products: Products, names: tuple[str, ...]) -> Floats:
    place = [products.columns.index(name) for name in names]
    return products.correlations[np.ix_(place, place)]


def _is_same(feed: FeedView, name: str) -> bool:
    """True if a column's values are distributed about as before."""
    column = next((c for c in feed.columns if c.name == name), None)
    if column is None or min(column.current.n, column.reference.n) < LEAST_ROWS:
        return False
    usual = Usual(column.binning, Rows.of(column.reference), Rows.of(column.current), column.reference)
    return usual.change[0] < SAME


Edges = NDArray[np.bool_]


def _groups(clear: Edges, gone: Edges, strength: Floats) -> list[tuple[list[int], Edges]]:
    """(columns, the correlations that they lost) of every group but the one that stayed, which is the largest."""
    parts = _parts(np.asarray(clear & ~gone), np.asarray(clear.any(axis=1)))
    # If none are kept at all, every column moved; else the largest group stayed: the one with most to lose, of equals.
    parts.sort(key=lambda part: (len(part), float((strength * clear)[part].sum())))
    stayed = parts[-1] if parts and (len(parts[-1]) > 1 or len(parts) == 2) else []
    found = []
    for part in parts:
        if part is stayed:
            continue
        cut = np.zeros_like(gone)
        cut[np.ix_(part, [i for i in range(len(gone)) if i not in part])] = True
        cut &= gone
        if cut.sum() >= 2 or strength[cut].max(initial=0.0) >= STRONG:
            found.append((part, cut))
    return found


def _parts(kept: Edges, known: NDArray[np.bool_]) -> list[list[int]]:
    """Columns that kept correlations connect."""
    left, parts = set(np.flatnonzero(known).tolist()), []
    while left:
        part, todo = set(), [left.pop()]
        while todo:
            i = todo.pop()
            part.add(i)
            near = set(np.flatnonzero(kept[i]).tolist()) & left
            left -= near
            todo += near
        parts.append(sorted(part))
    return parts


def _share(usual: Floats, now: Floats, cut: Edges, deviation: float) -> tuple[float, float]:
    """The share of rows that lost the correlations, by least squares, and half of its interval."""
    weight = usual[cut]
    kept = float(weight @ now[cut] / (weight @ weight))
    # As if all of a column's correlations erred together.
    half = Z * deviation * float(np.abs(weight).sum() / (weight @ weight))
    return (1.0 if kept - half <= 0 else min(1 - kept, 1.0)), half
