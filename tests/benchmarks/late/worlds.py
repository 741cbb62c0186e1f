"""Simulated worlds as the estimators see them: arrivals known on a day, and the truth that nobody knows then."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache

import numpy as np

from airflow_ml_monitor.profile.cells import Counts, Floats
from airflow_ml_monitor.profile.labelled_view import ScoredCells
from airflow_ml_monitor.simulate.label_delays import WORLDS, WorldKind
from airflow_ml_monitor.simulate.late_labels import LabelFaults, LateLabels, LateRows
from airflow_ml_monitor.truth.arrivals import Arrivals, Cells

START = date(2025, 1, 1)
BUCKETS = 40


@cache
def edges(kind: WorldKind) -> Floats:
    """Scores that part about BUCKETS buckets of equal shares of the rows; the threshold is one of them."""
    score = LateLabels(kind, 0, START, days=30).rows(0, 29).score
    cuts = np.quantile(score, np.linspace(0, 1, BUCKETS)[1:-1])
    return np.unique(np.r_[cuts, WORLDS[kind].threshold])


@dataclass(frozen=True, eq=False)
class Watched:
    """A world's rows by cell. where: the cell of each row. age, fixed_age: whole days to the first label, and to its
    correction (-1: none)."""

    world: LateLabels
    rows: LateRows
    cells: Cells
    where: Counts
    age: Counts
    fixed_age: Counts

    @classmethod
    def of(cls, world: LateLabels) -> Watched:
        rows = world.rows(0, world.days - 1)
        bucket = np.searchsorted(edges(world.kind), rows.score, side="right").astype(np.int64)
        key = rows.stratum * (len(edges(world.kind)) + 1) + bucket
        names, where = np.unique(key, return_inverse=True)
        size = np.bincount(where)
        score = np.bincount(where, weights=rows.score) / size
        prediction = np.bincount(where, weights=rows.prediction) / size
        stratum, bucket = np.divmod(names, len(edges(world.kind)) + 1)
        cells = Cells(stratum, bucket, np.round(prediction).astype(np.int64), score)
        age = np.floor(rows.known).astype(np.int64) - rows.day
        fixed = np.where(np.isnan(rows.corrected), -1, np.floor(np.nan_to_num(rows.corrected)) - rows.day)
        return cls(world, rows, cells, where, age, fixed.astype(np.int64))

    def arrivals(self, today: int) -> Arrivals:
        """What is known at the end of a day."""
        rows = self.rows
        days = min(today, self.world.days - 1) + 1
        made = rows.day < days
        shape = (days, len(self.cells.bucket))
        flat = rows.day[made] * shape[1] + self.where[made]
        predicted = np.bincount(flat, minlength=days * shape[1]).reshape(shape).astype(np.float64)
        arrived = made & (rows.day + self.age <= today)
        fixed = arrived & (self.fixed_age >= 0) & (rows.day + self.fixed_age <= today)
        # A correction takes the first label back on the day on which it comes, and gives the right one.
        parts = (
            (arrived, self.age, rows.first_label, 1.0),
            (fixed, self.fixed_age, rows.first_label, -1.0),
            (fixed, self.fixed_age, rows.label, 1.0),
        )
        key = np.concatenate([self._key(pick, age, label) for pick, age, label, _ in parts])
        sign = np.concatenate([np.full(int(pick.sum()), sign) for pick, _, _, sign in parts])
        keys, where = np.unique(key, return_inverse=True)
        count = np.bincount(where, weights=sign, minlength=len(keys))
        keys, count = keys[count != 0], count[count != 0]
        rest, cell = np.divmod(keys, shape[1])
        rest, label = np.divmod(rest, 2)
        day, age = np.divmod(rest, 1000)
        return Arrivals(self.cells, predicted, day, age, label, cell, count, today, self.world.horizon)

    def _key(self, pick: np.ndarray, age: Counts, label: Counts) -> Counts:
        day = self.rows.day[pick] * 1000 + age[pick]
        return np.asarray((day * 2 + label[pick]) * len(self.cells.bucket) + self.where[pick], dtype=np.int64)

    def truth(self, first: int, last: int) -> ScoredCells:
        """The labels that the days first … last will finally have, by bucket and prediction, strata added."""
        return self.scored((self.rows.day >= first) & (self.rows.day <= last), self.rows.label)

    def at_hand(self, first: int, last: int, today: int) -> ScoredCells:
        """The labels of those days that are known at the end of a day, as they stand then."""
        rows = self.rows
        pick = (rows.day >= first) & (rows.day <= last) & (rows.day + self.age <= today)
        is_fixed = (self.fixed_age >= 0) & (rows.day + self.fixed_age <= today)
        return self.scored(pick, np.where(is_fixed, rows.label, rows.first_label))

    def as_if_negative(self, first: int, last: int, today: int) -> ScoredCells:
        """The same, with every missing label taken as negative."""
        rows = self.rows
        pick = (rows.day >= first) & (rows.day <= last)
        is_fixed = (self.fixed_age >= 0) & (rows.day + self.fixed_age <= today)
        label = np.where(is_fixed, rows.label, rows.first_label)
        return self.scored(pick, np.where(rows.day + self.age <= today, label, 0))

    def by_score(self, first: int, last: int) -> ScoredCells:
        """The labels that calibrated scores promise, whatever has arrived (CBPE)."""
        pick = (self.rows.day >= first) & (self.rows.day <= last)
        return self.scored(pick, self.rows.score)

    def scored(self, pick: np.ndarray, positive: np.ndarray) -> ScoredCells:
        width = len(edges(self.world.kind)) + 1
        bucket = self.cells.bucket[self.where[pick]]
        rows = np.bincount(bucket, minlength=width).astype(np.float64)
        positives = np.bincount(bucket, weights=positive[pick], minlength=width)
        score = np.bincount(bucket, weights=self.rows.score[pick], minlength=width) / np.maximum(rows, 1)
        prediction = np.zeros(width, np.int64)
        prediction[self.cells.bucket] = self.cells.prediction
        return ScoredCells(np.arange(width), prediction, score, positives, rows - positives)


def watched(
    kind: WorldKind, seed: int, days: int, faults: LabelFaults | None = None, *, rows_per_day: int = 400
) -> Watched:
    """A world of so many days, by cell."""
    return Watched.of(
        LateLabels(kind, seed, START, days=days, rows_per_day=rows_per_day, faults=faults or LabelFaults())
    )
