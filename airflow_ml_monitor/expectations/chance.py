"""What a fresh window may show by chance, given what so many reference rows showed."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from scipy.stats import betabinom

WINDOW_ROWS: Final = 500
"""Rules allow for what chance does to a window of so many rows; smaller windows break them more often."""
RISK: Final = 1 / 30_000
"""How often a rule may break in a window of the same world: every day of 80 years, once."""


def most_of_window(hits: int, rows: int) -> int:
    """The most hits among WINDOW_ROWS fresh rows, but for the share RISK of windows; hits were seen in `rows` rows.

    The true share is only known as well as the rows tell it: the count is beta-binomial, with the distribution behind
    Clopper and Pearson's upper bound (1934), Beta(hits + 1, rows - hits).
    """
    if hits >= rows:
        return WINDOW_ROWS
    return _quantile(hits + 1, rows - hits)


def most_outside(rank: int, rows: int) -> int:
    """The most of WINDOW_ROWS fresh values outside the `rank`-th smallest and greatest of `rows`, but for RISK.

    The share outside is Beta(2 rank, rows + 1 - 2 rank), whatever the distribution of a continuous variable, and
    smaller where values tie (Wilks 1941). WINDOW_ROWS where the two ranks meet.
    """
    if 2 * rank > rows:
        return WINDOW_ROWS
    return _quantile(2 * rank, rows + 1 - 2 * rank)


def mostly(hits: int) -> float:
    """The share of a window that keeps a rule which `hits` of WINDOW_ROWS rows may break; to four places, downwards."""
    return math.floor((1 - hits / WINDOW_ROWS) * 10_000) / 10_000


def _quantile(a: float, b: float) -> int:
    # Its own cdf adds up anew for every count.
    upto = np.cumsum(betabinom.pmf(np.arange(WINDOW_ROWS + 1), WINDOW_ROWS, a, b))
    return min(int(np.searchsorted(upto, 1 - RISK)), WINDOW_ROWS)
