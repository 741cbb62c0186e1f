"""Agreement of labels and predictions of several classes beyond chance, with an interval. Assumes independent rows.

An undeclared label and an undeclared prediction are two classes of their own: they never agree.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from airflow_ml_monitor.errors import Undefined
from airflow_ml_monitor.measurement import Estimate
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.profile.cells import Floats
from airflow_ml_monitor.profile.class_table import ClassTable

Agreement = Callable[[Floats], tuple[float, Floats]]
"""Shares by label and prediction, of sum 1 → (value, what a row of each cell adds to it)."""


def kappa(table: ClassTable) -> Estimate:
    """Cohen's (1960), with the variance of Fleiss, Cohen and Everitt (1969)."""
    if table.n in (max(table.right), table.counts[-1, -1]):
        raise Undefined("labels and predictions are all of one class")
    return _estimate(table, _kappa)


def correlation(table: ClassTable) -> Estimate:
    """Gorodkin's (2004) R_K, Matthews' correlation of several classes."""
    if table.n in (max(table.labels), max(table.predictions)):
        raise Undefined("the labels, or the predictions, are all of one class")
    return _estimate(table, _correlation)


def _estimate(table: ClassTable, agreement: Agreement) -> Estimate:
    """The value; t on Fisher's scale, joined with the values at the limits of the share of errors where they are few.

    Two rows are added to the table first, one of them right, one as chance would have it: where no row is wrong (or
    right) they say between which classes one would be.
    """
    n, right = table.n, int(table.right.sum())
    value, _ = agreement(table.shares)
    label, prediction = table.labels / n, table.predictions / n
    hits = np.zeros_like(table.shares)
    np.fill_diagonal(hits[:-1, :-1], (label[:-1] + prediction[:-1]) / 2)
    share = table.counts + np.outer(label, prediction) + hits
    share = share / share.sum()
    centre, influence = agreement(share)
    influence = influence - float((share * influence).sum())
    found = interval.on_fisher(centre, float((share * influence**2).sum()) / n, n - 1)
    ends = [value]
    if min(right, n - right) < interval.RARE_SHARE:
        ends += [agreement(_with_errors(share, error))[0] for error in interval.share(n - right, n)]
    low, high = min(*ends, found[0]), max(*ends, found[1])
    return Estimate(value, n, max(low, -1.0), min(high, 1.0))


def _with_errors(share: Floats, error: float) -> Floats:
    """The table with another share of errors, its right and its wrong rows among themselves as they were."""
    is_right = _is_right(len(share))
    right = float(share[is_right].sum())
    found: Floats = np.where(is_right, share * ((1 - error) / right), share * (error / (1 - right)))
    return found


def _is_right(size: int) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    found = np.eye(size, dtype=np.bool_)
    found[-1, -1] = False
    return found


def _by_chance(share: Floats) -> tuple[float, float, Floats]:
    """(share that agrees, that would by chance, what a row of each cell adds to the latter)."""
    label, prediction = share.sum(axis=1), share.sum(axis=0)
    label[-1] = prediction[-1] = 0.0
    return float(share[_is_right(len(share))].sum()), float(label @ prediction), prediction[:, None] + label


def _kappa(share: Floats) -> tuple[float, Floats]:
    right, chance, adds = _by_chance(share)
    influence = _is_right(len(share)) / (1 - chance) - (1 - right) / (1 - chance) ** 2 * adds
    return (right - chance) / (1 - chance), influence


def _correlation(share: Floats) -> tuple[float, Floats]:
    right, chance, adds = _by_chance(share)
    label, prediction = share.sum(axis=1), share.sum(axis=0)
    spread = 1 - label @ label, 1 - prediction @ prediction
    size = float(np.sqrt(spread[0] * spread[1]))
    value = (right - chance) / size
    influence = (_is_right(len(share)) - adds) / size + value * (label[:, None] / spread[0] + prediction / spread[1])
    return value, influence
