"""The label ledger: for a calendar day of predictions, signed counts of what became known, and when.

Entries add. What was known at K is the sum of the entries known up to K, so performance as of any day needs no rows.
A corrected label is an entry of -1 for the old and +1 for the new; an entry of label PREDICTED counts rows predicted,
one of label CENSORED rows whose label will never come.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from airflow_ml_monitor.keys import WHOLE, Slice
from airflow_ml_monitor.profile.cells import Counts, Floats
from airflow_ml_monitor.profile.error_grid import NO_PERCENTAGE
from airflow_ml_monitor.profile.label_sets import part_names, part_of, part_slice
from airflow_ml_monitor.profile.labelled_view import LabelledView
from airflow_ml_monitor.profile.layout import SCORE_BUCKETS
from airflow_ml_monitor.profile.sums import task_sums
from airflow_ml_monitor.profile.task import Task, TaskKind

PREDICTED: Final = -1
"""The label of an entry that counts predictions, whether or not their label is known."""

CENSORED: Final = -2
"""The label of an entry that counts predictions whose label will never come: they are no longer observed."""

UNSCORED: Final = -1
"""The bucket of a row whose score is missing or outside [0, 1]."""

SCORELESS: Final = -2
"""The bucket of every row of a multiclass task that has a prediction and no score columns."""

TOTALLED: Final = -3
"""The bucket of rows of which but a total is known: how many there are of each label, or the sum of their labels."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def micros(moment: datetime) -> int:
    """Whole microseconds since 1970, UTC."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def moment_of(known: int) -> datetime:
    """The instant of so many microseconds."""
    return _EPOCH + timedelta(microseconds=known)


@dataclass(frozen=True, slots=True, eq=False)
class Entries:
    """Ledger entries as arrays of one length. group: index into `groups`, (slice, stratum, model version).

    known: microseconds since 1970, UTC. sums: one row per entry, a column for each of `names`; names: none in entries
    that were stored without them, whose columns are the first of those asked for.
    """

    groups: tuple[tuple[Slice, str, str], ...]
    known: Counts
    group: Counts
    label: Counts
    prediction: Counts
    bucket: Counts
    count: Counts
    sums: Floats
    names: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        return len(self.count)

    @property
    def versions(self) -> tuple[str, ...]:
        """Model versions that have entries, in order."""
        return tuple(sorted({self.groups[group][2] for group in np.unique(self.group)}))

    @classmethod
    def empty(cls, names: tuple[str, ...]) -> Entries:
        none = np.zeros(0, np.int64)
        return cls((), none, none, none, none, none, none, np.zeros((0, len(names))), names)

    def picked(self, rows: NDArray[np.bool_]) -> Entries:
        """Some of the entries."""
        return Entries(
            self.groups,
            self.known[rows],
            self.group[rows],
            self.label[rows],
            self.prediction[rows],
            self.bucket[rows],
            self.count[rows],
            self.sums[rows],
            self.names,
        )

    def without(self, parts: Collection[str]) -> Entries:
        """The entries but those of some parts of the whole."""
        if not parts:
            return self
        others = np.array([part_of(WHOLE, place) not in parts for place, _, _ in self.groups], bool)
        return self.picked(others[self.group])

    def upto(self, known_at: datetime) -> Entries:
        """What was known at a moment."""
        return self.picked(self.known <= micros(known_at))

    def known_as(self, known_at: datetime) -> Entries:
        """The same entries, all known at one moment."""
        return replace(self, known=np.full_like(self.known, micros(known_at)))

    def __neg__(self) -> Entries:
        return replace(self, count=-self.count, sums=-self.sums)

    @classmethod
    def together(cls, parts: Iterable[Entries], names: tuple[str, ...], missing: float = np.nan) -> Entries:
        """All entries of all parts, under one list of groups, with the sums of these names.

        missing: what stands for sums that a part was stored without.
        """
        parts = [part for part in parts if part.size]
        if not parts:
            return cls.empty(names)
        groups = tuple(sorted({group for part in parts for group in part.groups}))
        place = {group: i for i, group in enumerate(groups)}
        renamed = [np.array([place[g] for g in part.groups], np.int64)[part.group] for part in parts]
        return cls(
            groups,
            np.concatenate([p.known for p in parts]),
            np.concatenate(renamed),
            np.concatenate([p.label for p in parts]),
            np.concatenate([p.prediction for p in parts]),
            np.concatenate([p.bucket for p in parts]),
            np.concatenate([p.count for p in parts]),
            np.concatenate([part._sums_of(names, missing) for part in parts]),
            names,
        )

    def _sums_of(self, names: tuple[str, ...], missing: float) -> Floats:
        mine = self.names or names[: self.sums.shape[1]]
        if mine == names:
            return self.sums
        found = np.full((self.size, len(names)), missing)
        for i, name in enumerate(names):
            if name in mine:
                found[:, i] = self.sums[:, mine.index(name)]
        return found

    def added(self) -> Entries:
        """Entries of equal keys added; those that cancel are left out."""
        if not self.size:
            return self
        keys = (self.known, self.group, self.label, self.prediction, self.bucket)
        order = np.lexsort(keys[::-1])
        known, group, label, prediction, bucket = (key[order] for key in keys)
        changes = [key[1:] != key[:-1] for key in (known, group, label, prediction, bucket)]
        first = np.flatnonzero(np.r_[True, np.logical_or.reduce(changes)])
        count = np.add.reduceat(self.count[order], first)
        sums = np.add.reduceat(self.sums[order], first, axis=0)
        # Sums that cancel leave the rounding of their parts behind; below it nothing was left.
        size = np.add.reduceat(np.abs(self.sums[order]), first, axis=0)
        if "state" in self.names:
            # What came and went in one statement has no parts to compare with; that it is the same is told exactly.
            is_same = sums[:, [self.names.index("state")]] == 0
            size = np.where(is_same, np.maximum(size, 1.0), size)
        left = (count != 0) | (np.abs(sums) > 1e-9 * size).any(axis=1)
        at = first[left]
        picked = (known[at], group[at], label[at], prediction[at], bucket[at], count[left], sums[left])
        return Entries(self.groups, *picked, self.names)

    def parted(self) -> Entries:
        """Counts by bucket, and the sums of all buckets with a row under NO_PERCENTAGE: a regression's entries.

        Its metrics read sums over all rows alone; in every bucket they would be 96 % of what is stored.
        """
        scored = np.where(self.bucket == UNSCORED, UNSCORED, NO_PERCENTAGE)
        counts = replace(self, sums=np.zeros_like(self.sums))
        return Entries.together([counts, replace(self, bucket=scored, count=np.zeros_like(self.count))], self.names)

    def view(self, task: Task, slice: Slice = WHOLE, version: str | None = None) -> LabelledView:
        """The rows of one slice (and model version) as performance metrics see them; rows without a score left out."""
        wanted = [s == slice and version in (None, v) for s, _, v in self.groups]
        mine = self.picked(np.array(wanted, bool)[self.group] if self.size else np.zeros(0, bool))
        predicted = mine.label == PREDICTED
        censored = mine.label == CENSORED
        labelled = mine.picked(~predicted & ~censored & (mine.bucket != UNSCORED))
        never = max(int(mine.count[censored].sum()), 0)
        folded = replace(labelled, known=np.zeros_like(labelled.known), group=np.zeros_like(labelled.group)).added()
        return LabelledView(
            task,
            folded.label,
            folded.prediction,
            folded.bucket,
            folded.count,
            {name: folded.sums[:, i] for i, name in enumerate(folded.names or task_sums(task))},
            predictions=max(int(mine.count[predicted].sum()) - never, 0),
            censored=never,
            parts=self._parts(task, slice, version),
        )

    def _parts(self, task: Task, slice: Slice, version: str | None) -> dict[str, LabelledView]:
        """What label_sets tells of the classes of a slice's rows, or feature_parts of their features."""
        there = {group[0] for group in self.groups}
        if task.kind is not TaskKind.MULTILABEL:
            places = {part: place for place in there if (part := part_of(slice, place))}
            return {part: self.view(task, places[part], version) for part in sorted(places)}
        binary = Task(TaskKind.BINARY, threshold=task.threshold)
        places = {part: part_slice(slice, part) for part in part_names(task.class_names)}
        return {part: self.view(binary, place, version) for part, place in places.items() if place in there}


def score_within(bucket: Counts) -> Floats:
    """A score inside each bucket of SCORE_BUCKETS: the middle of its root.

    >>> score_within(np.array([0, 2047, 2048, 4095])).round(4).tolist()
    [0.0, 0.4995, 0.5005, 1.0]
    """
    half = SCORE_BUCKETS / 2
    is_low = bucket < half
    root = (np.where(is_low, bucket, SCORE_BUCKETS - 1 - bucket) + 0.5) / half
    return np.where(is_low, root**4 / 2, 1 - root**4 / 2)


def columns_digest(about: str, *columns: NDArray[Any]) -> str:
    """Names whole numbers in arrays, and what they are about. Never for sums but sums.EXACT: floats differ by run."""
    named = hashlib.sha256(about.encode())
    for column in columns:
        named.update(np.ascontiguousarray(column, "<i8").tobytes())
    return named.hexdigest()


def difference(fresh: Entries, stored: Entries, known_at: datetime) -> Entries:
    """The entries that turn what is stored into what is now seen, all known at one moment."""
    return Entries.together([fresh.known_as(known_at), -stored.known_as(known_at)], fresh.names).added()
