"""Rows → cells, in numpy, batch after batch: each value is cut once, for the whole and for every slice.

The same buckets as query.py writes in SQL; a test holds the two against each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from airflow_ml_monitor.keys import WHOLE, Slice
from airflow_ml_monitor.profile.cells import Cells, Counts, Floats
from airflow_ml_monitor.profile.layout import MINUS_INF, NAN, NULL, OTHER, PLUS_INF, Binning

_SPECIAL: Final = np.array([NULL, NAN, MINUS_INF, PLUS_INF, OTHER])
"""The first places of a tally; after them come the buckets of the grid, or of each value."""
_AT_NULL, _AT_NAN, _AT_MINUS, _AT_PLUS, _AT_OTHER = range(len(_SPECIAL))
_LANES: Final = 2
"""Rows are summed in turns in so many places of a bucket: of one value that most rows have each sum would wait for the
one before it."""
_SHIFT: Final = 2.0**52 / _LANES
_SHIFT_BITS: Final = np.array(_SHIFT).view(np.int64)
_NEAR: Final = 4096
"""Whole values that lie no farther apart are found by a table, others by bisection, which takes three times as long."""

Rows = NDArray[np.int64] | NDArray[np.bool_]
"""Which rows, by number or one by one."""


class Room:
    """Arrays that batches are worked out in, one after the other: to allocate them anew takes half as long again.

    rows: of the largest batch. lane: each row's, which stays.
    """

    __slots__ = ("coarse", "d", "end", "is_beyond", "is_lower", "joined", "lane", "place", "square", "u")

    def __init__(self, rows: int) -> None:
        self.d, self.square, self.u, self.end = np.empty(rows), np.empty(rows), np.empty(rows), np.empty(rows)
        self.place, self.coarse, self.joined = (np.empty(rows, np.int64) for _ in range(3))
        self.is_lower, self.is_beyond = np.empty(rows, bool), np.empty(rows, bool)
        self.lane = np.arange(rows) % _LANES


class Tally:
    """The cells of one numeric, boolean or time column, of the rows that were added.

    slices: by slice column, how many labels it has.
    """

    __slots__ = ("_binning", "_joined", "_lookup", "_slices", "_whole")

    def __init__(self, binning: Binning, slices: Mapping[Binning, int] | None = None) -> None:
        self._binning = binning
        self._lookup = None if binning.is_grid else _Lookup(binning.values)
        self._joined = _joined(binning)
        self._whole = self._sums(binning.resolution, lanes=_LANES)
        # Rows of a value without a label of its own come last, and are dropped.
        self._slices = {by: self._sums(binning.coarse, parts=labels + 1) for by, labels in (slices or {}).items()}

    def add(
        self, x: Floats, missing: Rows | None, codes: Mapping[Binning, Counts], room: Room, u: Floats | None = None
    ) -> None:
        """Count rows in, and leave their u in `u` (None: in room.u): NaN where a value is missing or not finite.

        x: the values. missing: where there is none, whatever x is there; None: nowhere. codes: by slice column, each
        row's label, or how many labels there are where it has none.
        """
        binning, d, place = self._binning, room.d[: len(x)], room.place[: len(x)]
        u = room.u[: len(x)] if u is None else u
        with np.errstate(invalid="ignore", over="ignore"):
            np.subtract(x, binning.centre, out=d)
            if missing is not None:
                d[missing] = 0.0
            np.abs(d, out=u)
            u += binning.scale
            np.divide(d, u, out=u)
            self._put(x, u, room)
            # One sum tells whether every number is finite; that of finite ones may overflow, and they are looked at.
            if not np.isfinite(d.sum()):
                rest = np.flatnonzero(~np.isfinite(d))
                odd = x[rest]
                place[rest] = _LANES * np.where(np.isnan(odd), _AT_NAN, np.where(odd > 0, _AT_PLUS, _AT_MINUS))
                d[rest], u[rest] = 0.0, np.nan
            if missing is not None:
                place[missing], u[missing] = _LANES * _AT_NULL, np.nan
            parts = (d, np.multiply(d, d, out=room.square[: len(x)]), x)
            summed = np.flatnonzero(place // _LANES == _AT_OTHER) if self._lookup else None
            self._whole.add(place, summed, parts, room)
            coarse = _at(self._joined, place, room.coarse[: len(x)]) if codes else place
            for by, code in codes.items():
                joined = np.multiply(code, self._slices[by].width, out=room.joined[: len(x)])
                joined += coarse
                self._slices[by].add(joined, summed, parts, room)

    def cells(self) -> dict[tuple[Slice, str], Cells]:
        """What was counted, of the whole and of every slice."""
        binning = self._binning
        whole = self._whole.cells(0)
        whole = Cells.collect(whole.bucket, whole.count, whole.d1, whole.d2, whole.low, whole.high)
        found = {(WHOLE, binning.column): whole}
        for by, sums in self._slices.items():
            for i, label in enumerate(by.labels):
                found[((by.column, label),), binning.column] = sums.cells(i)
        return found

    def _put(self, x: Floats, u: Floats, room: Room) -> None:
        """The place of each finite number, lane by lane."""
        place = room.place[: len(x)]
        if self._lookup:
            self._lookup.put(x, room)
            np.multiply(place, _LANES, out=place)
            place += room.lane[: len(x)]
            return
        share = np.multiply(u, self._binning.resolution, out=room.square[: len(x)])
        np.floor(share, out=share)
        # The last bits of 2⁵¹ + n are those of 2 n, for n ≥ 0: read there, they cost less than a cast.
        share += _SHIFT + (self._binning.resolution + len(_SPECIAL))
        np.subtract(share.view(np.int64), _SHIFT_BITS, out=place)
        place += room.lane[: len(x)]

    def _sums(self, resolution: int, *, lanes: int = 1, parts: int = 1) -> _Sums:
        binning = self._binning
        # Beyond 2⁵³ scales u is 1: the last bucket is for what lies there.
        inner = np.arange(-resolution, resolution + 1) if binning.is_grid else np.arange(len(binning.values))
        values = None if binning.is_grid else np.array(binning.values, np.float64)
        return _Sums(np.repeat(np.concatenate([_SPECIAL, inner]), lanes), parts, values, binning.centre)


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
        place = np.maximum(bucket + 2, 1)
        place[bucket == NULL] = 0
        np.add.at(self._whole, place, 1)
        for by, code in codes.items():
            joined = code * len(self._whole)
            joined += place
            np.add.at(self._slices[by], joined, 1)

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


def _at(of: NDArray[Any], place: Counts, out: NDArray[Any]) -> NDArray[Any]:
    """of[place], in `out`. All places are within: of numpy's ways to say what else would be, this is the fastest."""
    return np.take(of, place, out=out, mode="wrap")


def _summed(place: Counts, parts: Floats, size: int) -> Floats:
    """Sums of parts by place. Begun anew for every batch: one that goes on and on would round more.

    A quarter faster than `np.bincount`, which looks for the least and the greatest place first.
    """
    found = np.zeros(size)
    np.add.at(found, place, parts)
    return found


def _joined(binning: Binning) -> Counts:
    """The place in a slice of each lane's place in the whole. Fine buckets add up to coarse ones exactly."""
    found = np.arange(len(_SPECIAL) + len(binning.values))
    if binning.is_grid:
        inner = np.arange(2 * binning.resolution + 1) // (binning.resolution // binning.coarse)
        found = np.concatenate([np.arange(len(_SPECIAL)), inner + len(_SPECIAL)])
    return np.repeat(found, _LANES)


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

    def put(self, x: Floats, room: Room) -> None:
        """The place of each number, in room.place."""
        place = room.place[: len(x)]
        if self._first is None:
            near = np.searchsorted(self._values[:-1], x)
        else:
            offset, near = np.subtract(x, self._first, out=room.square[: len(x)]), room.joined[: len(x)]
            # fmin makes a number of NaN, which is equal to no value.
            np.fmin(offset, len(self._values) - 2, out=offset)
            np.copyto(near, np.maximum(offset, 0, out=offset), casting="unsafe")
        _at(self._places, near, place)
        value = _at(self._values, near, room.end[: len(x)])
        place[np.not_equal(value, x, out=room.is_beyond[: len(x)])] = _AT_OTHER


class _Sums:
    """Counts, sums and extremes by place, of parts of the rows one after the other.

    buckets: what each place of a part stands for. values: of its ordinary buckets, where each holds a single value: of
    these the count says all. centre: from where d is measured.
    """

    __slots__ = ("_buckets", "_centre", "_count", "_d1", "_d2", "_high", "_low", "_values", "width")

    def __init__(self, buckets: Counts, parts: int, values: Floats | None, centre: float) -> None:
        self._buckets, self._values, self._centre, self.width = buckets, values, centre, len(buckets)
        size = len(buckets) * parts
        self._count = np.zeros(size, np.int64)
        self._d1, self._d2 = np.zeros(size), np.zeros(size)
        self._low, self._high = np.full(size, np.inf), np.full(size, -np.inf)

    def add(self, place: Counts, summed: Rows | None, parts: tuple[Floats, Floats, Floats], room: Room) -> None:
        """summed: which rows' sums and extremes are wanted; None: all. parts: each row's d, d² and x."""
        np.add.at(self._count, place, 1)
        d, square, x = parts
        if summed is not None:
            place, d, square, x = place[summed], d[summed], square[summed], x[summed]
        if len(place):
            self._d1 += _summed(place, d, len(self._d1))
            self._d2 += _summed(place, square, len(self._d2))
            self._widen(place, x, room)

    def _widen(self, place: Counts, x: Floats, room: Room) -> None:
        """Extremes. Few rows lie beyond those of all batches before, and these are found sooner at once than one after
        the other."""
        end, is_lower, is_beyond = room.end[: len(x)], room.is_lower[: len(x)], room.is_beyond[: len(x)]
        np.less(x, _at(self._low, place, end), out=is_lower)
        np.greater(x, _at(self._high, place, end), out=is_beyond)
        rows = np.flatnonzero(np.logical_or(is_beyond, is_lower, out=is_beyond))
        if 2 * len(rows) < len(x):
            place, x = place[rows], x[rows]
        np.minimum.at(self._low, place, x)
        np.maximum.at(self._high, place, x)

    def cells(self, part: int) -> Cells:
        """Of one of the parts."""
        mine = slice(part * self.width, (part + 1) * self.width)
        there = np.flatnonzero(self._count[mine])
        sums = [of[mine][there] for of in (self._d1, self._d2, self._low, self._high)]
        buckets, count = self._buckets[there], self._count[mine][there]
        if self._values is not None:
            single = np.flatnonzero(buckets > OTHER)
            x, rows = self._values[buckets[single]], count[single]
            d = x - self._centre
            with np.errstate(over="ignore"):
                for of, known in zip(sums, (rows * d, rows * (d * d), x, x), strict=True):
                    of[single] = known
        none = buckets < OTHER
        d1, d2 = (np.where(none, 0.0, of) for of in sums[:2])
        low, high = (np.where(none, np.nan, of) for of in sums[2:])
        return Cells(buckets, count, d1, d2, low, high)
