"""Quartiles of a column that streams by, exactly and in constant memory.

A few million values are held; of more the leading sixteen bits are counted, and the values of those few counts alone
that hold a quartile are held, or counted further, in another pass. Doubles sort as their bits do, but for the sign.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
Parts = Callable[[], Iterator[Floats]]
"""A pass over the values; NaN where one is missing."""

QUARTILES: Final = (0.25, 0.5, 0.75)
HELD: Final = 2_000_000
"""Values at once: 16 MB."""
_DIGIT: Final = 16
_DIGITS: Final = 64 // _DIGIT
_PART: Final = 1 << _DIGIT
_LOOK: Final = 256
"""Values of a part that are looked at first, for there to be many different ones; and about as many of all."""
_ATOM: Final = 16
"""Of these so many that are equal are no chance: one value is that of many rows."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Finite values: how many, their quartiles (as percentile_cont has them; NaN of none), and all of them that are
    different, ascending, if these are no more than was asked for. deviation: the sample's, None of fewer than two;
    looked at only where the outer quartiles are no distance apart, else None."""

    rows: int
    low: float
    median: float
    high: float
    deviation: float | None
    values: tuple[float, ...] | None


def spread_of(parts: Parts, most: int, held: int = HELD) -> Spread:
    """Of values that can be passed over several times. most: different values to tell. held: values to hold at once."""
    gathered = Gathered(most, held)
    for part in parts():
        gathered.add(part)
    return gathered.spread(parts)


class Gathered:
    """What the first pass leaves: all values or, of too many to hold, how many have each leading digit.

    most, held: see spread_of.
    """

    def __init__(self, most: int, held: int = HELD) -> None:
        self._few, self._held = _Few(most), held
        self._rows = 0
        self._values: list[Floats] = []
        self._counts: Counts | None = None

    def add(self, part: Floats) -> None:
        """Take in a part of the values, which must not change after that."""
        part = _finite(part)
        self._few.add(part)
        self._rows += len(part)
        if self._counts is not None:
            self._counts += _Begun().counted(part)
            return
        self._values.append(part)
        if self._rows > self._held:
            self._counts = np.sum([_Begun().counted(one) for one in self._values], axis=0)
            self._values = []

    def spread(self, parts: Parts) -> Spread:
        """Of all that were added, which `parts` passes over again where they were not held."""
        rows, counts = self._rows, self._counts
        if not rows:
            return Spread(0, math.nan, math.nan, math.nan, None, self._few.found)
        wanted = sorted({rank for p in QUARTILES for rank in (math.floor(p * (rows - 1)), math.ceil(p * (rows - 1)))})
        if counts is None:
            found = _placed(np.concatenate(self._values), wanted)
        else:
            found = _selected(parts, wanted, _Begun(), counts, self._held)
        low, median, high = (_between(found, p * (rows - 1)) for p in QUARTILES)
        held, self._values = self._values, []
        again = (lambda: iter(held)) if held else parts
        deviation = None if 0 < high - low < math.inf else _deviation(again, rows)
        return Spread(rows, low, median, high, deviation, self._few.found)


def _between(found: dict[int, float], at: float) -> float:
    """The value at a place between two; half way, as the centre of a grid is, to the last digit as DuckDB has it."""
    first = math.floor(at)
    part = at - first
    return found[first] * (1.0 - part) + found[first + 1] * part if part else found[first]


def _finite(part: Floats) -> Floats:
    there = np.isfinite(part)
    return part if there.all() else part[there]


def _keys(part: Floats) -> Counts:
    """Whole numbers in the order of the values."""
    bits = part.view(np.int64)
    return bits ^ ((bits >> 63) & np.int64(2**63 - 1))


def _placed(values: Floats, places: Sequence[int]) -> dict[int, float]:
    """The values at some ascending places in the order of all, which is changed."""
    looked_at = np.sort(values[:: len(values) // _LOOK or 1])
    if (looked_at[_ATOM:] == looked_at[:-_ATOM]).any():
        # numpy parts such values more slowly than it sorts them.
        values.sort()
        return {place: float(values[place]) for place in places}
    return _parted(values, places)


def _parted(values: Floats, places: Sequence[int], offset: int = 0) -> dict[int, float]:
    """As `_placed`. offset: the first value's place.

    One place at a time, in the half where the next lies: numpy would look through all of them for each. The next after
    it is the least of that half.
    """
    if not places:
        return {}
    middle = len(places) // 2
    middle -= middle > 0 and places[middle - 1] == places[middle] - 1
    place, rest = places[middle], places[middle + 1 :]
    at = place - offset
    values.partition(at)
    found, above = {place: float(values[at])}, values[at + 1 :]
    if rest and rest[0] == place + 1:
        found[rest[0]], rest = float(above.min()), rest[1:]
    return found | _parted(values[:at], places[:middle], offset) | _parted(above, rest, place + 1)


@dataclass(frozen=True, slots=True)
class _Begun:
    """The first digits of some keys, as one number; the first of all is signed."""

    number: int = 0
    digits: int = 0

    def of(self, part: Floats) -> Floats:
        """The values that begin so."""
        return part[_keys(part) >> (64 - self.digits * _DIGIT) == self.number] if self.digits else part

    def counted(self, part: Floats) -> Counts:
        """How many of them have each next digit."""
        next_digit = _keys(self.of(part)) >> (64 - (self.digits + 1) * _DIGIT)
        return np.bincount((next_digit + _PART // 2) if not self.digits else next_digit & (_PART - 1), minlength=_PART)

    def then(self, at: int) -> _Begun:
        number = (self.number << _DIGIT) + at if self.digits else at - _PART // 2
        return _Begun(number, self.digits + 1)

    @property
    def value(self) -> float:
        """The one value that begins so, if all digits are known."""
        return float(_keys(np.array([self.number], np.int64).view(np.float64)).view(np.float64)[0])


def _selected(parts: Parts, places: Sequence[int], begun: _Begun, counts: Counts, held: int) -> dict[int, float]:
    """The values at some places among those that begin so; counts: these, by their next digit."""
    upto, found, by_digit = np.cumsum(counts), dict[int, float](), dict[int, list[int]]()
    for place in places:
        by_digit.setdefault(int(np.searchsorted(upto, place, "right")), []).append(place)
    for at, mine in by_digit.items():
        inner, before = begun.then(at), int(upto[at] - counts[at])
        inside = [place - before for place in mine]
        if inner.digits == _DIGITS:
            values = dict.fromkeys(inside, inner.value)
        elif counts[at] <= held:
            values = _placed(np.concatenate([inner.of(part) for part in map(_finite, parts())]), inside)
        else:
            further = np.sum([inner.counted(part) for part in map(_finite, parts())], axis=0)
            values = _selected(parts, inside, inner, further, held)
        found |= {place: values[place - before] for place in mine}
    return found


def _deviation(parts: Parts, rows: int) -> float | None:
    """The sample's standard deviation, about the mean."""
    if rows < 2:
        return None
    with np.errstate(over="ignore", invalid="ignore"):
        mean = sum(float(part.sum()) for part in map(_finite, parts())) / rows
        square = sum(float(np.square(part - mean).sum()) for part in map(_finite, parts()))
    return math.sqrt(square / (rows - 1)) if math.isfinite(square) else math.inf


class _Few:
    """Different values, until there are too many of them. found: None from then on."""

    def __init__(self, most: int) -> None:
        self._most, self._found = most, np.empty(0)
        self._many = False

    def add(self, part: Floats) -> None:
        for some in (part[:_LOOK], part):
            if not self._many:
                self._found = np.union1d(self._found, some)
                self._many = len(self._found) > self._most

    @property
    def found(self) -> tuple[float, ...] | None:
        return None if self._many else tuple(self._found.tolist())
