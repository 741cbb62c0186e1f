"""Windows that repeat an earlier one, as the faults of a frozen feed and of a frozen column see them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Final, TypeVar

import numpy as np

from airflow_ml_monitor.keys import WHOLE
from airflow_ml_monitor.profile.cells import Cells, Profile
from airflow_ml_monitor.profile.dataset import Kind
from airflow_ml_monitor.profile.feed_view import FeedView

T = TypeVar("T")

CHANCE: Final = 1e-12
"""That two windows agree, were their rows drawn anew: a monitor of 500 columns looks 2.5 million times a year."""


def repeated(now: T, before: Sequence[T], same: Callable[[T, T], bool]) -> T | None:
    """The newest earlier content that is there again, unless it is seen to stand still as a rule.

    A table of the same customers every day, or one renewed every Monday, repeats itself and is not frozen: no two
    neighbours before may have been the same, besides those that came with the content that is there again.
    """
    where = next((i for i, then in enumerate(before) if same(now, then)), None)
    if where is None:
        return None
    alike = [same(*pair) for pair in pairwise(before)]
    end = where
    while end < len(alike) and alike[end]:
        end += 1
    others = alike[:where] + alike[end:]
    return before[where] if others and not any(others) else None


def is_same_window(feed: FeedView, now: Profile, then: Profile) -> bool:
    """True if every column but times holds the same values in two windows, beyond chance.

    Never of rows that are drawn: by their event times, other rows of a load that is there again come.
    """
    if not now.rows.get(WHOLE) or now.rows[WHOLE] != then.rows.get(WHOLE):
        return False
    names = [(WHOLE, column.name) for column in feed.columns if column.kind is not Kind.DATETIME]
    pairs = [tuple(profile.cells.get(name, Cells.empty()) for profile in (now, then)) for name in names]
    return all(is_same(*pair) for pair in pairs) and sum(log_chance(mine) for mine, _ in pairs) < math.log(CHANCE)


def is_same(now: Cells, then: Cells) -> bool:
    """True if two windows fill the same buckets as often, with the same sums."""
    if len(now.bucket) != len(then.bucket) or (now.bucket != then.bucket).any() or (now.count != then.count).any():
        return False
    # Sums of the same rows differ in their last digits when they are added in another order.
    reach = np.maximum(np.sqrt(np.maximum(now.d2, 0.0) * now.count), 1e-300)
    return bool((np.abs(now.d1 - then.d1) <= 1e-9 * reach).all())


def log_chance(cells: Cells) -> float:
    """Log of the chance that another window of as many rows fills the buckets as often.

    Each count but one is free; two Poisson counts of mean c agree with a chance of about 1 / sqrt(4 π c).
    """
    count = np.sort(cells.count[cells.count > 0])[:-1]
    return float(-0.5 * np.log(4 * math.pi * np.maximum(count, 1)).sum())
