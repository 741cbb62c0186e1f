"""Are a window's values the usual ones, of which a share was altered in a known way? What faults of a column share.

A window is explained as (1 - share) · usual + share · altered: usual is the reference, or the windows before where the
column has drifted since, altered what a hypothesis makes of the usual values. The share is fitted by least squares over
bins of about equal mass; the distance that is left says how much the hypothesis does not explain. Only rows with a
value take part. A distance is Σ (p - q)² / (p + q) / 2, in [0, 1] (Le Cam 1986), less what chance gives; where altered
rows fall together into one bucket, as values times 1,000 do, mean and deviation within it count as well.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from airflow_ml_monitor.measurement import Estimate
from airflow_ml_monitor.profile.cells import Cells, Counts, Floats
from airflow_ml_monitor.profile.layout import OTHER, SPECIAL, Binning
from airflow_ml_monitor.profile.views import ColumnView

LEAST_ROWS: Final = 30
"""With a value, in the window and in the usual rows: no name is given to fewer."""
Z: Final = 1.959963984540054
LOOKED_AT: Final = (0.004, 1.5)
"""A window that is no farther from the usual rows, or no more of chance's deviations, has no fault that could be named:
most columns of most windows, at once."""
CHANGED: Final = 0.015
"""The least distance that may be given a name: 5 % of the rows where no value was make 0.026."""
CERTAIN: Final = 6.0
"""How many deviations from 0 the altered share must be, were it none: a normal has 1e-9 there."""
SURPRISE: Final = 3.0
"""So many altered rows are one such deviation at least: where no usual rows are, every one would be certain."""
REST: Final = 0.2
"""Of a change an explanation may leave unexplained."""
LEAST_SHARE: Final = 0.04
"""Of a window's rows: fewer are given no name."""
WHOLE: Final = 0.9
MIRRORED: Final = 0.5
"""So many of the mirrored rows must lie apart, if all are mirrored: a normal's shift by 1 deviation reaches 0.38."""
MIRRORED_PART: Final = 0.8
"""If only a part is: half of the rows shifted by two deviations look like all of them shifted by one."""
BINS: Final = 24
ROWS_PER_BIN: Final = 20
TOGETHER: Final = 0.3
"""Of the altered rows in one bucket: mean and deviation within it tell what the bucket cannot."""

Alter = Callable[[Floats], Floats]


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows with a value by place (the bucket, counted from 0; the last place is `other`), and within it by moments.

    share: of all rows with a value. mean, square: of x - centre and its square, a place's own; 0 where no row is, NaN
    where they are not to be compared.
    """

    share: Floats
    mean: Floats
    square: Floats
    n: float

    @classmethod
    def of(cls, view: ColumnView) -> Rows:
        """What a column's cells hold."""
        cells, binning = view.cells, view.binning
        pick = (cells.bucket > SPECIAL) | (cells.bucket == OTHER)
        sums = (cells.count[pick].astype(np.float64), cells.d1[pick], cells.d2[pick])
        return cls._summed(binning, places(binning, cells.bucket[pick]), sums)

    @classmethod
    def at(cls, binning: Binning, x: Floats, weight: Floats, n: float) -> Rows:
        """Values with their weights, as a layout cuts them; what is not finite is left out."""
        kept = np.isfinite(x)
        x, weight = x[kept], weight[kept]
        with np.errstate(over="ignore"):
            d = x - binning.centre
            sums = (weight, weight * d, weight * d * d)
        found = cls._summed(binning, places(binning, bucket_of(binning, x)), sums)
        return cls(found.share, found.mean, found.square, n)

    @classmethod
    def _summed(cls, binning: Binning, place: Counts, sums: tuple[Floats, Floats, Floats]) -> Rows:
        size = places_of(binning)
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            count, d1, d2 = (np.bincount(place, weights=part, minlength=size) for part in sums)
            mean, square = (np.where(count > 0, part / count, 0.0) for part in (d1, d2))
            n = float(count.sum())
            return cls(count / max(n, 1e-300), mean, square, n)

    def mixed(self, other: Rows, share: float) -> Rows:
        """(1 - share) of these, share of the others."""
        both = (1 - share) * self.share + share * other.share
        with np.errstate(invalid="ignore", divide="ignore"):
            of = np.where(both > 0, share * other.share / both, 0.0)
        mean, square = ((1 - of) * a + of * b for a, b in ((self.mean, other.mean), (self.square, other.square)))
        return Rows(both, mean, square, self.n)


def places_of(binning: Binning) -> int:
    """How many places a column has: its buckets, and `other`."""
    return (2 * binning.resolution if binning.is_grid else len(binning.values or binning.categories)) + 1


def places(binning: Binning, bucket: Counts) -> Counts:
    """Buckets → places."""
    first = -binning.resolution if binning.is_grid else 0
    last = places_of(binning) - 1
    return np.where(bucket < SPECIAL, last, np.clip(bucket - first, 0, last)).astype(np.int64)


def place_of_name(binning: Binning, category: str) -> int:
    """The place of a category, that of `other` if it has no bucket."""
    known = binning.categories
    return known.index(category) if category in known else len(known)


def bucket_of(binning: Binning, x: Floats) -> Counts:
    """The bucket of finite numbers."""
    if binning.is_grid:
        with np.errstate(over="ignore"):
            d = x - binning.centre
            return np.floor(binning.resolution * (d / (binning.scale + np.abs(d)))).astype(np.int64)
    values = np.array(binning.values)
    place = np.minimum(np.searchsorted(values, x), len(values) - 1)
    # A converted value is seldom the same to the last digit.
    near = [np.abs(values[np.clip(place - i, 0, None)] - x) <= 1e-9 * np.abs(x) for i in (0, 1)]
    return np.where(near[0], place, np.where(near[1], np.clip(place - 1, 0, None), OTHER)).astype(np.int64)


def points(view: ColumnView) -> tuple[Floats, Floats]:
    """(x, weight) of the rows with a value: four of each cell, between its extremes, about its mean."""
    cells = view.cells
    pick = (cells.bucket > SPECIAL) | (cells.bucket == OTHER)
    count, low, high = cells.count[pick].astype(np.float64), cells.low[pick], cells.high[pick]
    mean = np.clip(view.binning.centre + cells.d1[pick] / count, low, high)
    wide = high > low
    # So that the four have the cell's mean.
    below = np.where(wide, (high - mean) / np.where(wide, high - low, 1.0), 0.5) * count
    x = np.concatenate([mean + part * (end - mean) for end in (low, high) for part in (0.75, 0.25)])
    return x, np.concatenate([below, below, count - below, count - below]) / (2 * count.sum())


@dataclass(frozen=True)
class Fit:
    """How well one alteration explains a window.

    share: of the rows with a value, altered, with its 95 % interval. change, rest: the window's distance from the usual
    rows, and from the mixture. apart: the share of altered rows that lie where no usual ones do, those
    that the alteration leaves as they are, such as 0, not counted. certain: how many deviations the share is
    from 0, were it none. chance: the deviation of a distance by chance.
    """

    share: float
    low: float
    high: float
    change: float
    rest: float
    apart: float
    certain: float
    chance: float

    def explains(self, *, apart: float = 0.0, rest: float = REST) -> bool:
        """True if the change is one, and the alteration explains most of it."""
        is_change = self.change >= CHANGED and self.certain >= CERTAIN and self.share >= LEAST_SHARE
        return is_change and self.apart >= apart and self.rest <= rest * self.change + 2 * self.chance

    def mirrors(self) -> bool:
        """True if it explains the change, being its own inverse, so that a drift the other way is not far from it."""
        return self.explains(apart=MIRRORED if self.low >= WHOLE else MIRRORED_PART)

    def estimate(self, window: ColumnView) -> Estimate:
        """The share of the window's rows; all of those with a value where they cannot be told from that."""
        part = window.n / max(window.rows, 1)
        share = 1.0 if self.high >= 1.0 else self.share
        return Estimate(share * part, window.rows, max(self.low, 0.0) * part, min(self.high, 1.0) * part)


@dataclass(frozen=True, eq=False)
class Usual:
    """The usual rows of a column beside those of the window."""

    binning: Binning
    rows: Rows
    now: Rows
    view: ColumnView

    @cached_property
    def points(self) -> tuple[Floats, Floats]:
        return points(self.view)

    @cached_property
    def change(self) -> tuple[float, float]:
        """(distance, chance's deviation) of the window from the usual rows."""
        return self._distance(self.rows, self._bins(self.rows))

    @property
    def has_changed(self) -> bool:
        return self.change[0] >= max(LOOKED_AT[0], LOOKED_AT[1] * self.change[1])

    def altered(self, alter: Alter) -> Fit:
        """The window as usual rows, of which a share was altered so."""
        x, weight = self.points
        with np.errstate(all="ignore"):
            made = alter(x)
            fixed = float(weight[np.abs(made - x) <= 1e-9 * np.abs(x)].sum())
        return self.fit(Rows.at(self.binning, made, weight, self.rows.n), fixed)

    def fit(self, other: Rows, fixed: float = 0.0) -> Fit:
        """The window as usual rows, of which a share was replaced by others. fixed: the share that is as it was."""
        bins = self._bins(other)
        usual, altered, now = (_joined(rows.share, bins) for rows in (self.rows, other, self.now))
        apart = float(np.abs(usual - altered).sum() / 2) / max(1 - fixed, LEAST_SHARE)
        # Weights that do not depend on the window: those that do bias the share by a row per bin.
        weight = (altered - usual) / np.maximum(usual + altered, 1e-12)
        scale = float(weight @ (altered - usual))
        if scale <= 0:
            return Fit(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
        share = float(weight @ (now - usual)) / scale
        weight = weight / scale
        of_now, of_usual = (max(float(weight**2 @ part - (weight @ part) ** 2), 0.0) for part in (now, usual))
        half = Z * math.sqrt(of_now / self.now.n + of_usual / self.rows.n)
        certain = share / math.sqrt(of_usual * (1 / self.now.n + 1 / self.rows.n) + (SURPRISE / self.now.n) ** 2)
        inside = min(max(share, 0.0), 1.0)
        change, chance = self._distance(self.rows, bins)
        mixed = self.rows.mixed(other, inside)
        rest = self._distance(mixed, bins)[0] + self._within(mixed, other)
        return Fit(inside, share - half, share + half, change, rest, apart, certain, chance)

    def _bins(self, other: Rows) -> Counts:
        """The bin of every place: about as many rows in each, of usual, altered and window's rows together."""
        pooled = (self.rows.share + other.share + self.now.share) / 3
        if not self.binning.is_grid:
            return np.arange(len(pooled))
        bins = int(min(max(min(self.now.n, self.rows.n) / ROWS_PER_BIN, 6), BINS))
        middle = np.cumsum(pooled) - pooled / 2
        return np.minimum((bins * middle).astype(np.int64), bins - 1)

    def _distance(self, expected: Rows, bins: Counts) -> tuple[float, float]:
        """(distance less what chance gives, chance's deviation) of the window from what is expected of it."""
        usual, now = _joined(expected.share, bins), _joined(self.now.share, bins)
        both = usual + now
        there = both > 0
        gap = float(((usual - now)[there] ** 2 / both[there]).sum() / 2)
        # A share's variance over both shares is half of what one row brings, twice halved where nothing has changed.
        chance = float((usual * (1 - usual))[there] @ (1 / both[there])) * (1 / self.now.n + 1 / self.rows.n) / 2
        freedom = max(int(there.sum()) - 1, 1)
        return max(gap - chance, 0.0), max(chance * math.sqrt(2 / freedom), 1e-12)

    def _within(self, expected: Rows, other: Rows) -> float:
        """Distance within the places where altered rows are together: of normals of those moments, about."""
        found = 0.0
        for place in np.flatnonzero(other.share >= TOGETHER):
            share = float(self.now.share[place])
            if share * self.now.n < 2:
                continue
            # Differences of sums are no surer.
            least = 1e-7 * (abs(float(self.now.mean[place])) + self.binning.scale)
            spread = [
                math.sqrt(max(float(rows.square[place] - rows.mean[place] ** 2), 0.0) + least**2)
                for rows in (expected, self.now)
            ]
            if not all(math.isfinite(s) for s in spread):
                continue
            shift = float(expected.mean[place] - self.now.mean[place]) / max(spread)
            found += share * min((shift**2 + 2 * math.log(spread[0] / spread[1]) ** 2) / 4, 1.0)
        return found


def _joined(share: Floats, bins: Counts) -> Floats:
    return np.asarray(np.bincount(bins, weights=share), np.float64)


def usuals(window: ColumnView, reference: ColumnView, before: Sequence[ColumnView]) -> tuple[Usual, ...]:
    """What a window is compared with, if it has changed from the reference: that; the windows before, if nearer to it.

    Windows before that had the fault themselves are not nearer, or make it no change.
    """
    if min(window.n, reference.n) < LEAST_ROWS:
        return ()
    now = Rows.of(window)
    first = Usual(window.binning, Rows.of(reference), now, reference)
    if not first.has_changed:
        return ()
    pooled = ColumnView(window.binning, sum((view.cells for view in before), Cells.empty()))
    if pooled.n < window.n:
        return (first,)
    second = Usual(window.binning, Rows.of(pooled), now, pooled)
    drift = Usual(window.binning, first.rows, second.rows, reference).change[0]
    return (first, second) if drift < first.change[0] / 2 and second.has_changed else (first,)
