"""A small world whose labels come late: high scores wait longest, and the relation of score and label may change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from airflow_ml_monitor.profile.labelled_view import ScoredCells
from airflow_ml_monitor.truth.arrivals import Arrivals, Cells

DAYS, HORIZON, BUCKETS = 300, 60, 12


@dataclass(frozen=True, eq=False)
class Rows:
    """All rows of a world, arrays of one length; `known` and `put_right` are numbers of days (-1: never)."""

    cells: Cells
    day: NDArray[np.int64]
    cell: NDArray[np.int64]
    label: NDArray[np.int64]
    known: NDArray[np.int64]
    put_right: NDArray[np.int64]

    def arrivals(self, today: int, horizon: int = HORIZON) -> Arrivals:
        """What was known at the end of a day."""
        made = self.day <= today
        predicted = np.zeros((today + 1, len(self.cells.bucket)))
        np.add.at(predicted, (self.day[made], self.cell[made]), 1.0)
        wrong = self.put_right >= 0
        parts = [(self.known, np.where(wrong, 1 - self.label, self.label), self.known >= 0, 1.0)]
        parts += [(self.put_right, 1 - self.label, wrong, -1.0), (self.put_right, self.label, wrong, 1.0)]
        picked = [(pick & (when <= today), when, label, sign) for when, label, pick, sign in parts]
        day, age, label, cell, count = (
            np.concatenate(column)
            for column in zip(
                *((self.day[p], (w - self.day)[p], y[p], self.cell[p], np.full(p.sum(), s)) for p, w, y, s in picked),
                strict=True,
            )
        )
        return Arrivals(self.cells, predicted, day, age, label, cell, count, today, horizon)

    def truth(self, first: int, last: int) -> ScoredCells:
        """The labels that the days first … last will finally have, by cell."""
        rows = (self.day >= first) & (self.day <= last)
        size = len(self.cells.bucket)
        positives = np.bincount(self.cell[rows], weights=self.label[rows], minlength=size)
        total = np.bincount(self.cell[rows], minlength=size)
        order = np.argsort(self.cells.bucket, kind="stable")
        cells = self.cells
        named = cells.bucket[order], cells.prediction[order], cells.score[order]
        return ScoredCells(*named, positives[order], (total - positives)[order])


World = Callable[..., Rows]


@pytest.fixture(scope="session")
def world() -> World:
    """world(seed, shift=…, since=…, wrong=…): 300 days of about 200 rows; positives take 12 days, negatives 6 in the
    first stratum; a third longer in the second. From day `since` on the logit of the true probability is `shift`
    higher. wrong: the share of first labels that are put right about ten days later.
    """

    def rows(seed: int, *, shift: float = 0.0, since: int = 0, wrong: float = 0.0, per_day: int = 200) -> Rows:
        rng = np.random.default_rng(seed)
        n = DAYS * per_day
        day = np.sort(rng.integers(0, DAYS, n))
        score = rng.beta(1.2, 2.5, n)
        bucket = np.minimum((score * BUCKETS).astype(np.int64), BUCKETS - 1)
        stratum = (rng.random(n) < 0.4).astype(np.int64)
        odds = np.log(score / (1 - score)) + shift * (day >= since)
        label = (rng.random(n) < 1 / (1 + np.exp(-odds))).astype(np.int64)
        delay = rng.gamma(1.5, np.where(label == 1, 8.0, 4.0) * np.where(stratum == 1, 1.33, 1.0))
        known = day + np.minimum(delay, HORIZON - 1).astype(np.int64)
        is_wrong = rng.random(n) < wrong
        put_right = np.where(is_wrong, known + 1 + rng.exponential(9.0, n).astype(np.int64), -1)
        cell = stratum * BUCKETS + bucket
        names = np.arange(2 * BUCKETS)
        means = np.bincount(cell, weights=score, minlength=len(names)) / np.bincount(cell, minlength=len(names))
        bucket_of = names % BUCKETS
        cells = Cells(names // BUCKETS, bucket_of, (bucket_of >= BUCKETS // 2).astype(np.int64), means)
        return Rows(cells, day, cell, label, known, put_right)

    return rows
