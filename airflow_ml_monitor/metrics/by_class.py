"""Shares of each class of several, and their averages over classes, with intervals. All assume independent rows.

A class without rows to divide by has no share and takes no part in an average: scikit-learn's zero_division=nan. Rows
whose label or prediction is undeclared count below the line of declared classes, and are no class of their own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from airflow_ml_monitor.errors import Undefined
from airflow_ml_monitor.measurement import Estimate
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.interval import Interval, Losses
from airflow_ml_monitor.metrics.quotient import quotient
from airflow_ml_monitor.profile.cells import Counts, Floats
from airflow_ml_monitor.profile.class_table import ClassTable
from airflow_ml_monitor.profile.label_sets import LabelSetTable
from airflow_ml_monitor.profile.labelled_view import LabelledView


@dataclass(frozen=True, eq=False)
class ClassShares:
    """For each class its right rows over those that have its label, its prediction, or (F1) the mean of both.

    of_label, of_prediction: 1 where such rows count below the line: recall (1, 0), precision (0, 1), F1 (1, 1).
    """

    table: ClassTable | LabelSetTable
    of_label: int
    of_prediction: int

    def estimates(self) -> dict[str, Estimate]:
        """Of every class (NaN where it has no rows), and their averages: macro, and weighted by labels.

        Undefined where no class has rows.
        """
        found = {f"class={name}": self._of_class(k) for k, name in enumerate(self.table.names)}
        return {**found, "average=macro": self.macro(), "average=weighted": self.weighted()}

    def macro(self) -> Estimate:
        """The plain mean over the classes that have rows. n: labelled rows.

        Its interval joins those of the classes with their correlations (Zou 2007), from the table's delta method. Where
        a row has one class it covers 93–98 % with 30 to 3,000 rows of 3 to 10 classes, equal or each half as frequent
        as the one before; F1 at 88 and 92 % where ten equal classes have but three and five rows each.
        """
        size = len(self._defined)
        if not size:
            raise Undefined("no declared class has a row to divide by")
        value, limits = self._joined(np.full(size, 1 / size))
        return Estimate(value, self.table.n, *limits)

    def weighted(self) -> Estimate:
        """The mean over the classes that have rows, each as often as it is the label. n: labelled rows."""
        labels = self.table.labels[self._defined]
        rows = int(labels.sum())
        if not rows:
            raise Undefined("no label is of a class that has rows to divide by")
        if not self.of_prediction:
            right = int(self.table.right.sum())
            return Estimate(right / rows, self.table.n, *interval.share(right, rows))
        value, (low, high) = self._joined(labels / rows)
        # The weights are drawn too: a window with more of the easy classes has a higher value.
        between = float(labels @ (self._values[self._defined] - value) ** 2) / rows**2
        half = interval.Z * math.sqrt(between)
        low, high = value - math.hypot(value - low, half), value + math.hypot(high - value, half)
        return Estimate(value, self.table.n, max(low, 0.0), min(high, 1.0))

    @cached_property
    def _below(self) -> Counts:
        found: Counts = (self.of_label * self.table.labels + self.of_prediction * self.table.predictions)[:-1]
        return found

    @cached_property
    def _defined(self) -> Counts:
        return np.flatnonzero(self._below)

    @cached_property
    def _values(self) -> Floats:
        weight = self.of_label + self.of_prediction
        return quotient((weight * self.table.right).astype(np.float64), self._below.astype(np.float64))

    def _of_class(self, k: int) -> Estimate:
        both = self.of_label and self.of_prediction
        # A row that has both is one row: F1 = 2J/(1 + J) with J = TP/(TP + FP + FN).
        rows = int(self._below[k]) - (int(self.table.right[k]) if both else 0)
        if not rows:
            return Estimate(math.nan, 0)
        low, high = interval.share(int(self.table.right[k]), rows)
        if both:
            low, high = 2 * low / (1 + low), 2 * high / (1 + high)
        return Estimate(float(self._values[k]), rows, low, high)

    @cached_property
    def _limits(self) -> Floats:
        """(low, high) of the classes that have rows, shape (2, ·)."""
        found = [self._of_class(int(k)) for k in self._defined]
        return np.array([[e.low, e.high] for e in found], np.float64).T

    @cached_property
    def _influences(self) -> tuple[Floats, Floats, Floats]:
        """What a row adds to the value of each class that has rows, by the delta method; as `products` has it."""
        size, place = len(self._defined), np.arange(len(self._defined))
        right, label, prediction = (np.zeros((size, len(self.table.names))) for _ in range(3))
        below = self._below[self._defined]
        right[place, self._defined] = (self.of_label + self.of_prediction) / below
        label[place, self._defined] = -self.of_label * self._values[self._defined] / below
        prediction[place, self._defined] = -self.of_prediction * self._values[self._defined] / below
        return right, label, prediction

    @cached_property
    def _correlations(self) -> Floats:
        """Of the values of the classes that have rows."""
        return correlations(self.table.products(*self._influences))

    def _joined(self, weights: Floats) -> tuple[float, Interval]:
        values = self._values[self._defined]
        value = float(weights @ values)
        low, high = self._limits
        down, up = (
            joined(parts, self._correlations) for parts in (weights * (values - low), weights * (high - values))
        )
        # A mean of ones may round to just above one.
        return min(value, 1.0), (max(value - down, 0.0), min(value + up, 1.0))


def correlations(covariance: Floats) -> Floats:
    """What does not vary, as a class that is all right, or all wrong, is correlated with nothing but itself."""
    # Rounding may leave less than nothing.
    deviation = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    found = np.nan_to_num(quotient(covariance, np.outer(deviation, deviation)))
    np.fill_diagonal(found, 1.0)
    return found


def joined(parts: Floats, correlations: Floats) -> float:
    """How far a sum reaches whose parts reach so far each."""
    return math.sqrt(max(float(parts @ correlations @ parts), 0.0))


def class_losses(rows: LabelledView, name: str) -> list[Losses]:
    """What interval.mean_loss needs of a multiclass loss; classes with fewer than ten labels are one rare event.

    The largest loss that a rare row may have is taken as the mean of the worst cell at hand.
    """
    parts = [rows.losses(name, k) for k in range(len(rows.task.classes) + 1)]
    # Nobody waits for a class that is not declared.
    parts = parts if parts[-1][0] else parts[:-1]
    there = rows.count > 0
    largest = float((rows.sums[name][there] / rows.count[there]).max())
    rare = [part for part in parts if part[0] < interval.FEW]
    frequent = [part for part in parts if part[0] >= interval.FEW]
    groups = [[sum(part[i] for part in group) for i in range(4)] for group in (frequent, rare) if group]
    return [Losses(int(count), total, squares, cubes, largest) for count, total, squares, cubes in groups]
