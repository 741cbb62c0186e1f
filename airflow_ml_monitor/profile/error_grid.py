"""How percentage errors are cut: on one fixed grid, of the whole and of slices alike. Light: a Task is checked by it.

A percentage error is (prediction - label) / |label|; a cell holds its upper end: above a limit means above it.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Final

_STEPS: Final = (
    *("1", "1.1", "1.2", "1.3", "1.4", "1.5", "1.6", "1.8", "2", "2.2", "2.5", "2.8", "3"),
    *("3.5", "4", "4.5", "5", "5.5", "6", "7", "7.5", "8", "9"),
)
ERROR_EDGES: Final = (*(float(f"{step}e{power}") for power in range(-3, 1) for step in _STEPS), 10.0)
"""Of the size of a percentage error, 0.1 % to 1,000 %: no two are further apart than 17 %."""

CELLS: Final = len(ERROR_EDGES) + 1
"""On each side of 0."""

NO_PERCENTAGE: Final = 0
"""The bucket of a label of 0, and of every row of entries stored by a release that kept no percentage errors.

Others: 1 (the furthest below) to CELLS are too low, CELLS + 1 to 2 * CELLS exact or too high.
"""

LADDER: Final = (float("-inf"), *(-edge for edge in reversed(ERROR_EDGES)), 0.0, *ERROR_EDGES, float("inf"))
"""Where the cells of buckets 1 to 2 * CELLS begin and, last, where the last one ends."""


def nearest_limits(limit: float) -> tuple[float, ...]:
    """The edges next to a number, below and above it; the number alone if it is one.

    >>> nearest_limits(0.2), nearest_limits(0.17), nearest_limits(99.0)
    ((0.2,), (0.16, 0.18), (10.0,))
    """
    place = bisect_left(ERROR_EDGES, limit)
    if place < len(ERROR_EDGES) and ERROR_EDGES[place] == limit:
        return (limit,)
    return ERROR_EDGES[max(place - 1, 0) : place + 1]
