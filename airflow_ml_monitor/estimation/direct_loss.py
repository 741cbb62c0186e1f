"""Direct loss estimation of a regression: without labels, from how large errors were in each part of the rows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import ndtr

from airflow_ml_monitor.errors import TooFew
from airflow_ml_monitor.estimation.agreement import DOUBT, LEAST
from airflow_ml_monitor.estimation.estimator import Check, Need, Question, estimator
from airflow_ml_monitor.measurement import Estimate
from airflow_ml_monitor.metrics.interval import Z
from airflow_ml_monitor.profile.cells import Floats
from airflow_ml_monitor.profile.task import TaskKind

FEW_ROWS: Final = 5
"""Fewer reference rows in a part say nothing of how large its errors are."""
PSEUDO_ROWS: Final = 5.0
"""Of all the reference, added to each part's."""
MOST_UNSEEN: Final = 0.1
"""Of the window's rows, in parts of too few reference rows: above, the reference cannot speak for the window."""


@dataclass(frozen=True, slots=True, eq=False)
class Loss:
    """A loss by part of the rows: mean and variance in the reference, (P,); and of how many rows of it, (P,)."""

    mean: Floats
    variance: Floats
    rows: Floats

    @classmethod
    def of(cls, question: Question, first: str, second: str) -> Loss:
        """first, second: names of the sums of the loss and of its square."""
        whole, views = question.reference, [part.reference for part in question.parts]
        rows = np.array([view.n for view in views], np.float64)
        moments = []
        for name in (first, second):
            total = np.array([view.total(name) for view in views])
            moments.append((total + PSEUDO_ROWS * whole.total(name) / whole.n) / (rows + PSEUDO_ROWS))
        return cls(moments[0], np.maximum(moments[1] - moments[0] ** 2, 0.0), rows + PSEUDO_ROWS)

    def expected(self, window: Floats) -> tuple[float, float]:
        """(mean over a window's rows by part, variance of what the window will show about it)."""
        share = window / window.sum()
        by_chance = float(share @ self.variance) / float(window.sum())
        return float(share @ self.mean), by_chance + float(share**2 @ (self.variance / self.rows))


def check(question: Question) -> Check:
    """Does the reference have rows in every part; and are the errors at hand as large as expected of their parts?"""
    window = rows_by_part(question)
    reference = np.array([part.reference.n for part in question.parts])
    unseen = float(window[reference < FEW_ROWS].sum() / max(window.sum(), 1.0))
    if unseen > MOST_UNSEEN:
        return Check(False, f"{unseen:.0%} of the window's rows are in parts of fewer than {FEW_ROWS} reference rows")
    labels = np.array([part.labels.n for part in question.parts], np.float64)
    if labels.sum() < LEAST:
        return Check(None, f"{labels.sum():.0f} labels at hand are too few to contradict it; {LEAST} could")
    loss = Loss.of(question, "error_abs", "error2")
    expected, variance = loss.expected(labels)
    seen = sum(part.labels.total("error_abs") for part in question.parts) / float(labels.sum())
    p_value = 2 * float(ndtr(-abs(seen - expected) / math.sqrt(variance))) if variance > 0 else 1.0
    text = f"mean absolute error of {labels.sum():.0f} labels at hand {seen:.4g}, {expected:.4g} was expected"
    if p_value < DOUBT:
        return Check(False, f"{text} (p = {p_value:.1g}): the model errs otherwise than in the reference", p_value)
    return Check(True, f"{text} (p = {p_value:.2f})", p_value)


@estimator(
    assumption="Within a part of the rows (delay stratum or slice) errors are as large as they were in the reference.",
    needs=(Need.REFERENCE_LABELS, Need.PARTS),
    tasks=(TaskKind.REGRESSION,),
    check=check,
)
def direct_loss(question: Question) -> Mapping[str, Estimate]:
    """The errors of the reference, part by part, at the rows that the window has in each.

    Gives mae, rmse and bias, with intervals for what the window will show. Sees only that parts became more or less
    frequent; NannyML's estimation of the same name fits a model of the loss on all features, for which the ledger has
    no rows. It cannot see concept drift, as no estimate without labels can. n: reference rows. TooFew without reference
    rows or predictions.
    Post-stratification: Holt and Smith 1979.
    """
    window, whole = rows_by_part(question), question.reference
    if not whole.n or not window.sum():
        raise TooFew("no labelled reference row, or no prediction, to expect errors from")
    size, variance = Loss.of(question, "error_abs", "error2").expected(window)
    square, of_square = Loss.of(question, "error2", "error4").expected(window)
    shift, of_shift = Loss.of(question, "error", "error2").expected(window)
    half = Z * math.sqrt(of_shift)
    low, high = _positive(square, of_square)
    return {
        "mae": Estimate(size, whole.n, *_positive(size, variance)),
        "rmse": Estimate(math.sqrt(square), whole.n, math.sqrt(low), math.sqrt(high)),
        "bias": Estimate(shift, whole.n, shift - half, shift + half),
    }


def rows_by_part(question: Question) -> Floats:
    """Predictions of the window in each part."""
    return np.array([part.predictions.n for part in question.parts], np.float64)


def _positive(value: float, variance: float) -> tuple[float, float]:
    """95 % limits of what is above 0, on the log scale."""
    if value <= 0:
        return value, value
    factor = math.exp(Z * math.sqrt(variance) / value)
    return value / factor, value * factor
