"""What metrics see of a ledger: labelled rows, read-only, and with what several metrics share."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import comb

import numpy as np

from airflow_ml_monitor.errors import TooFew, Undefined
from airflow_ml_monitor.profile.cells import Counts, Floats
from airflow_ml_monitor.profile.class_table import ClassTable, class_table
from airflow_ml_monitor.profile.dataset import Task, TaskKind


@dataclass(frozen=True, eq=False)
class ScoredCells:
    """Rows of a binary model by score, whose labels are known or expected: what a metric's formula is given.

    Arrays of C cells in ascending order of bucket. bucket: equal buckets are ties. prediction: the decided class.
    score: the mean score of a cell's rows. positives, negatives: rows of each label, shape (C,), or (D, C) where they
    are drawn D times; whole numbers where labels are known, else expected ones, never below 0.
    """

    bucket: Counts
    prediction: Counts
    score: Floats
    positives: Floats
    negatives: Floats

    @property
    def rows(self) -> Floats:
        """Rows of both labels, of the shape of positives."""
        return self.positives + self.negatives

    @cached_property
    def by_bucket(self) -> tuple[Floats, Floats]:
        """(positives, negatives) of each bucket, ascending: cells that differ in their prediction alone are added."""
        first = np.flatnonzero(np.diff(self.bucket, prepend=self.bucket[:1] - 1))
        positives, negatives = (
            np.add.reduceat(part, first, axis=-1) if len(first) else part for part in (self.positives, self.negatives)
        )
        return positives, negatives

    @cached_property
    def confusion(self) -> tuple[Floats, Floats, Floats, Floats]:
        """(true positives, false positives, false negatives, true negatives), each of shape () or (D,)."""
        yes = (self.prediction == 1).astype(np.float64)
        return self.positives @ yes, self.negatives @ yes, self.positives @ (1 - yes), self.negatives @ (1 - yes)


@dataclass(frozen=True)
class LabelledView:
    """Rows with labels, folded from the ledger: arrays of one length, a row per (label, prediction, bucket).

    label: 0 or 1; of several classes the index, after the last for an undeclared one; regression: 0. prediction: the
    decided class, likewise. bucket: the score's, ascending with it (multiclass: that of the decided class's); a slice's
    are wider, so that only their order and their mean score tell where they lie. sums: per cell, over its rows; binary:
    score, log_loss, log_loss2, brier, brier2; multiclass: those, in_top2, in_top3, in_top5; regression: products of
    error and label and shares of the label, as error_query names them (error = prediction - label). predictions: rows
    predicted, with or without a label. Of a ranking a row is a query, and all are of one cell; sums: `task_sums`.
    """

    task: Task
    label: Counts
    prediction: Counts
    bucket: Counts
    count: Counts
    sums: dict[str, Floats]
    predictions: int

    @cached_property
    def n(self) -> int:
        """Rows with a label."""
        return int(self.count.sum())

    @property
    def coverage(self) -> float:
        """Share of the predicted rows whose label is known; in [0, 1], 0 without predictions."""
        return min(self.n / self.predictions, 1.0) if self.predictions else 0.0

    @cached_property
    def scored(self) -> ScoredCells:
        """The labelled rows by bucket and prediction; empty cells left out. Binary or multiclass.

        Of several classes the question is whether the prediction is right: where it is, a row is positive; `prediction`
        is always 1. Undefined where their scores are not kept.
        """
        pick = self.count > 0
        count, label, prediction = self.count[pick].astype(np.float64), self.label[pick], self.prediction[pick]
        if self.task.kind is TaskKind.MULTICLASS:
            self.need_scores()
            label = ((label == prediction) & (label < len(self.task.classes))).astype(np.int64)
            prediction = np.ones_like(prediction)
        cells, where = np.unique(2 * self.bucket[pick] + prediction, return_inverse=True)
        positives, negatives, score = (
            np.bincount(where, weights=part, minlength=len(cells)).astype(np.float64)
            for part in (count * label, count * (1 - label), self.sums["score"][pick])
        )
        return ScoredCells(cells // 2, cells % 2, score / (positives + negatives), positives, negatives)

    def total(self, name: str) -> float:
        """Sum over all labelled rows. Undefined where values are too large, or entries were stored without it."""
        found = float(self.sums[name].sum())
        if np.isnan(found):
            raise Undefined(
                f"the sum of {name!r} is no number: its rows are too large, or were stored by a release without it"
            )
        return found

    def moment(self, i: int, j: int, centre: float = 0.0) -> float:
        """Mean of (error - centre)^i (label - mean label)^j over all labelled rows; i + j ≤ 4. Regression."""
        middle = self.total("truth") / self.n
        terms = [
            comb(i, a) * (-centre) ** (i - a) * comb(j, b) * (-middle) ** (j - b) * self._raw(a, b)
            for a in range(i + 1)
            for b in range(j + 1)
        ]
        return sum(terms) / self.n

    def _raw(self, i: int, j: int) -> float:
        """Sum of error^i label^j."""
        parts = [f"{name}{k if k > 1 else ''}" for name, k in (("error", i), ("truth", j)) if k]
        return self.total("_".join(parts)) if parts else float(self.n)

    @cached_property
    def label_variance(self) -> float:
        """Mean squared distance of the labels from their mean. Undefined where they do not vary. Regression."""
        found = self.moment(0, 2)
        if found <= 1e-10 * self.total("truth2") / self.n:
            raise Undefined("the labels do not vary, or by less than rounding can tell beside their size")
        return found

    def need(self, rows: int) -> None:
        if self.n < rows:
            raise TooFew(f"{self.n} rows with a label, {rows} needed")

    def need_scores(self) -> None:
        """Raise Undefined where a multiclass task has predictions and no score columns."""
        if (self.bucket[self.count > 0] < 0).any():
            raise Undefined("the task has predictions only; declare a column of role score for every class")

    @cached_property
    def table(self) -> ClassTable:
        """The labelled rows by label and prediction. Multiclass."""
        return class_table(self.task.class_names, self.label, self.prediction, self.count)

    def confusion(self) -> tuple[int, int, int, int]:
        """(true positives, false positives, false negatives, true negatives)."""
        pairs = ((1, 1), (0, 1), (1, 0), (0, 0))
        tp, fp, fn, tn = (
            int(self.count[(self.label == label) & (self.prediction == prediction)].sum())
            for label, prediction in pairs
        )
        return tp, fp, fn, tn

    @cached_property
    def by_score(self) -> tuple[Counts, Counts, Counts, Floats]:
        """(bucket, positives, negatives, sum of scores) by ascending score; empty buckets left out."""
        # Labels that were taken back leave cells of no row.
        pick = self.count > 0
        count, label = self.count[pick], self.label[pick]
        bucket, where = np.unique(self.bucket[pick], return_inverse=True)
        positives, negatives, score = (
            np.bincount(where, weights=part, minlength=len(bucket)).astype(np.float64)
            for part in (count * label, count * (1 - label), self.sums["score"][pick])
        )
        return bucket, positives.astype(np.int64), negatives.astype(np.int64), score

    def losses(self, name: str, label: int) -> tuple[int, float, float, float]:
        """(rows, sum, sum of squares, of cubes) of one class's losses; a cell's rows taken as even about its mean."""
        pick = (self.label == label) & (self.count > 0)
        count, total, squares = self.count[pick], self.sums[name][pick], self.sums[f"{name}2"][pick]
        middle = total / count
        within = np.maximum(squares / count - middle**2, 0.0)
        cubes = count * (middle**3 + 3 * middle * within)
        return int(count.sum()), float(total.sum()), float(squares.sum()), float(cubes.sum())

    def of_label(self, label: int, name: str) -> tuple[int, float]:
        """(rows, sum) of one class."""
        pick = self.label == label
        return int(self.count[pick].sum()), float(self.sums[name][pick].sum())
