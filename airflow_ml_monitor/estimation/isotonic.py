"""Isotonic regression of shares, of many draws at once.

scipy's takes one at a time, and loads all of `scipy.optimize`, which takes longer than the regressions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from airflow_ml_monitor.profile.cells import Counts, Floats

_AT_ONCE: Final = 250_000
"""Elements: 2 MB an array, and there are a dozen."""
_WHOLE: Final = 8
"""Rounds that look at every block; by then few still fall, and only what lies beside them is looked at."""


def never_falling(positives: Floats, rows: Floats) -> Floats:
    """The shares nearest to positives / rows that never fall along the last axis; (D, K), NaN where there are no rows.

    Least squares, weighted by rows (pool adjacent violators, in any order: Ayer, Brunk, Ewing, Reid, Silverman 1955).
    """
    some = max(1, _AT_ONCE // max(1, rows.shape[1]))
    return np.concatenate([_of_some(positives[i : i + some], rows[i : i + some]) for i in range(0, len(rows), some)])


def _of_some(positives: Floats, rows: Floats) -> Floats:
    there = rows > 0
    draw = np.repeat(np.arange(len(rows)), there.sum(axis=1))
    blocks = _Blocks(positives[there], rows[there], np.ones(len(draw), np.int64), draw)
    for _ in range(_WHOLE):
        if not (falls := blocks.falls).any():
            break
        blocks = blocks.at(np.flatnonzero(np.append(True, ~falls)))
    found = np.full(rows.shape, np.nan)
    found[there] = _rising(blocks)
    return found


@dataclass(frozen=True, slots=True, eq=False)
class _Blocks:
    """Neighbours that are one, in order: arrays of B. sums, weights: of a block; size: of how many; draw: of which."""

    sums: Floats
    weights: Floats
    size: Counts
    draw: Counts

    @property
    def falls(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """(B - 1,): whether a block lies above the next of its draw."""
        share = self.sums / self.weights
        return np.asarray((share[:-1] > share[1:]) & (self.draw[:-1] == self.draw[1:]))

    def at(self, start: Counts) -> _Blocks:
        """Joined: one from each of some blocks to before the next."""
        sums, weights, size = (np.add.reduceat(part, start) for part in (self.sums, self.weights, self.size))
        return _Blocks(sums, weights, size, self.draw[start])


def _rising(blocks: _Blocks) -> Floats:
    """The share of every element, once no block falls."""
    sums, weights, size = blocks.sums.copy(), blocks.weights.copy(), blocks.size.copy()
    after, before = np.arange(1, len(sums) + 1), np.arange(-1, len(sums) - 1)
    is_there, is_left = np.ones(len(sums), np.bool_), np.zeros(len(sums) + 1, np.bool_)
    left = np.flatnonzero(blocks.falls)
    while len(left):
        # Of a run that falls every first one, so that none is joined with two at once. The last place stands for none.
        is_left[left] = True
        joins = left[~is_left[before[left]]]
        is_left[left] = False
        right = after[joins]
        for part in (sums, weights, size):
            part[joins] += part[right]
        is_there[right], after[joins] = False, after[right]
        before[after[joins][after[joins] < len(sums)]] = joins[after[joins] < len(sums)]
        near = np.unique(np.concatenate([left, joins, before[joins]]))
        near = near[near >= 0]
        near = near[is_there[near] & (after[near] < len(sums))]
        near = near[blocks.draw[near] == blocks.draw[after[near]]]
        left = near[sums[near] / weights[near] > sums[after[near]] / weights[after[near]]]
    return np.repeat((sums / weights)[is_there], size[is_there])
