"""What metrics see of a profile or a ledger: read-only, and with what several metrics share."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import comb

import numpy as np

from airflow_ml_monitor.errors import DataFault, TooFew, Undefined
from airflow_ml_monitor.keys import WHOLE, Slice
from airflow_ml_monitor.profile.cells import Cells, Counts, Floats, Profile
from airflow_ml_monitor.profile.class_table import ClassTable, class_table
from airflow_ml_monitor.profile.dataset import Kind, Task, TaskKind
from airflow_ml_monitor.profile.layout import MINUS_INF, NAN, NULL, OTHER, PLUS_INF, SPECIAL, Binning, Layout


@dataclass(frozen=True)
class DatasetView:
    """The rows of one slice of a profile, without their columns."""

    profile: Profile
    slice: Slice = WHOLE

    def __post_init__(self) -> None:
        if "" in self.profile.faults:
            raise DataFault(self.profile.faults[""])

    @property
    def rows(self) -> int:
        return int(self.profile.rows.get(self.slice, 0))


@dataclass(frozen=True)
class ColumnView:
    """One column in one slice of a profile.

    `values` are finite numbers, or categories (`other` included); NULL, NaN and ±inf are apart.
    """

    binning: Binning
    cells: Cells

    @classmethod
    def of(cls, profile: Profile, layout: Layout, column: str, slice: Slice = WHOLE) -> ColumnView:
        """Raises DataFault where the column did not arrive as declared."""
        for name in ("", column):
            if name in profile.faults:
                raise DataFault(profile.faults[name])
        return cls(layout[column], profile.cells.get((slice, column), Cells.empty()))

    @property
    def kind(self) -> Kind:
        return self.binning.kind

    @property
    def rows(self) -> int:
        return self.cells.rows

    @property
    def nulls(self) -> int:
        return self.cells.at(NULL)

    @property
    def not_finite(self) -> int:
        """Rows with NaN or ±inf."""
        return sum(self.cells.at(bucket) for bucket in (NAN, MINUS_INF, PLUS_INF))

    @property
    def other(self) -> int:
        """Rows whose value has no bucket of its own: unseen in the reference, or too rare there to be kept."""
        return self.cells.at(OTHER)

    @cached_property
    def _valued(self) -> Counts:
        order = np.flatnonzero((self.cells.bucket > SPECIAL) | (self.cells.bucket == OTHER))
        return order.astype(np.int64)

    @cached_property
    def n(self) -> int:
        """Rows with a value."""
        return int(self.cells.count[self._valued].sum())

    def need(self, rows: int, why: str = "") -> None:
        """Raise TooFew unless at least `rows` rows have a value."""
        if self.n < rows:
            raise TooFew(f"{self.n} rows with a value, {rows} needed{why and ' ' + why}")

    @cached_property
    def _ranked(self) -> tuple[Counts, Counts]:
        """(place, rows up to and with it) of the cells with a value, by their lowest."""
        pick = self._valued[np.argsort(self.cells.low[self._valued], kind="stable")]
        return pick, np.cumsum(self.cells.count[pick])

    @cached_property
    def atoms(self) -> tuple[Floats, Counts, Floats]:
        """Numeric cells as (mean of x, rows, variance within), by ascending mean."""
        pick = self._valued
        count = self.cells.count[pick]
        shift = self.cells.d1[pick] / np.maximum(count, 1)
        within = np.maximum(self.cells.d2[pick] / np.maximum(count, 1) - shift**2, 0.0)
        order = np.argsort(shift, kind="stable")
        return self.binning.centre + shift[order], count[order], within[order]

    @cached_property
    def mean(self) -> float:
        self.need(1)
        return float(self.binning.centre + self.cells.d1[self._valued].sum() / self.n)

    @cached_property
    def variance(self) -> float:
        """Of the sample, n - 1 in the denominator; about the mean, from sums about the reference's centre."""
        self.need(2)
        d1, d2 = self.cells.d1[self._valued].sum(), self.cells.d2[self._valued].sum()
        return float(max(d2 - d1 * d1 / self.n, 0.0) / (self.n - 1))

    @cached_property
    def extremes(self) -> tuple[float, float]:
        self.need(1)
        return float(np.nanmin(self.cells.low[self._valued])), float(np.nanmax(self.cells.high[self._valued]))

    @cached_property
    def shape(self) -> tuple[float, float]:
        """(skewness, kurtosis) from the atoms, each cell's rows taken as even about its mean; (0, 1) without spread."""
        self.need(1)
        x, count, within = self.atoms
        share, d = count / self.n, x - self.mean
        second = float(share @ (d**2 + within))
        if second <= 0:
            return 0.0, 1.0
        # In standard deviations: the fourth power of a stray 1e100 would be no number.
        z, within = d / np.sqrt(second), within / second
        return float(share @ (z**3 + 3 * z * within)), float(share @ (z**4 + 6 * z**2 * within + 1.8 * within**2))

    def order_statistic(self, rank: float) -> float:
        """The value of a rank from 1 to n; straight between neighbours where the rank is not whole."""
        below, part = divmod(rank, 1)
        low = self.quantile((below - 0.5) / self.n)
        return low + part * (self.quantile((below + 0.5) / self.n) - low) if part else low

    def quantile(self, p: float) -> float:
        """The p-quantile; straight between a cell's extremes, exact where a cell holds one value."""
        self.need(1)
        pick, upto = self._ranked
        rank = min(max(p * self.n, 0.0), float(self.n))
        i = min(int(np.searchsorted(upto, rank, side="left")), len(upto) - 1)
        inside = (rank - (upto[i] - self.cells.count[pick[i]])) / self.cells.count[pick[i]]
        low, high = self.cells.low[pick[i]], self.cells.high[pick[i]]
        return float(low + (high - low) * min(max(inside, 0.0), 1.0))


@dataclass(frozen=True)
class PairView:
    """One column in the reference and in the current window, cut into the same buckets."""

    reference: ColumnView
    current: ColumnView

    def need(self, rows: int) -> None:
        """Raise TooFew unless both sides have at least `rows` rows with a value."""
        self.reference.need(rows, "in the reference")
        self.current.need(rows)

    @cached_property
    def aligned(self) -> tuple[Counts, Counts, Counts]:
        """(bucket, reference rows, current rows) over every bucket that either side has, special ones too."""
        a, b = self.reference.cells, self.current.cells
        bucket = np.union1d(a.bucket, b.bucket)
        rows = []
        for cells in (a, b):
            found = np.zeros(len(bucket), np.int64)
            found[np.searchsorted(bucket, cells.bucket)] = cells.count
            rows.append(found)
        return bucket, rows[0], rows[1]

    def shares(self, bins: int) -> tuple[Counts, Counts]:
        """Rows (reference, current) in bins of about equal reference share; empty bins left out.

        Numeric grids are joined into `bins` quantile bins of the reference; values and categories keep their own.
        NULL, NaN, ±inf and `other` are bins of their own.
        """
        bucket, reference, current = self.aligned
        if not self.reference.binning.is_grid:
            bin_of = np.arange(len(bucket))
        else:
            valued = bucket > SPECIAL
            inside = np.where(valued, reference, 0)
            middle = np.cumsum(inside) - inside / 2
            quantile = np.floor(bins * middle / max(int(inside.sum()), 1)).astype(np.int64)
            bin_of = np.where(valued, np.minimum(quantile, bins - 1), bucket)
        _, where = np.unique(bin_of, return_inverse=True)
        sums = [np.bincount(where, weights=part).astype(np.int64) for part in (reference, current)]
        kept = (sums[0] + sums[1]) > 0
        return sums[0][kept], sums[1][kept]

    @cached_property
    def steps(self) -> tuple[Floats, Floats, Floats]:
        """(x, reference share, current share) of the numeric cells of both sides, by ascending x.

        x is the mean of both sides' rows in the bucket; shares sum to 1 each.
        """
        self.need(1)
        if self.reference.kind not in (Kind.NUMERIC, Kind.DATETIME, Kind.BOOLEAN):
            raise Undefined("the column's values have no order")
        bucket, reference, current = self.aligned
        pick = (bucket > SPECIAL) | (bucket == OTHER)
        d1 = np.zeros(len(bucket))
        for cells in (self.reference.cells, self.current.cells):
            d1[np.searchsorted(bucket, cells.bucket)] += cells.d1
        x = self.reference.binning.centre + d1[pick] / (reference + current)[pick]
        order = np.argsort(x, kind="stable")
        shares = (part[pick][order] / part[pick].sum() for part in (reference, current))
        return (x[order], *shares)


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
    predicted, with or without a label.
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
