"""Labels against predictions of several classes, counted."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from airflow_ml_monitor.profile.cells import Counts, Floats


@dataclass(frozen=True, eq=False)
class ClassTable:
    """The labelled rows of a multiclass model by label and prediction.

    names: the K declared classes. counts: shape (K + 1, K + 1), a row a label, a column a prediction; the last of each
    holds classes that are not declared. Two such need not be the same: a prediction is right in the first K only.
    """

    names: tuple[str, ...]
    counts: Counts

    @cached_property
    def n(self) -> int:
        return int(self.counts.sum())

    @cached_property
    def shares(self) -> Floats:
        """The counts over their sum."""
        return self.counts / self.n

    @cached_property
    def labels(self) -> Counts:
        """Rows of each label, shape (K + 1,)."""
        found: Counts = self.counts.sum(axis=1)
        return found

    @cached_property
    def predictions(self) -> Counts:
        """Rows of each prediction, shape (K + 1,)."""
        found: Counts = self.counts.sum(axis=0)
        return found

    @cached_property
    def right(self) -> Counts:
        """Rows of each declared class that were predicted right, shape (K,)."""
        return np.diagonal(self.counts)[:-1].copy()

    def products(self, right: Floats, label: Floats, prediction: Floats) -> Floats:
        """Sums over rows of products of statistics, as LabelSetTable's."""
        found = np.zeros((len(right), *self.counts.shape))
        found[:, :-1, :] += label[:, :, None]
        found[:, :, :-1] += prediction[:, None, :]
        own = np.arange(len(self.names))
        found[:, own, own] += right
        flat = found.reshape(len(right), -1)
        product: Floats = (flat * self.counts.reshape(-1).astype(np.float64)) @ flat.T
        return product


def class_table(names: tuple[str, ...], label: Counts, prediction: Counts, count: Counts) -> ClassTable:
    """The table of cells, whose label and prediction are indices, K for a class that is not declared."""
    size = len(names) + 1
    counts = np.bincount(label * size + prediction, weights=count, minlength=size * size)
    return ClassTable(names, np.rint(counts).astype(np.int64).reshape(size, size))
