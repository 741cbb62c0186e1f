"""Days on which labels could not come: a source that stood still says nothing about how long labels take."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from airflow_ml_monitor.profile.cells import Counts
from airflow_ml_monitor.truth.arrivals import Arrivals

_LOOKBACK = 180
_DEAD = 0.05
_FEWEST = 10.0
_USUAL = 3


@dataclass(frozen=True, slots=True, eq=False)
class Outages:
    """distorted: calendar days (numbers as in the arrivals) without labels, and the day after each such run, on which
    what was held back came. last_live: the newest day on which labels could come.
    """

    distorted: Counts
    last_live: int

    @classmethod
    def of(cls, arrivals: Arrivals) -> Outages:
        """Runs of days with hardly a label (below 5 % of the median day's), if longer than is usual here.

        Usual is what has happened at least three times in 180 days: an office that is closed on Sundays has no outages
        then. Where fewer than ten labels come on a median day nothing is said.
        """
        today = arrivals.today
        came = np.bincount(arrivals.day + arrivals.age, weights=np.maximum(arrivals.count, 0.0), minlength=today + 1)
        start = max(today + 1 - _LOOKBACK, int(np.flatnonzero(came)[0]) if came.any() else 0)
        recent = came[start:]
        middle = float(np.median(recent)) if len(recent) else 0.0
        if middle < _FEWEST:
            return cls(np.zeros(0, np.int64), today)
        edges = np.diff(np.concatenate([[0], (recent < _DEAD * middle).astype(np.int64), [0]]))
        begins, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
        lengths, often = np.unique(ends - begins, return_counts=True)
        usual = int(lengths[often >= _USUAL].max(initial=0))
        is_long = ends - begins > usual
        begins, ends = start + begins[is_long], start + ends[is_long]
        parts = [np.arange(int(a), min(int(b), today) + 1) for a, b in zip(begins, ends, strict=True)]
        lasts = len(ends) > 0 and int(ends[-1]) == today + 1
        return cls(np.concatenate([np.zeros(0, np.int64), *parts]), int(begins[-1]) - 1 if lasts else today)
