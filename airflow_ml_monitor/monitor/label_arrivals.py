"""The ledger of a label source → when labels arrived, by day of prediction, age and cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

import numpy as np

from airflow_ml_monitor.keys import WHOLE, Slice, Window
from airflow_ml_monitor.monitor.label_ledger import Ledger
from airflow_ml_monitor.profile.cells import Counts, Floats
from airflow_ml_monitor.profile.label_source import LabelSource
from airflow_ml_monitor.profile.layout import SLICE_SCORE_JOIN
from airflow_ml_monitor.profile.ledger import CENSORED, PREDICTED, Entries, micros, score_within
from airflow_ml_monitor.profile.task import Task, TaskKind
from airflow_ml_monitor.truth.arrivals import OF_CLASSES, Arrivals, Cells

BINS: Final = 40
"""Of the score, equally filled: what a bin joins is one tie; of 40 the ROC AUC loses less than 0.001."""

OF_PREDICTIONS: Final = ("labels of wrong predictions", "labels of right predictions")


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """Arrivals, and what their cells are: (bin of the score, decided class, stratum) each. edges: first bucket of each
    bin. strata: names. censored: share of the predictions whose label will never come, in [0, 1]; they are no part of
    the arrivals.
    """

    arrivals: Arrivals
    kinds: Counts
    edges: Counts
    strata: tuple[str, ...]
    censored: float = 0.0

    def counted(self, entries: Entries, version: str | None) -> Floats:
        """Labelled rows of other entries by label and cell, (2, C); those that fit no cell left out."""
        places = {name: i for i, name in enumerate(self.strata)}
        names = [
            places.get(stratum, -1) if slice == WHOLE and v in ("", version or v) else -1
            for slice, stratum, v in entries.groups
        ]
        found = np.zeros((2, self.kinds.shape[1]))
        if not entries.size:
            return found
        cell = self._cell(entries.bucket, entries.prediction, np.array(names, np.int64)[entries.group])
        mine = (cell >= 0) & np.isin(entries.label, (0, 1)) & (entries.bucket >= 0)
        np.add.at(found, (entries.label[mine], cell[mine]), entries.count[mine])
        return found

    def part(self, past: Past, slice: Slice, version: str | None, days: Sequence[int]) -> tuple[Floats, Floats]:
        """A slice's predictions of successive days by cell, (T', C), and its labels so far, (T', 2, C)."""
        ends = np.array([micros(day.end) for day in past.days], np.int64)
        found = _Columns.of(past, self.strata, ends, days, version, slice).observed()
        cell = self._cell(found.bucket, found.prediction, found.stratum)
        counts = np.zeros((len(days), 3, self.kinds.shape[1]))
        mine = cell >= 0
        # The label of an entry that counts predictions is -1: the last place.
        np.add.at(counts, (found.day[mine] - days[0], found.label[mine], cell[mine]), found.count[mine])
        return counts[:, 2], np.maximum(counts[:, :2], 0.0)

    def _cell(self, bucket: Counts, prediction: Counts, stratum: Counts) -> Counts:
        """The cell of each row; -1 where there is none."""
        bins = np.maximum(np.searchsorted(self.edges, bucket, side="right") - 1, 0)
        width = len(self.strata)

        def named(bins: Counts, prediction: Counts, stratum: Counts) -> Counts:
            return np.asarray((bins * 2 + prediction) * width + stratum, np.int64)

        known, wanted = named(*self.kinds), named(bins, prediction, stratum)
        place = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
        return np.where((known[place] == wanted) & (stratum >= 0), place, -1)


@dataclass(frozen=True, slots=True)
class Past:
    """The ledger of successive calendar days as it was known at a moment; of several classes by whether the prediction
    is right. strata: all that occur in it.
    """

    days: tuple[Window, ...]
    ledger: Ledger
    labels: LabelSource
    moment: datetime
    task: Task

    @property
    def names(self) -> tuple[str, str]:
        """What labels of 0, and of 1, are called."""
        return OF_PREDICTIONS if self.task.kind is TaskKind.MULTICLASS else OF_CLASSES

    @property
    def strata(self) -> tuple[str, ...]:
        parts = (entries for of_day in self.ledger.values() for _, entries in of_day)
        return tuple(sorted({stratum for entries in parts for slice, stratum, _ in entries.groups if slice == WHOLE}))

    def known(self, version: str | None = None) -> Known | None:
        """Of one model version, or of all; None where no prediction has a score.

        Labels are the classes 0 and 1 of a binary task, 1 of a multiclass one where the prediction is right; of any
        other they are one class, and their cells one stratum's each. A label that became known after the last whole day
        is counted to that day.
        """
        ends = np.array([micros(day.end) for day in self.days], np.int64)
        today = int(np.searchsorted(ends, micros(self.moment), side="right")) - 1
        strata = self.strata
        every = _Columns.of(self, strata, ends, range(today + 1), version)
        found = every.observed()
        is_prediction = found.label == PREDICTED
        if today < 0 or not is_prediction.any():
            return None
        edges = _edges(found.bucket[is_prediction], found.count[is_prediction])
        bins = np.maximum(np.searchsorted(edges, found.bucket, side="right") - 1, 0)
        kinds, cell = np.unique(np.stack([bins, found.prediction, found.stratum]), axis=1, return_inverse=True)
        cell = cell.reshape(-1)
        predicted = np.zeros((today + 1, kinds.shape[1]))
        np.add.at(predicted, (found.day[is_prediction], cell[is_prediction]), found.count[is_prediction])
        cells = Cells(kinds[2], kinds[0], kinds[1], _mean_scores(cell, found, kinds.shape[1]))
        # What came and went between two runs of one day was never seen by another that asked once.
        ages, size = int(found.age.max(initial=0)) + 1, kinds.shape[1]
        key = ((found.day * ages + found.age) * 2 + found.label) * size + cell
        keys, where = np.unique(key[~is_prediction], return_inverse=True)
        count = np.bincount(where, found.count[~is_prediction], len(keys)).astype(np.float64)
        keys, count = keys[count != 0], count[count != 0]
        rest, of_cell = np.divmod(keys, size)
        rest, label = np.divmod(rest, 2)
        day, age = np.divmod(rest, ages)
        horizon = -(-self.labels.horizon // timedelta(days=1))
        arrivals = Arrivals(cells, predicted, day, age, label, of_cell, count, today, horizon, self.names)
        return Known(arrivals, kinds, edges, strata, every.censored)


@dataclass(frozen=True, slots=True, eq=False)
class _Columns:
    """Ledger entries of the whole with a score, of all days: arrays of one length."""

    day: Counts
    age: Counts
    stratum: Counts
    label: Counts
    prediction: Counts
    bucket: Counts
    count: Counts

    @classmethod
    def of(
        cls,
        past: Past,
        strata: tuple[str, ...],
        ends: Counts,
        days: Sequence[int],
        version: str | None,
        slice: Slice = WHOLE,
    ) -> _Columns:
        """Of some days, by number; a slice's buckets are read as ones of the whole that lie in them."""
        places = {name: i for i, name in enumerate(strata)}
        parts = [
            _of_part(entries, number, places, (slice, version))
            for number in days
            for _, entries in past.ledger.get(past.days[number], ())
        ]
        if not parts:
            return cls(*(np.zeros(0, np.int64) for _ in range(7)))
        known, day, stratum, label, prediction, bucket, count = (np.concatenate(c) for c in zip(*parts, strict=True))
        if not past.task.is_right_or_wrong:
            label, prediction, bucket = np.minimum(label, 0), np.zeros_like(prediction), np.zeros_like(bucket)
        if slice != WHOLE:
            bucket = bucket * SLICE_SCORE_JOIN + SLICE_SCORE_JOIN // 2
        today = int(np.searchsorted(ends, micros(past.moment), side="right")) - 1
        when = np.minimum(np.searchsorted(ends, known, side="left"), today)
        seen = known <= micros(past.moment)
        columns = (day, np.maximum(when - day, 0), stratum, label, prediction, bucket, count)
        return cls(*(column[seen] for column in columns))

    @property
    def censored(self) -> float:
        """The share of the predictions that are censored; 0 without any."""
        never, every = (int(self.count[self.label == one].sum()) for one in (CENSORED, PREDICTED))
        return max(never, 0) / every if every > 0 else 0.0

    def observed(self) -> _Columns:
        """The same without predictions that are censored: each of them takes one prediction back."""
        never = self.label == CENSORED
        if not never.any():
            return self
        return replace(
            self, label=np.where(never, PREDICTED, self.label), count=np.where(never, -self.count, self.count)
        )


def _of_part(
    entries: Entries, number: int, strata: dict[str, int], wanted: tuple[Slice, str | None]
) -> Sequence[Counts]:
    """(known, day, stratum, label, prediction, bucket, count) of the entries with a score of a slice and version."""
    mine, version = wanted
    places = [
        strata.get(stratum, -1) if slice == mine and version in (None, v) else -1
        for slice, stratum, v in entries.groups
    ]
    stratum = np.array(places, np.int64)[entries.group] if entries.size else entries.group
    # What changed but the worth of a label that was there is no arrival.
    there = (stratum >= 0) & (entries.bucket >= 0) & (entries.count != 0)
    columns = (entries.known, np.full(entries.size, number, np.int64), stratum, entries.label)
    return [c[there] for c in (*columns, entries.prediction, entries.bucket, entries.count)]


def _edges(bucket: Counts, count: Counts) -> Counts:
    """The first bucket of each bin: bins of about equal numbers of predictions."""
    kinds, where = np.unique(bucket, return_inverse=True)
    rows = np.bincount(where, weights=count, minlength=len(kinds))
    middle = np.cumsum(rows) - rows / 2
    of_kind = np.minimum((BINS * middle / max(rows.sum(), 1)).astype(np.int64), BINS - 1)
    return kinds[np.flatnonzero(np.diff(of_kind, prepend=-1))]


def _mean_scores(cell: Counts, found: _Columns, size: int) -> Floats:
    """The mean score of each cell's predictions; of one without any, of its labels."""
    score, is_prediction = score_within(found.bucket), found.label == PREDICTED
    totals = []
    for rows in (is_prediction, ~is_prediction):
        weight = np.abs(found.count[rows]).astype(np.float64)
        both = (np.bincount(cell[rows], weights=part, minlength=size) for part in (weight, weight * score[rows]))
        totals.append(tuple(both))
    (n, total), (m, other) = totals
    return np.asarray(np.where(n > 0, total / np.maximum(n, 1), other / np.maximum(m, 1)), np.float64)
