"""What metrics see of a ledger: labelled rows, read-only, and with what several metrics share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import comb

import numpy as np

from airflow_ml_monitor.errors import TooFew, Undefined
from airflow_ml_monitor.profile.cells import Counts, Floats
from airflow_ml_monitor.profile.class_table import ClassTable, class_table
from airflow_ml_monitor.profile.error_grid import CELLS, NO_PERCENTAGE
from airflow_ml_monitor.profile.feature_parts import FEATURE
from airflow_ml_monitor.profile.label_sets import STATES, LabelSetTable, class_part, label_set_table
from airflow_ml_monitor.profile.sums import at_least
from airflow_ml_monitor.profile.task import Task, TaskKind
from airflow_ml_monitor.profile.weighted_cells import WeightedCells


@dataclass(frozen=True, eq=False)
class ScoredCells:
    """Rows by score, whose labels are known or expected: what a formula is given. Of a binary model, or of one of
    several classes, where positive is who is predicted right.

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
    are wider, so that only their order and their mean score tell where they lie; of a regression the percentage error's
    (error_grid), and count and sums of a cell are not of the same rows. sums: per cell, over its rows; binary:
    score, log_loss, log_loss2, brier, brier2; multiclass: those, in_top2, in_top3, in_top5; regression: products of
    error and label and shares of the label, as regression_query names them (error = prediction - label); multilabel: of
    the set as a whole (exact: both sets are equal; jaccard), label and prediction 0; besides what columns of some
    roles, and thresholds, add (`sums_of`). predictions: rows predicted whose label is known or awaited. censored: rows
    predicted whose label will never come. parts: of a multilabel's rows what label_sets tells of their classes; of
    others what feature_parts does of their features.
    Of a ranking a row is a query, and all are of one cell; sums: `task_sums`.
    """

    task: Task
    label: Counts
    prediction: Counts
    bucket: Counts
    count: Counts
    sums: dict[str, Floats]
    predictions: int
    censored: int = 0
    parts: Mapping[str, LabelledView] = field(default_factory=dict)

    @cached_property
    def n(self) -> int:
        """Rows with a label."""
        return int(self.count.sum())

    @property
    def coverage(self) -> float:
        """Share of the predicted rows, but for those censored, whose label is known; in [0, 1], 0 without any."""
        return min(self.n / self.predictions, 1.0) if self.predictions else 0.0

    @cached_property
    def scored(self) -> ScoredCells:
        """The labelled rows by bucket and prediction; empty cells left out. Binary or multiclass.

        Of several classes the question is whether the prediction is right: where it is, a row is positive; `prediction`
        is always 1. Undefined where their scores are not kept.
        """
        cells, (positives, negatives) = self._by_cell(self.count.astype(np.float64))
        _, scores = self._by_cell(self.sums["score"])
        return ScoredCells(cells // 2, cells % 2, scores.sum(axis=0) / (positives + negatives), positives, negatives)

    @cached_property
    def weighted(self) -> WeightedCells:
        """As `scored`, of rows that count as often as their weight says. Undefined without weights. Binary."""
        # Sums of labels that were taken back leave rounding behind.
        weight, squares = (np.maximum(self._by_cell(self.part(name))[1], 0.0) for name in ("weight", "weight2"))
        cells = replace(self.scored, positives=weight[0], negatives=weight[1])
        return WeightedCells(cells, squares, round(self.total("weight_rows")))

    def _by_cell(self, part: Floats) -> tuple[Counts, Floats]:
        """(2 · bucket + prediction of the cells that have rows, sums of a part over their positives and negatives)."""
        pick = self.count > 0
        label, prediction = self.label[pick], self.prediction[pick]
        if self.task.kind is TaskKind.MULTICLASS:
            self.need_scores()
            label = ((label == prediction) & (label < len(self.task.classes))).astype(np.int64)
            prediction = np.ones_like(prediction)
        cells, where = np.unique(2 * self.bucket[pick] + prediction, return_inverse=True)
        parts = (part[pick] * label, part[pick] * (1 - label))
        return cells, np.stack([np.bincount(where, of, len(cells)).astype(np.float64) for of in parts])

    def at(self, threshold: float) -> LabelledView:
        """The same rows, had one of the task's other thresholds decided: how many, by label and decision. Binary."""
        reached, counts = self.part(at_least(threshold)), []
        for mine in (self.label == 0, self.label == 1):
            yes = round(float(reached[mine].sum()))
            counts += [int(self.count[mine].sum()) - yes, yes]
        decided, scores = np.array([0, 1, 0, 1]), {"score": np.full(4, np.nan)}
        label, count = np.array([0, 0, 1, 1]), np.array(counts)
        return LabelledView(self.task, label, decided, decided, count, scores, self.predictions)

    def part(self, name: str) -> Floats:
        """A sum of every cell. Undefined where values are too large, or entries were stored without it."""
        found = self.sums.get(name)
        if found is None or not np.isfinite(found.sum()):
            raise Undefined(
                f"the sum of {name!r} is no number: its rows are too large, or were stored before it was asked for"
            )
        return found

    def total(self, name: str) -> float:
        """Sum over all labelled rows; as `part`."""
        return float(self.part(name).sum())

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

    @cached_property
    def percentage_errors(self) -> Counts:
        """Rows by percentage error, in the cells of error_grid.LADDER. Undefined where the ledger has them not.
        Regression."""
        found = np.bincount(self.bucket, weights=self.count, minlength=2 * CELLS + 1)[NO_PERCENTAGE + 1 :]
        if round(found.sum()) != round(self.total("relative_rows")):
            raise Undefined("some rows were stored by a release that kept no percentage errors")
        return found.astype(np.int64)

    @property
    def levels(self) -> tuple[float, ...]:
        """Of the quantiles that are forecast, ascending. Regression."""
        return tuple(float(name.partition("@")[2]) for name in self.sums if name.startswith("pinball@"))

    @property
    def quantile_rows(self) -> int:
        """Rows with a label and every quantile. TooFew without any. Regression."""
        self.need(1)
        if not (rows := round(self.total("quantile_rows"))):
            raise TooFew("no row with a label has all of its quantiles")
        return rows

    def need(self, rows: int) -> None:
        if self.n < rows:
            raise TooFew(f"{self.n} rows with a label, {rows} needed")

    def need_scores(self) -> None:
        """Raise Undefined where a task of several classes has predictions and no score columns."""
        are_sets = self.task.kind is TaskKind.MULTILABEL
        if not self.classes if are_sets else (self.bucket[self.count > 0] < 0).any():
            raise Undefined("the task has predictions only; declare a column of role score for every class")

    @cached_property
    def table(self) -> ClassTable:
        """The labelled rows by label and prediction. Multiclass."""
        return class_table(self.task.class_names, self.label, self.prediction, self.count)

    @cached_property
    def sets(self) -> LabelSetTable:
        """The labelled rows by what they have and were predicted to have. Multilabel."""
        none = np.zeros(0, np.int64)
        part = self.parts.get(STATES)
        pairs = (part.label, part.prediction, part.count) if part else (none, none, none)
        label, prediction = (round(self.total(f"undeclared_{name}")) for name in ("label", "prediction"))
        return label_set_table(self.task.class_names, self.n, *pairs, (label, prediction))

    @property
    def margins(self) -> ClassTable | LabelSetTable:
        """Rows of each class by label, by prediction, and where both agree. Multiclass or multilabel."""
        return self.sets if self.task.kind is TaskKind.MULTILABEL else self.table

    @property
    def classes(self) -> dict[str, LabelledView]:
        """The labelled rows by the score of each class, as a binary model's; none without scores. Multilabel."""
        found = {name: self.parts.get(class_part(name)) for name in self.task.class_names}
        return {name: view for name, view in found.items() if view is not None}

    @property
    def features(self) -> dict[str, LabelledView]:
        """The labelled rows that have a value of each feature, with its moments; none where they are not kept."""
        found = ((part, view) for part, view in self.parts.items() if part.startswith(FEATURE))
        return {part.removeprefix(FEATURE): view for part, view in found}

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

    @property
    def score_ends(self) -> tuple[float, float]:
        """The mean scores of the lowest and of the highest bucket that has rows."""
        _, positives, negatives, total = self.by_score
        scores = total / (positives + negatives)
        return float(scores[0]), float(scores[-1])

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


@dataclass(frozen=True, slots=True)
class LabelledPair:
    """Labelled rows of the reference and of the window, whole, by one task."""

    reference: LabelledView
    current: LabelledView
