"""Labels against predictions where a row has several, counted; and where in the ledger they stand.

A row with a set of labels is one entry like any other: it counts once, whatever its labels, and its sums tell of the
set as a whole. What is told of its classes stands in groups of their own, whose slice ends in a part that no column can
name: so whoever counts rows, labels or their arrival by slice meets rows alone.

STATES: of every row each pair of the classes that it has, or was predicted to have. label and prediction: 3k + state of
the one class and the other (the same class included), label ≤ prediction; state: 0 had and predicted, 1 had and not
predicted, 2 predicted and not had. Precision, recall and F1, of a class or averaged, are ratios of sums over states;
how such sums vary from row to row, however its labels hang together, is sums over pairs of states. So few columns do
for up to a hundred classes: rows have few of them.
class=a: every row by the score of one class, as a binary ledger: label and prediction 0 or 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from airflow_ml_monitor.keys import Slice
from airflow_ml_monitor.profile.cells import Counts, Floats

STATES: Final = "states"


def class_part(name: str) -> str:
    """The part that holds the scores of one class."""
    return f"class={name}"


def part_names(classes: tuple[str, ...]) -> tuple[str, ...]:
    """Every part besides the rows, as statements number them from 1 on."""
    return STATES, *(class_part(name) for name in classes)


def part_slice(slice: Slice, part: str) -> Slice:
    """Where a slice's part stands."""
    return (*slice, ("", part))


def part_of(slice: Slice, place: Slice) -> str:
    """The part of a slice that stands at a place; '' if none does.

    >>> part_of((("country", "PT"),), (("country", "PT"), ("", "states")))
    'states'
    """
    return place[-1][1] if place and not place[-1][0] and place[:-1] == slice else ""


@dataclass(frozen=True, eq=False)
class LabelSetTable:
    """The labelled rows of a multilabel model by what they have and were predicted to have.

    names: the K declared classes. n: rows. states: shape (3K, 3K), symmetric: rows that have both states. undeclared:
    rows with a label, and with a prediction, of a class that is not declared.
    """

    names: tuple[str, ...]
    n: int
    states: Counts
    undeclared: tuple[int, int]

    @cached_property
    def right(self) -> Counts:
        """Rows that have each class and were predicted to, shape (K,)."""
        return np.diagonal(self.states)[0::3].copy()

    @cached_property
    def labels(self) -> Counts:
        """Rows that have each class, shape (K + 1,); the last: one that is not declared."""
        return np.append(self.right + np.diagonal(self.states)[1::3], self.undeclared[0])

    @cached_property
    def predictions(self) -> Counts:
        """Rows predicted to have each class, shape (K + 1,)."""
        return np.append(self.right + np.diagonal(self.states)[2::3], self.undeclared[1])

    def products(self, right: Floats, label: Floats, prediction: Floats) -> Floats:
        """Sums over rows of products of statistics, shape (m, m).

        A statistic of a row is the sum over its classes of `right` where it has one and was predicted to, `label` where
        it has it, `prediction` where it was predicted to; each of shape (m, K).
        """
        weights = np.stack([right + label + prediction, label, prediction], axis=-1)
        flat = weights.reshape(len(weights), -1)
        found: Floats = flat @ self.states.astype(np.float64) @ flat.T
        return found


def label_set_table(
    names: tuple[str, ...], n: int, one: Counts, other: Counts, count: Counts, undeclared: tuple[int, int]
) -> LabelSetTable:
    """The table of n rows' pairs of states."""
    size = 3 * len(names)
    upper = np.bincount(one * size + other, weights=count, minlength=size * size).reshape(size, size)
    states = np.rint(upper + np.triu(upper, 1).T).astype(np.int64)
    return LabelSetTable(names, n, states, undeclared)
