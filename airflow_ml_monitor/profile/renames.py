"""A declared column that is missing arrived under another name: which one? By its distribution, then by its name."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from airflow_ml_monitor.keys import WHOLE
from airflow_ml_monitor.profile.cells import Cells, Profile
from airflow_ml_monitor.profile.layout import Binning, Layout
from airflow_ml_monitor.profile.names import likeness
from airflow_ml_monitor.profile.views import ColumnView, PairView

BINS: Final = 20
"""Quantile bins of a grid."""
ENOUGH: Final = 3
"""Windows before that have the column, to compare with them instead of the reference."""
USUAL: Final = (0.005, 0.015)
"""Squared Hellinger distance beyond chance: least (and, before three windows tell, only) and most that is allowed.

0.005 and 0.015 are a normal's mean moved by 0.2 and 0.35 standard deviations.
"""
DAYS_APART: Final = 2.0
"""So many times the largest distance of a window before from all of them is still the same column."""
MOST: Final = 0.03
"""Beyond which no pair is looked at; with its doubt, so that few rows prove nothing."""
TELLING: Final = 2.5
"""Bins, as their entropy counts them, below which a distribution alone is no proof: most booleans look alike."""
ALIKE: Final = 0.5
"""Likeness of names that is asked for then."""
BETTER: Final = 0.15
"""Likeness by which one name must be nearer than another, where distributions do not tell."""


@dataclass(frozen=True, slots=True)
class _Pair:
    """missing came as `new`, at a squared Hellinger distance beyond chance of which `limit` is allowed; doubt: twice
    its standard deviation."""

    missing: str
    new: str
    distance: float
    doubt: float
    limit: float
    likeness: float

    def beats(self, other: _Pair) -> bool:
        if other.distance > self.distance + max(self.limit, other.limit) + max(self.doubt, other.doubt):
            return True
        return self.likeness >= other.likeness + BETTER


def renames(
    layout: Layout, reference: Profile, current: Profile, before: Sequence[Profile], missing: Iterable[str]
) -> dict[str, str]:
    """{missing column: its new name}, each new name once; only what is beyond doubt.

    Looked at: columns that neither the reference had nor, beside the missing one, a window before.
    """
    if not reference.traces.columns:
        return {}
    open_pairs = []
    for name in missing:
        rows = current.traces.candidates.get(name, {})
        together = [set(p.traces.columns) for p in (reference, *before) if name in p.traces.columns]
        fresh = {new: rows[new] for new in rows if not any(new in columns for columns in together)}
        open_pairs += _pairs(layout[name], _usual(layout[name], reference, before), fresh)
    found: dict[str, str] = {}
    while sure := [pair for pair in open_pairs if _is_sure(pair, open_pairs)]:
        found |= {pair.missing: pair.new for pair in sure}
        taken = {pair.new for pair in sure}
        open_pairs = [pair for pair in open_pairs if pair.missing not in found and pair.new not in taken]
    return found


def _is_sure(pair: _Pair, others: Iterable[_Pair]) -> bool:
    """Whether a pair is near enough, and beats every other of the same columns."""
    rivals = (o for o in others if (o.missing == pair.missing) != (o.new == pair.new))
    return pair.distance <= pair.limit + pair.doubt / 2 and all(pair.beats(rival) for rival in rivals)


@dataclass(frozen=True, slots=True)
class _Usual:
    """What a column looked like, on the grid of candidates, and how far from that it may lie."""

    view: ColumnView
    limit: float


def _usual(binning: Binning, reference: Profile, before: Sequence[Profile]) -> _Usual:
    coarse = replace(binning, resolution=binning.coarse)
    factor = binning.resolution // binning.coarse if binning.is_grid else 1
    key = (WHOLE, binning.column)
    days = [p.cells[key].coarsened(factor) for p in before if key in p.cells and p.cells[key].rows]
    if len(days) < ENOUGH:
        return _Usual(ColumnView(coarse, reference.cells[key].coarsened(factor)), USUAL[0])
    pooled = days[0]
    for cells in days[1:]:
        pooled += cells
    usual = ColumnView(coarse, pooled)
    far = [_distance(usual, ColumnView(coarse, cells)) for cells in days]
    apart = max(distance - doubt / 2 for distance, doubt, _ in far)
    return _Usual(usual, min(max(DAYS_APART * apart, USUAL[0]), USUAL[1]))


def _pairs(binning: Binning, usual: _Usual, candidates: Mapping[str, Mapping[int, int]]) -> list[_Pair]:
    """The candidates of one missing column that could be it at all."""
    found = []
    for new, rows in candidates.items():
        distance, doubt, telling = _distance(usual.view, ColumnView(usual.view.binning, _cells(rows)))
        alike = likeness(binning.column, new)
        if distance + doubt <= MOST and (telling >= TELLING or alike >= ALIKE):
            found.append(_Pair(binning.column, new, distance, doubt, usual.limit, alike))
    return found


def _cells(rows: Mapping[int, int]) -> Cells:
    bucket, count = (np.array(list(part), np.int64) for part in (rows.keys(), rows.values()))
    none, zero = np.full(len(bucket), np.nan), np.zeros(len(bucket))
    return Cells.collect(bucket, count, zero, zero, none, none)


def _distance(usual: ColumnView, now: ColumnView) -> tuple[float, float, float]:
    """(squared Hellinger distance beyond what chance makes, its doubt, bins of the usual as their entropy counts)."""
    a, b = PairView(usual, now).shares(BINS)
    if not a.sum() or not b.sum():
        return 1.0, 1.0, 0.0
    p, q = a / a.sum(), b / b.sum()
    spread = (1 / a.sum() + 1 / b.sum()) / 8
    chance = (len(p) - 1) * spread
    # Of equal distributions 8 n times the distance is about chi-square; twice its standard deviation.
    doubt = 2 * math.sqrt(2 * max(len(p) - 1, 1)) * spread
    entropy = -float(np.sum(p[p > 0] * np.log(p[p > 0])))
    return max(1 - float(np.sqrt(p * q).sum()) - chance, 0.0), doubt, math.exp(entropy)
