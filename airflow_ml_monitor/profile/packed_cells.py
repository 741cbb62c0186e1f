"""Cells ↔ few small integers: what version 2 of the codec stores of them.

Counts are kept as they are. Four numbers a cell are most of what a profile weighs, and most of their digits say nothing
that a metric reads, so of each cell only this is kept, and checked by reading it back:

* of one value: that value, to the bit; its sums follow from it and the column's centre;
* of several: its extremes, to a 10,000th of the way between them, as whole numbers of a decimal step, so that a short
  decimal stays what it is and no value passes a bound that is one; where its mean lies between them and how its values
  vary, so finely that both sums are within 1e-9 of what they were;
* where that does not hold, all four numbers to the bit; so too of the cells with the column's own extremes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from airflow_ml_monitor.profile.cells import Cells, Counts, Floats

NONE, ONE, SPAN, EXACT = range(4)
"""Forms of a cell: no number in it; one value; several; kept as it was."""
SUMS: Final = 1e-9
"""Of a cell's sums, in parts of themselves."""
WIDTH: Final = 1e-4
"""Of a cell's extremes, in parts of the way between them."""
MOST_DIGITS: Final = 6
"""Behind the point, of columns that are looked upon as decimals."""
WHOLE: Final = 2.0**52
"""Up to here doubles hold every whole number."""
_TENS: Final = np.array([float(f"1e{i}") for i in range(301)])
_MEAN, _VARIANCE = 2.0**-30, 2.0**-31
"""Steps of a mean and of a variance, in parts of the larger extreme's distance from the centre, and of its square: in
every bucket of a grid but those at the centre no value is less than half as far."""

Flags = NDArray[np.bool_]
Columns = dict[str, np.ndarray[Any, Any]]


@dataclass(frozen=True, slots=True)
class _Keys:
    """Of each key (a column in a slice): how many cells it has, the digits of its step, whether all its extremes are
    such decimals, and the centre that its d are counted from."""

    length: Counts
    digits: Counts
    is_decimal: Flags
    centre: Floats

    def spread(self, of: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """A key's own for each of its cells."""
        return np.repeat(of, self.length)


def packed_cells(parts: Sequence[Cells], *, to_the_bit: bool = False) -> Columns:
    """The columns that `unpacked_cells` reads. to_the_bit: keep all four numbers of every cell."""
    length = np.array([len(part.bucket) for part in parts], np.int64)
    cells = _joined(parts)
    # What is no number is compared and passed over.
    with np.errstate(all="ignore"):
        keys = _keys(cells, length)
        digits, decimal, centre = (keys.spread(of) for of in (keys.digits, keys.is_decimal, keys.centre))
        low, high = (_steps(x, digits) for x in (cells.low, cells.high))
        form, rows = _form(cells), cells.count.astype(np.float64)
        plain = (form == ONE) & ~decimal
        lowest, highest = np.where(plain, (cells.low, cells.high), (_value(low, digits), _value(high, digits)))
        ends = (lowest - centre, highest - centre)
        mean, within = _moments(cells, rows, *ends)
        again = Cells(cells.bucket, cells.count, *_sums(form, rows, ends, mean, within), lowest, highest)
        form[(form != NONE) & (to_the_bit | ~_holds(cells, again, length))] = EXACT
    stepped, span, exact = (form == SPAN) | ((form == ONE) & decimal), form == SPAN, form == EXACT
    width, upto = (high - low)[stepped].astype(np.int64), high[stepped].astype(np.int64)
    return {
        "length": length,
        "digits": keys.digits,
        "decimal": keys.is_decimal.astype(np.int64),
        "centre": keys.centre,
        "bucket": np.diff(cells.bucket, prepend=0),
        "count": cells.count,
        "form": form,
        "width": width,
        "gap": np.diff(upto, prepend=0) - width,
        "mean": mean[span].astype(np.int64),
        "within": within[span].astype(np.int64),
        "one": cells.low[(form == ONE) & ~decimal],
        **{f"exact_{name}": getattr(cells, name)[exact] for name in ("d1", "d2", "low", "high")},
    }


def unpacked_cells(columns: Mapping[str, np.ndarray[Any, Any]]) -> list[Cells]:
    """What was packed, in its order."""
    keys = _Keys(columns["length"], columns["digits"], columns["decimal"].astype(bool), columns["centre"])
    form, count = columns["form"], columns["count"]
    bucket, rows = np.cumsum(columns["bucket"]), count.astype(np.float64)
    decimal, centre, digits = (keys.spread(of) for of in (keys.is_decimal, keys.centre, keys.digits))
    low, high, mean, within = (np.full(len(form), fill) for fill in (np.nan, np.nan, 0.0, 0.0))
    stepped, span, one = (form == SPAN) | ((form == ONE) & decimal), form == SPAN, (form == ONE) & ~decimal
    upto = np.cumsum(columns["gap"] + columns["width"])
    high[stepped] = _value(upto.astype(np.float64), digits[stepped])
    low[stepped] = _value((upto - columns["width"]).astype(np.float64), digits[stepped])
    low[one] = high[one] = columns["one"]
    mean[span], within[span] = columns["mean"], columns["within"]
    with np.errstate(all="ignore"):
        d1, d2 = _sums(form, rows, (low - centre, high - centre), mean, within)
    exact = form == EXACT
    for name, of in (("d1", d1), ("d2", d2), ("low", low), ("high", high)):
        of[exact] = columns[f"exact_{name}"]
    ends = np.cumsum(keys.length)
    spans = map(slice, ends - keys.length, ends)
    return [Cells(bucket[at], count[at], d1[at], d2[at], low[at], high[at]) for at in spans]


def _joined(parts: Sequence[Cells]) -> Cells:
    if not parts:
        return Cells.empty()
    names = ("bucket", "count", "d1", "d2", "low", "high")
    return Cells(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def _keys(cells: Cells, length: Counts) -> _Keys:
    key = np.repeat(np.arange(len(length)), length)
    finite = np.isfinite(cells.low) & np.isfinite(cells.high)
    digits = np.full(len(length), -1)
    for tried in range(MOST_DIGITS + 1):
        fails = finite & ~(_is_decimal(cells.low, tried) & _is_decimal(cells.high, tried))
        fits = np.bincount(key[fails], minlength=len(length)) == 0
        digits[fits & (digits < 0)] = tried
    is_decimal = digits >= 0
    span = finite & (cells.low < cells.high)
    # So many that the step is a fifth of what is asked for in a cell of middling width.
    needed = np.where(span, -np.log10((cells.high - cells.low) * WIDTH / 5), 0.0)
    usual = np.bincount(key, needed, len(length)) / np.maximum(np.bincount(key[span], minlength=len(length)), 1)
    digits = np.where(is_decimal, digits, np.clip(np.ceil(np.nan_to_num(usual)), -300, 300)).astype(np.int64)
    return _Keys(length, digits, is_decimal, _centres(cells, key, finite & (cells.count != 0), len(length)))


def _is_decimal(x: Floats, digits: int) -> Flags:
    steps = np.rint(x * _TENS[digits])
    return np.asarray((steps / _TENS[digits] == x) & (np.abs(steps) < WHOLE))


def _centres(cells: Cells, key: Counts, finite: Flags, keys: int) -> Floats:
    """By key: what its values lie d from, told by the cell that is nearest to it; of one value, if there is one."""
    found = np.zeros(keys)
    d = cells.d1 / cells.count
    told = np.flatnonzero(finite & np.isfinite(d))
    best = told[np.lexsort((np.abs(d[told]), (cells.low != cells.high)[told], key[told]))]
    first = best[np.unique(key[best], return_index=True)[1]]
    found[key[first]] = (cells.low[first] + cells.high[first]) / 2 - d[first]
    return np.where(np.isfinite(found), found, 0.0)


def _form(cells: Cells) -> Counts:
    none = np.isnan(cells.low) & np.isnan(cells.high) & (cells.d1 == 0) & (cells.d2 == 0)
    return np.where(none, NONE, np.where(cells.low == cells.high, ONE, SPAN)).astype(np.int64)


def _steps(x: Floats, digits: Counts) -> Floats:
    """Whole numbers of 10 ** -digits."""
    size = _TENS[np.abs(digits)]
    steps = np.rint(np.where(digits < 0, x / size, x * size))
    return np.where(np.abs(steps) < WHOLE, steps, 0.0)


def _value(steps: Floats, digits: Counts) -> Floats:
    size = _TENS[np.abs(digits)]
    return np.asarray(np.where(digits < 0, steps * size, steps / size))


def _moments(cells: Cells, rows: Floats, low: Floats, high: Floats) -> tuple[Floats, Floats]:
    """Of each cell in steps: how far its mean lies above its lowest, and its variance. low, high: from the centre."""
    reach = np.maximum(np.abs(low), np.abs(high))
    mean = _whole((cells.d1 / rows - low) / (reach * _MEAN))
    centred = low + mean * (reach * _MEAN)
    return mean, _whole((cells.d2 / rows - centred * centred) / (reach * reach * _VARIANCE))


def _whole(x: Floats) -> Floats:
    return np.where(np.abs(x) < WHOLE, np.rint(x), 0.0)


def _sums(
    form: Counts, rows: Floats, ends: tuple[Floats, Floats], mean: Floats, within: Floats
) -> tuple[Floats, Floats]:
    """(d1, d2) of what was kept. ends: the extremes, from the centre."""
    low, high = ends
    reach = np.maximum(np.abs(low), np.abs(high))
    d = np.where(form == SPAN, low + mean * (reach * _MEAN), low)
    variance = np.where(form == SPAN, within * (reach * reach * _VARIANCE), 0.0)
    there = form != NONE
    return np.where(there, rows * d, 0.0), np.where(there, rows * (d * d + variance), 0.0)


def _holds(cells: Cells, again: Cells, length: Counts) -> Flags:
    """Whether each cell is near enough to what it was."""
    way = WIDTH * (cells.high - cells.low)
    near = (np.abs(again.low - cells.low) <= way) & (np.abs(again.high - cells.high) <= way)
    near &= (again.low == again.high) == (cells.low == cells.high)
    near &= np.abs(again.d1 - cells.d1) <= SUMS * np.abs(cells.d1)
    near &= np.abs(again.d2 - cells.d2) <= SUMS * cells.d2
    filled = length[length > 0]
    if len(filled):
        starts = np.cumsum(filled) - filled
        least, most = np.fmin.reduceat(cells.low, starts), np.fmax.reduceat(cells.high, starts)
        near &= (cells.low != np.repeat(least, filled)) | (again.low == cells.low)
        near &= (cells.high != np.repeat(most, filled)) | (again.high == cells.high)
    return np.asarray(near)
