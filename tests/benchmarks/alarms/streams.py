"""What charts and peers are tried on: daily counts per cell of every column, and what truly changes in them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

MISSING, OTHER, FIRST = 0, 1, 2
"""Cells of both kinds: missing; no cell of its own (unseen in the reference, or rare there); then the ordered ones."""
NUMERIC, CATEGORICAL = "numeric", "categorical"
REFERENCE_DAYS = 60


@dataclass(frozen=True, eq=False)
class Feature:
    """One column's rows per cell. reference: (cells,), the sum of the reference's days; days: (T, cells).

    Numeric cells ascend; the first ordered one lies below the reference's least value, the last above its greatest.
    values: (cells,), a value in the middle of each numeric cell; NaN where there is none.
    """

    name: str
    kind: str
    reference: np.ndarray
    days: np.ndarray
    values: np.ndarray

    @property
    def is_numeric(self) -> bool:
        return self.kind == NUMERIC


@dataclass(frozen=True, slots=True)
class Change:
    """What is done to so many columns, from so many days after the first monitored one.

    target: mean (size in standard deviations, sign at random), spread (a factor), missing (points of all rows, 0.02 = 2
    points), new (share of a category that the reference has not), constant, share (a factor on the share of a rare
    category, 0.2 %). shape: step; gradual (grows for 60 days); day (one day only); bursts (single days, about one in
    40); recurring (30 days in every 120).
    """

    target: str
    size: float = 0.0
    columns: int = 1
    shape: str = "step"
    day: int = 120

    @property
    def in_time(self) -> int:
        """Days within which it should be found."""
        return 90 if self.shape == "gradual" else 30


@dataclass(frozen=True, slots=True)
class Changed:
    """A column that truly changes. day: the index of the first changed day; size: with its sign."""

    feature: str
    column: int
    day: int
    change: Change
    size: float


@dataclass(frozen=True, eq=False)
class Stream:
    """The days of one model: `dates` (T,) as datetime64[D]; the first `start` days are the reference."""

    name: str
    features: tuple[Feature, ...]
    dates: np.ndarray
    start: int = REFERENCE_DAYS
    changed: tuple[Changed, ...] = ()

    @property
    def years(self) -> float:
        """Monitored years."""
        return (len(self.dates) - self.start) / 365

    @property
    def columns_changed(self) -> np.ndarray:
        """(columns,): whether each changes at all."""
        found = np.zeros(len(self.features), bool)
        found[[one.column for one in self.changed]] = True
        return found


CHANGES = {
    "mean 0.1 σ, 1 column": Change("mean", 0.1),
    "mean 0.2 σ, 1 column": Change("mean", 0.2),
    "mean 0.5 σ, 1 column": Change("mean", 0.5),
    "mean 0.1 σ, 5 columns": Change("mean", 0.1, 5),
    "mean 0.2 σ, 5 columns": Change("mean", 0.2, 5),
    "mean 0.5 σ, 5 columns": Change("mean", 0.5, 5),
    "gradual to 0.5 σ over 60 days, 5 columns": Change("mean", 0.5, 5, "gradual"),
    "spread × 1.2, 1 column": Change("spread", 1.2),
    "new category 1 %": Change("new", 0.01),
    "missing +2 points, 1 column": Change("missing", 0.02),
    "missing +10 points, 1 column": Change("missing", 0.10),
    "column constant": Change("constant"),
    "rare category doubled": Change("share", 2.0),
    "one outlier day, 3 σ": Change("mean", 3.0, 1, "day"),
    "bursts of one day, 1 σ": Change("mean", 1.0, 1, "bursts"),
    "recurring season 0.3 σ, 5 columns": Change("mean", 0.3, 5, "recurring"),
}


def shaped(change: Change, start: int, days: int, random: np.random.Generator) -> np.ndarray:
    """(T,): how much of a change is there on each day, in [0, 1]."""
    since = np.arange(days) - (start + change.day)
    begun = since >= 0
    if change.shape == "step":
        return np.asarray(begun * 1.0)
    if change.shape == "gradual":
        return np.clip((since + 1) / 60, 0.0, 1.0)
    if change.shape == "day":
        return np.asarray((since == 0) * 1.0)
    if change.shape == "bursts":
        return np.asarray((begun & ((since == 0) | (random.random(days) < 1 / 40))) * 1.0)
    if change.shape == "recurring":
        return np.asarray((begun & (since % 120 < 30)) * 1.0)
    raise ValueError(f"no shape {change.shape!r}; one of step, gradual, day, bursts, recurring")


def assigned(
    changes: Sequence[Change], targets: Sequence[Collection[str]], start: int, random: np.random.Generator
) -> tuple[Changed, ...]:
    """Which columns change, at random among those that can, no column twice. targets: what can be changed of each."""
    free = list(random.permutation(len(targets)))
    found = []
    for change in changes:
        fitting = [int(column) for column in free if change.target in targets[column]][: change.columns]
        if len(fitting) < change.columns:
            raise ValueError(f"{change.target} of {change.columns} columns is to change; {len(fitting)} are there")
        for column in fitting:
            free.remove(column)
            sign = random.choice([-1.0, 1.0]) if change.target == "mean" else 1.0
            found.append(Changed("", column, start + change.day, change, sign * change.size))
    return tuple(found)
