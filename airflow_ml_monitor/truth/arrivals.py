"""When labels arrive: by day of prediction and age, as the ledger has seen it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from airflow_ml_monitor.profile.cells import Counts, Floats

OF_CLASSES: Final = ("labels of class 0", "labels of class 1")


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """What predictions are told apart by: arrays of C. stratum: 0 … S - 1. bucket: of the score, ascending with it,
    shared by strata. prediction: the decided class. score: the mean score of the cell's rows.
    """

    stratum: Counts
    bucket: Counts
    prediction: Counts
    score: Floats

    @property
    def strata(self) -> int:
        """How many strata there are; at least 1."""
        return int(self.stratum.max(initial=0)) + 1


@dataclass(frozen=True, slots=True, eq=False)
class Arrivals:
    """Predictions of T successive days, and the labels that had become known at the end of the last known day.

    predicted: rows by day and cell, (T, C). The other arrays have one length, an entry a (day, age, label, cell):
    day: 0 … T - 1; age: whole days from the day of prediction to the day on which the label became known, ≥ 0;
    label: 0 or 1; count: rows, net of corrections (an entry may be negative). today: the number of the last day all of
    whose labels are known; day + age ≤ today always, and today ≥ T - 1 where predictions of the newest day are in.
    horizon: the age in days from which on nothing more is awaited. names: what labels of 0, and of 1, are called.
    """

    cells: Cells
    predicted: Floats
    day: Counts
    age: Counts
    label: Counts
    cell: Counts
    count: Floats
    today: int
    horizon: int
    names: tuple[str, str] = OF_CLASSES

    def arrived(self) -> Floats:
        """Labels known today by day, label and cell, (T, 2, C); never below 0."""
        days, cells = self.predicted.shape
        place = (self.day * 2 + self.label) * cells + self.cell
        found = np.bincount(place, weights=self.count, minlength=days * 2 * cells).reshape(days, 2, cells)
        return np.maximum(found, 0.0)

    def ages(self) -> Counts:
        """Whole days that each day's predictions are old today, (T,)."""
        return np.arange(len(self.predicted), dtype=np.int64)[::-1] + (self.today - len(self.predicted) + 1)

    def as_of(self, today: int) -> Arrivals:
        """What was known at the end of an earlier day: its predictions and the labels that had come."""
        if today >= self.today:
            return self
        pick = self.day + self.age <= today
        return Arrivals(
            self.cells,
            self.predicted[: today + 1],
            self.day[pick],
            self.age[pick],
            self.label[pick],
            self.cell[pick],
            self.count[pick],
            today,
            self.horizon,
            self.names,
        )
