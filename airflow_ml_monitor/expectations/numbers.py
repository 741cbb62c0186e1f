"""What cells of numbers and booleans say of bounds and sets."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeVar

import numpy as np

from airflow_ml_monitor.expectations.found import Found, kept_mostly, set_answer
from airflow_ml_monitor.profile.cells import Counts, Floats
from airflow_ml_monitor.profile.dataset import Kind
from airflow_ml_monitor.profile.layout import MINUS_INF, OTHER, PLUS_INF, SPECIAL
from airflow_ml_monitor.profile.views import ColumnView

_WHOLE: Final = 2.0**53
"""Beyond it a double stands for several integers."""
_HUGE: Final = 1e300
"""Beyond it a finite number may lie infinitely far from the centre, in the bucket of the infinite ones."""
_ROUNDING: Final = 1e-9
"""Of sums of doubles, as a share of the sum of sizes; the engines agree to it."""
_ROUNDING_SINGLE: Final = 2e-6
"""Of sums of single-precision floats, which pandas adds as such."""

_Interval = tuple[float, float]
K = TypeVar("K")
T = TypeVar("T")


def between(kind: str, kwargs: Mapping[str, Any], view: ColumnView) -> Found | None:
    """A rule with min_value and max_value, on the values or on a number about all of them."""
    parts = _Parts(view)
    if kind == "expect_column_values_to_be_between":
        return _values_between(kwargs, parts)
    interval = _STATISTICS[kind](view, parts)
    if interval is None or not all(map(math.isfinite, interval)):
        return None
    kept = _agreed(parts, kwargs, lambda limits: is_within(interval, limits))
    return None if kept is None else Found(kept, parts.checked)


def answer(kind: str, kwargs: Mapping[str, Any], view: ColumnView) -> Found | None:
    """A rule with value_set."""
    members, parts = kwargs["value_set"], _Parts(view)
    fitting = bool if view.kind is Kind.BOOLEAN else (int, float)
    # 1 equals True, but not in every frame.
    if not all(isinstance(m, fitting) and isinstance(m, bool) is (fitting is bool) for m in members):
        return None
    # Of booleans the numbers that they equal.
    wanted = dict(enumerate(map(float, members)))
    held = _agreed(parts, wanted, lambda of: parts.held(of.values()))
    missing = _agreed(parts, wanted, lambda of: parts.lacks(of.values()))
    return set_answer(kind, kwargs, parts.checked, held=held, missing=missing)


def is_within(interval: _Interval, limits: Mapping[str, Any]) -> bool | None:
    """Whether a number that lies in an interval is within limits; None where that depends on where it lies."""
    low, high = interval
    sides = [
        _is_beyond(low, high, limits.get("min_value"), bool(limits.get("strict_min"))),
        _is_beyond(-high, -low, _negative(limits.get("max_value")), bool(limits.get("strict_max"))),
    ]
    if "value" in limits:
        sides = [low == limits["value"]]
    if False in sides:
        return False
    return None if None in sides else True


def _negative(limit: float | None) -> float | None:
    return None if limit is None else -limit


def _is_beyond(low: float, high: float, limit: float | None, strict: bool) -> bool | None:
    """Whether all of [low, high] lies above a limit, or none of it."""
    if limit is None or low > limit or (low == limit and not strict):
        return True
    return False if high < limit or (high == limit and strict) else None


class _Parts:
    """Runs of values, one a cell: the lowest, the highest and the rows of each; infinite ones have their own."""

    def __init__(self, view: ColumnView) -> None:
        cells = view.cells
        pick = (cells.bucket > SPECIAL) | (cells.bucket == OTHER)
        low, high, count = cells.low[pick], cells.high[pick], cells.count[pick]
        ends = [
            (sign, rows) for sign, rows in ((-math.inf, cells.at(MINUS_INF)), (math.inf, cells.at(PLUS_INF))) if rows
        ]
        self.is_finite = not ends
        infinite = np.array([value for value, _ in ends], np.float64)
        self.low: Floats = np.r_[low, infinite]
        self.high: Floats = np.r_[high, infinite]
        self.count: Counts = np.r_[count, np.array([rows for _, rows in ends], np.int64)]
        self.checked = int(self.count.sum())
        edges = np.r_[low, high]
        with np.errstate(over="ignore"):
            # A column of single-precision floats has no other values; a bound is rounded to them before it is compared.
            self.may_be_single = bool(np.all(edges == edges.astype(np.float32)))
        self.largest = float(np.abs(edges).max()) if len(edges) else 0.0

    def held(self, members: Iterable[float]) -> int | None:
        """Rows with one of the members; None where a member lies inside a run of several values."""
        rows = np.zeros(len(self.count), bool)
        for member in members:
            inside = (self.low <= member) & (member <= self.high)
            if np.any(self.low[inside] != self.high[inside]):
                return None
            rows |= inside
        return int(self.count[rows].sum())

    def lacks(self, members: Iterable[float]) -> bool | None:
        """Whether one of the members is no value; None where that is not known."""
        known: bool | None = False
        for member in members:
            if np.any((self.low == member) | (self.high == member)):
                continue
            if not np.any((self.low < member) & (member < self.high)):
                return True
            known = None
        return known

    def rank(self, rank: int) -> _Interval | None:
        """Between what the value of a rank from 1 lies; None where runs overlap."""
        order = np.lexsort((self.high, self.low))
        low, high = self.low[order], self.high[order]
        if np.any(high[:-1] > low[1:]):
            return None
        i = int(np.searchsorted(np.cumsum(self.count[order]), rank, side="left"))
        return float(low[i]), float(high[i])


def _agreed(parts: _Parts, kwargs: Mapping[K, Any], answered: Callable[[Mapping[K, Any]], T]) -> T | None:
    """An answer that holds whether the column's numbers are double, single, or big integers; else None."""
    limits = [v for v in kwargs.values() if isinstance(v, (int, float)) and not isinstance(v, bool)]
    if any(abs(v) >= _WHOLE for v in limits) and parts.largest >= _WHOLE:
        return None
    if not parts.is_finite and any(abs(v) >= _HUGE for v in limits):
        return None
    found = answered(kwargs)
    if parts.may_be_single:
        with np.errstate(over="ignore"):
            single = {k: _single(v) for k, v in kwargs.items()}
        if answered(single) != found:
            return None
    return found


def _single(value: Any) -> Any:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return value
    rounded = float(np.float32(value))
    return rounded if math.isfinite(rounded) else value


def _values_between(kwargs: Mapping[str, Any], parts: _Parts) -> Found | None:
    def unexpected(limits: Mapping[str, Any]) -> int | None:
        kept = [is_within(run, limits) for run in zip(parts.low.tolist(), parts.high.tolist(), strict=True)]
        if None in kept:
            return None
        return int(parts.count[~np.array(kept, bool)].sum())

    limits = {k: v for k, v in kwargs.items() if k != "mostly"}
    broken = _agreed(parts, limits, unexpected)
    return None if broken is None else kept_mostly(kwargs, parts.checked, broken)


def _extreme(pick: Callable[[Floats], Any], of: str) -> Callable[[ColumnView, _Parts], _Interval | None]:
    def found(view: ColumnView, parts: _Parts) -> _Interval | None:
        value = float(pick(getattr(parts, of)))
        return value, value

    return found


def _moments(view: ColumnView, parts: _Parts) -> tuple[float, float, float, float] | None:
    """(rows, sum of d, sum of d², share of rounding); None where a value is infinite."""
    pick = (view.cells.bucket > SPECIAL) | (view.cells.bucket == OTHER)
    d1, d2 = float(view.cells.d1[pick].sum()), float(view.cells.d2[pick].sum())
    if not parts.is_finite or not math.isfinite(d1) or not math.isfinite(d2):
        return None
    return parts.checked, d1, d2, _ROUNDING_SINGLE if parts.may_be_single else _ROUNDING


def _mean(view: ColumnView, parts: _Parts) -> _Interval | None:
    if (moments := _moments(view, parts)) is None:
        return None
    n, d1, d2, rounding = moments
    centre = view.binning.centre
    mean, margin = centre + d1 / n, rounding * (abs(centre) + math.sqrt(d2 / n))
    return mean - margin, mean + margin


def _sum(view: ColumnView, parts: _Parts) -> _Interval | None:
    mean = _mean(view, parts)
    # Integers are added as such, and overflow.
    if mean is None or parts.checked * parts.largest >= _WHOLE:
        return None
    return parts.checked * mean[0], parts.checked * mean[1]


def _stdev(view: ColumnView, parts: _Parts) -> _Interval | None:
    moments = _moments(view, parts)
    if moments is None or parts.checked < 2:
        return None
    n, d1, d2, rounding = moments
    variance, margin = (d2 - d1 * d1 / n) / (n - 1), rounding * d2 / (n - 1)
    return math.sqrt(max(variance - margin, 0.0)), math.sqrt(max(variance + margin, 0.0))


def _median(view: ColumnView, parts: _Parts) -> _Interval | None:
    ranks = (parts.checked + 1) // 2, parts.checked // 2 + 1
    below, above = (parts.rank(rank) for rank in ranks)
    if below is None or above is None:
        return None
    if below == above and below[0] == below[1]:
        return below
    low, high = below[0] / 2 + above[0] / 2, below[1] / 2 + above[1] / 2
    margin = _ROUNDING * max(abs(low), abs(high))
    return low - margin, high + margin


_STATISTICS: Final[Mapping[str, Callable[[ColumnView, _Parts], _Interval | None]]] = {
    "expect_column_min_to_be_between": _extreme(np.min, "low"),
    "expect_column_max_to_be_between": _extreme(np.max, "high"),
    "expect_column_mean_to_be_between": _mean,
    "expect_column_median_to_be_between": _median,
    "expect_column_stdev_to_be_between": _stdev,
    "expect_column_sum_to_be_between": _sum,
}
