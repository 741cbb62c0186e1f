"""Cells, profiles, and how they add."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import reduce
from operator import add
from typing import Final

import numpy as np
from numpy.typing import NDArray

from airflow_ml_monitor.errors import LayoutMismatch
from airflow_ml_monitor.keys import WHOLE, Slice, Window
from airflow_ml_monitor.profile.layout import SPECIAL
from airflow_ml_monitor.profile.traces import Traces, added

CONTENTS: Final = 3
"""What a profile holds; raise it when a scan leaves more, and stored profiles are made anew. 2: traces; 3: their
scatter."""

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """The cells of one column in one slice, by ascending bucket; arrays of one length.

    d1, d2: sums of d and d² over the cell's rows, d = x - centre. low, high: extremes of x (NaN where x is no number).
    """

    bucket: Counts
    count: Counts
    d1: Floats
    d2: Floats
    low: Floats
    high: Floats

    @classmethod
    def empty(cls) -> Cells:
        none = np.zeros(0)
        return cls(np.zeros(0, np.int64), np.zeros(0, np.int64), none, none, none, none)

    @classmethod
    def collect(cls, bucket: Counts, count: Counts, d1: Floats, d2: Floats, low: Floats, high: Floats) -> Cells:
        """Cells from parts in any order, equal buckets added."""
        parts = cls(bucket, count, d1, d2, low, high)
        return parts.grouped(np.zeros(len(bucket), np.int64)).get(0, cls.empty())

    def grouped(self, group: Counts) -> dict[int, Cells]:
        """Cells by group, of parts in any order; equal buckets of a group added."""
        if not len(group):
            return {}
        # Of one group: parts that are in order, one after the other, which a stable sort merges.
        order = np.lexsort((self.bucket, group)) if group.any() else np.argsort(self.bucket, kind="stable")
        group, bucket = group[order], self.bucket[order]
        first = np.flatnonzero(np.r_[True, (group[1:] != group[:-1]) | (bucket[1:] != bucket[:-1])])
        # Beyond the largest double a sum is infinite, as it is in SQL; a metric of it is `undefined`.
        with np.errstate(over="ignore", invalid="ignore"):
            d1, d2 = np.add.reduceat(self.d1[order], first), np.add.reduceat(self.d2[order], first)
        added = Cells(
            bucket[first].astype(np.int64),
            np.add.reduceat(self.count[order], first).astype(np.int64),
            d1,
            d2,
            # fmin and fmax pass over the NaN of cells that hold no number.
            np.fmin.reduceat(self.low[order], first),
            np.fmax.reduceat(self.high[order], first),
        )
        names, starts = np.unique(group[first], return_index=True)
        spans = zip(names.tolist(), starts.tolist(), [*starts[1:].tolist(), len(first)], strict=True)
        return {name: added._part(slice(start, end)) for name, start, end in spans}

    def _part(self, rows: slice) -> Cells:
        return Cells(self.bucket[rows], self.count[rows], self.d1[rows], self.d2[rows], self.low[rows], self.high[rows])

    def __add__(self, other: Cells) -> Cells:
        return Cells.together([self, other])

    @classmethod
    def together(cls, parts: Sequence[Cells]) -> Cells:
        """The sum of many."""
        return cls.collect(
            np.concatenate([part.bucket for part in parts]),
            np.concatenate([part.count for part in parts]),
            np.concatenate([part.d1 for part in parts]),
            np.concatenate([part.d2 for part in parts]),
            np.concatenate([part.low for part in parts]),
            np.concatenate([part.high for part in parts]),
        )

    def coarsened(self, factor: int) -> Cells:
        """Grid buckets joined `factor` at a time; special buckets stay."""
        bucket = np.where(self.bucket < SPECIAL, self.bucket, self.bucket // factor)
        return Cells.collect(bucket, self.count, self.d1, self.d2, self.low, self.high)

    @property
    def rows(self) -> int:
        return int(self.count.sum())

    def at(self, bucket: int) -> int:
        """Rows in one bucket."""
        return int(self.count[self.bucket == bucket].sum())


@dataclass(frozen=True, slots=True)
class Draw:
    """How rows were drawn: each of `population` with the chance `fraction`, whatever became of the others."""

    fraction: float
    population: int

    def __add__(self, other: Draw) -> Draw:
        """Of both windows' rows. Raises LayoutMismatch where one has more weight than its rows."""
        if self.fraction != other.fraction:
            raise LayoutMismatch(
                f"profiles of {self.fraction:g} and of {other.fraction:g} of their rows cannot be added; profile both "
                "with the same sampling_fraction"
            )
        return Draw(self.fraction, self.population + other.population)


@dataclass(frozen=True, slots=True)
class Profile:
    """What one scan of one dataset in one window leaves behind.

    rows: those that are in the cells, by slice; the whole is (). cells: by slice and column. duplicates: rows beyond
    the first of each entity key, within the window. newest: the latest event time. versions: rows by model version.
    faults: columns that arrived missing or as another type ('' for the whole dataset), with the reason.
    traces: what else the scan noted. draw: how `rows` were drawn; None: they are all there are.
    """

    dataset: str
    window: Window
    layout_digest: str
    rows: Mapping[Slice, int]
    cells: Mapping[tuple[Slice, str], Cells]
    duplicates: int = 0
    newest: datetime | None = None
    versions: Mapping[str, int] = field(default_factory=dict)
    faults: Mapping[str, str] = field(default_factory=dict)
    traces: Traces = field(default_factory=Traces)
    draw: Draw | None = None

    @property
    def population(self) -> int:
        """Rows of the window, drawn or not."""
        return int(self.draw.population if self.draw else self.rows.get(WHOLE, 0))

    def __add__(self, other: Profile) -> Profile:
        """The profile of both windows' rows; duplicates across the two are not seen."""
        if self.layout_digest != other.layout_digest or self.dataset != other.dataset:
            raise LayoutMismatch(
                f"profiles of {self.dataset!r} and {other.dataset!r} were laid out as {self.layout_digest} and "
                f"{other.layout_digest} and cannot be added; profile both with the same reference"
            )
        newest = max((t for t in (self.newest, other.newest) if t is not None), default=None)
        return Profile(
            self.dataset,
            Window(min(self.window.start, other.window.start), max(self.window.end, other.window.end)),
            self.layout_digest,
            added(self.rows, other.rows),
            {
                key: self.cells.get(key, Cells.empty()) + other.cells.get(key, Cells.empty())
                for key in {**self.cells, **other.cells}
            },
            self.duplicates + other.duplicates,
            newest,
            added(self.versions, other.versions),
            {**other.faults, **self.faults},
            self.traces + other.traces,
            self._drawn_with(other),
        )

    def _drawn_with(self, other: Profile) -> Draw | None:
        draws = [Draw(1.0, p.population) if p.draw is None else p.draw for p in (self, other) if p.draw or p.population]
        total = reduce(add, draws) if draws else None
        return None if total is None or total.fraction == 1 else total

    @classmethod
    def total(cls, parts: Sequence[Profile]) -> Profile:
        """The profile of many windows' rows: what adding them one by one comes to, in one pass. At least one."""
        bare = [replace(part, cells={}) for part in parts]
        # Cells are most of the work, and each addition would sort all those before it again.
        every: dict[tuple[Slice, str], list[Cells]] = {}
        for part in parts:
            for key, cells in part.cells.items():
                every.setdefault(key, []).append(cells)
        return replace(reduce(add, bare), cells={key: Cells.together(of) for key, of in every.items()})

    @property
    def slices(self) -> tuple[Slice, ...]:
        return tuple(self.rows)


def drawn_alike(profiles: Sequence[Profile]) -> list[bool]:
    """Which of them add to the last one that has rows: those of the same fraction, whose rows have the same weight."""
    fractions = [p.draw.fraction if p.draw else 1.0 if p.population else None for p in profiles]
    last = next((fraction for fraction in reversed(fractions) if fraction is not None), None)
    return [fraction in (None, last) for fraction in fractions]
