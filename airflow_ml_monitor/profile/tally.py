"""Rows → cells, in numpy, batch after batch: each value is cut once, for the whole and for every slice.

The same buckets as query.py writes in SQL; a test holds the two against each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from airflow_ml_monitor.keys import WHOLE, Slice
from airflow_ml_monitor.profile.cells import Cells, Counts, Floats
from airflow_ml_monitor.profile.layout import MINUS_INF, NAN, NULL, OTHER, PLUS_INF, Binning

_SPECIAL: Final = np.array([NULL, NAN, MINUS_INF, PLUS_INF, OTHER])
"""The first places of a tally; after them come the buckets of the grid, or of each value."""
_AT_NULL, _AT_NAN, _AT_MINUS, _AT_PLUS, _AT_OTHER = range(len(_SPECIAL))
_WITHOUT_NUMBERS: Final = _AT_OTHER
"""Places below it hold no finite number."""
_NEAR: Final = 4096
"""Whole values that lie no farther apart are found by a table, others by bisection, which takes three times as long."""


class Room:
    """Arrays that batches are worked out in, one after the other: to allocate them anew takes half as long again.

    rows: of the largest batch.
    """

    __slots__ = ("d", "place", "square", "u")

    def __init__(self, rows: int) -> None:
        self.d, self.square, self.u = np.empty(rows), np.empty(rows), np.empty(rows)
        self.place = np.empty(rows, np.int64)


class Tally:
    """The cells of one numeric, boolean or time column, of the rows that were added.

    slices: by slice column, how many labels it has.
    """

    __slots__ = ("_binning", "_joined", "_lookup", "_slices", "_whole")

    def __init__(self, binning: Binning, slices: Mapping[Binning, int] | None = None) -> None:
        self._binning = binning
        self._lookup = None if binning.is_grid else _Lookup(binning.values)
        self._joined = _joined(binning)
        self._whole = _Sums(self._buckets(binning.resolution))
        # Rows of a value without a label of its own come last, and are dropped.
        coarse = self._buckets(binning.coarse)
        self._slices = {by: _Sums(np.tile(coarse, labels + 1)) for by, labels in (slices or {}).items()}

    def add(self, x: Floats, missing: NDArray[np.bool_] | None, codes: Mapping[Binning, Counts], room: Room) -> None:
        """Count rows in, and leave their u in room.u: NaN where a value is missing or not finite.

        x: the values, NaN where one is missing. missing: where that is so; None: nowhere. codes: by slice column, each
        row's label, or how many labels there are where it has none.
        """
        binning, u, place = self._binning, room.u[: len(x)], room.place[: len(x)]
        with np.errstate(invalid="ignore", over="ignore"):
            d = np.subtract(x, binning.centre, out=room.d[: len(x)])
            np.abs(d, out=u)
            u += binning.scale
            np.divide(d, u, out=u)
            self._put(x, u, room)
            # One sum tells whether every number is finite; that of finite ones may overflow, and they are looked at.
            if missing is not None or not np.isfinite(d.sum()):
                rest = np.flatnonzero(~np.isfinite(d))
                odd = x[rest]
                place[rest] = np.where(np.isnan(odd), _AT_NAN, np.where(odd > 0, _AT_PLUS, _AT_MINUS))
                d[rest], u[rest] = 0.0, np.nan
            if missing is not None:
                place[missing] = _AT_NULL
            parts = (d, np.multiply(d, d, out=room.square[: len(x)]), x)
        self._whole.add(place, parts)
        if codes:
            joined = place if self._joined is None else self._joined[place]
            width = len(self._buckets(binning.coarse))
            for by, code in codes.items():
                self._slices[by].add(code * width + joined, parts)

    def cells(self) -> dict[tuple[Slice, str], Cells]:
        """What was counted, of the whole and of every slice."""
        binning = self._binning
        found = {(WHOLE, binning.column): self._whole.cells(0, len(self._buckets(binning.resolution)))}
        width = len(self._buckets(binning.coarse))
        for by, sums in self._slices.items():
            for i, label in enumerate(by.labels):
                found[((by.column, label),), binning.column] = sums.cells(i * width, (i + 1) * width)
        return found

    def _put(self, x: Floats, u: Floats, room: Room) -> None:
        """The place of each finite number."""
        place = room.place[: len(x)]
        if self._lookup:
            place[:] = self._lookup.place(x)
            return
        share = np.multiply(u, self._binning.resolution, out=room.square[: len(x)])
        np.copyto(place, np.floor(share, out=share), casting="unsafe")
        place += self._binning.resolution + len(_SPECIAL)

    def _buckets(self, resolution: int) -> Counts:
        """The bucket of each place."""
        binning = self._binning
        # Beyond 2⁵³ scales u is 1: the last bucket is for what lies there.
        inner = np.arange(-resolution, resolution + 1) if binning.is_grid else np.arange(len(binning.values))
        return np.concatenate([_SPECIAL, inner])


class CategoryTally:
    """The cells of one categorical column, of the rows that were added; slices: as of a Tally."""

    __slots__ = ("_binning", "_slices", "_whole")

    def __init__(self, binning: Binning, slices: Mapping[Binning, int] | None = None) -> None:
        self._binning = binning
        self._whole = np.zeros(len(self._buckets), np.int64)
        self._slices = {
            by: np.zeros((labels + 1) * len(self._buckets), np.int64) for by, labels in (slices or {}).items()
        }

    def add(self, bucket: Counts, codes: Mapping[Binning, Counts]) -> None:
        """Count rows in, by their bucket: a category's, NULL or OTHER."""
        place = np.where(bucket < 0, np.where(bucket == NULL, 0, 1), bucket + 2)
        self._whole += np.bincount(place, minlength=len(self._whole))
        for by, code in codes.items():
            self._slices[by] += np.bincount(code * len(self._buckets) + place, minlength=len(self._slices[by]))

    def cells(self) -> dict[tuple[Slice, str], Cells]:
        """What was counted, of the whole and of every slice."""
        name = self._binning.column
        found = {(WHOLE, name): self._of(self._whole)}
        for by, counts in self._slices.items():
            parts = counts.reshape(-1, len(self._buckets))
            found |= {(((by.column, label),), name): self._of(parts[i]) for i, label in enumerate(by.labels)}
        return found

    def _of(self, counts: Counts) -> Cells:
        there = np.flatnonzero(counts)
        zero, none = np.zeros(len(there)), np.full(len(there), np.nan)
        return Cells(self._buckets[there], counts[there], zero, zero, none, none)

    @property
    def _buckets(self) -> Counts:
        return np.concatenate([[NULL, OTHER], np.arange(len(self._binning.categories))])


def _joined(binning: Binning) -> Counts | None:
    """The place in a slice of each place in the whole; None: the same. Fine buckets add up to coarse ones exactly."""
    if not binning.is_grid or binning.coarse == binning.resolution:
        return None
    inner = np.arange(2 * binning.resolution + 1) // (binning.resolution // binning.coarse)
    return np.concatenate([np.arange(len(_SPECIAL)), inner + len(_SPECIAL)])


class _Lookup:
    """Which of a few values, at least one, a number is."""

    __slots__ = ("_first", "_places", "_values")

    def __init__(self, values: Sequence[float]) -> None:
        order = np.argsort(np.array(values, np.float64))
        ascending: Floats = np.array(values, np.float64)[order]
        self._first: float | None = None
        offset = ascending - ascending[0]
        if offset[-1] <= _NEAR and (offset == np.floor(offset)).all():
            # A place for each whole number from the first value to the last, and one beyond on either side.
            self._first = float(ascending[0]) - 1
            order, at = np.full(int(offset[-1]) + 3, _AT_OTHER - len(_SPECIAL)), order
            order[offset.astype(np.int64) + 1] = at
            ascending = self._first + np.arange(len(order), dtype=np.float64)
        self._values, self._places = np.append(ascending, np.nan), np.append(order + len(_SPECIAL), _AT_OTHER)

    def place(self, x: Floats) -> Counts:
        if self._first is None:
            near = np.searchsorted(self._values[:-1], x)
        else:
            offset = x - self._first
            # fmin makes a number of NaN, which is equal to no value.
            np.fmin(offset, len(self._values) - 2, out=offset)
            near = np.fmax(offset, 0, out=offset).astype(np.int64)
        place = self._places[near]
        place[self._values[near] != x] = _AT_OTHER
        return np.asarray(place)


class _Sums:
    """Counts, sums and extremes by place; buckets: what each place stands for."""

    __slots__ = ("_buckets", "_count", "_d1", "_d2", "_high", "_low")

    def __init__(self, buckets: Counts) -> None:
        size = len(buckets)
        self._buckets = buckets
        self._count = np.zeros(size, np.int64)
        self._d1, self._d2 = np.zeros(size), np.zeros(size)
        self._low, self._high = np.full(size, np.inf), np.full(size, -np.inf)

    def add(self, place: Counts, parts: tuple[Floats, Floats, Floats]) -> None:
        """parts: each row's d, d² and x."""
        d, square, x = parts
        size = len(self._buckets)
        self._count += np.bincount(place, minlength=size)
        with np.errstate(over="ignore", invalid="ignore"):
            self._d1 += np.bincount(place, d, size)
            self._d2 += np.bincount(place, square, size)
            np.minimum.at(self._low, place, x)
            np.maximum.at(self._high, place, x)

    def cells(self, start: int, end: int) -> Cells:
        """Of some places."""
        there = start + np.flatnonzero(self._count[start:end])
        buckets = self._buckets[there]
        none = buckets < OTHER
        d1, d2 = (np.where(none, 0.0, part[there]) for part in (self._d1, self._d2))
        low, high = (np.where(none, np.nan, part[there]) for part in (self._low, self._high))
        return Cells(buckets, self._count[there], d1, d2, low, high)
