"""Prediction-powered inference for a regression: a few labels, drawn at random, and the parts of all rows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from airflow_ml_monitor.errors import TooFew
from airflow_ml_monitor.estimation.direct_loss import Loss, rows_by_part
from airflow_ml_monitor.estimation.estimator import Need, Question, estimator
from airflow_ml_monitor.estimation.prediction_powered import check
from airflow_ml_monitor.measurement import Estimate
from airflow_ml_monitor.metrics.metric import metric_named
from airflow_ml_monitor.profile.cells import Floats
from airflow_ml_monitor.profile.task import TaskKind


@dataclass(frozen=True, slots=True)
class Powered:
    """A mean over a window's rows. shorter: its standard error over that of the labels alone, as if of endless rows.

    weight: of what was foreseen, in [0, 1].
    """

    value: float
    shorter: float
    weight: float


def powered(foreseen: Floats, window: Floats, labels: Floats, losses: Floats, squares: float) -> Powered:
    """The mean loss of a window whose rows by part are known, from some labels of it.

    foreseen: the loss expected in each part; window, labels: rows; losses: their labels' sum; all (P,). squares: the
    sum of the labels' squared losses. Mean of the labels, plus the weight times the mean foreseen for all rows less
    that for the labelled; the weight makes the variance least, clipped to [0, 1].
    PPI++ (Angelopoulos, Duchi and Zrnic 2023), of labels drawn without replacement (the regression estimator, Cochran
    1977).
    """
    n, size = float(labels.sum()), float(window.sum())
    seen, guess = float(losses.sum()) / n, float(labels @ foreseen) / n
    together = float(losses @ foreseen) / n - seen * guess
    spread = float(labels @ foreseen**2) / n - guess**2
    weight = min(max(together / spread, 0.0), 1.0) if spread > 1e-12 * guess**2 else 0.0
    alone = squares / n - seen**2
    left = max(alone - 2 * weight * together + weight**2 * spread, 0.0) * max(1 - n / size, 0.0)
    value = seen + weight * (float(window @ foreseen) / size - guess)
    return Powered(value, math.sqrt(left / alone) if alone > 0 else 0.0, weight)


@estimator(
    assumption="The labels at hand are a random sample of the window's predictions.",
    needs=(Need.REFERENCE_LABELS, Need.LABELS_AT_HAND, Need.PARTS),
    tasks=(TaskKind.REGRESSION,),
    check=check,
)
def prediction_powered_loss(question: Question) -> Mapping[str, Estimate]:
    """The errors of the labels at hand, put right for parts of the rows that the sample has by chance too often.

    Gives mae, rmse and bias, with intervals for what the window will show. The losses foreseen are the reference's,
    part by part; where they are of no use, the labels alone are left. Nothing of how the model errs need have stayed.
    n: labels at hand. TooFew with less than two.
    """
    window, views = rows_by_part(question), [part.labels for part in question.parts]
    labels = np.array([view.n for view in views], np.float64)
    if labels.sum() < 2 or not question.reference.n:
        raise TooFew(f"{labels.sum():.0f} labels at hand and {question.reference.n} in the reference; 2 and 1 needed")
    found = {}
    for name, (first, second) in {
        "mae": ("error_abs", "error2"),
        "rmse": ("error2", "error4"),
        "bias": ("error", "error2"),
    }.items():
        losses, squares = (np.array([view.total(which) for view in views]) for which in (first, second))
        found[name] = powered(Loss.of(question, first, second).mean, window, labels, losses, float(squares.sum()))
    return {name: _estimate(question, name, one) for name, one in found.items()}


def _estimate(question: Question, name: str, found: Powered) -> Estimate:
    """The interval is that of the labels alone, which knows their skewness, moved and made as much shorter."""
    alone = metric_named(name).function(question.labels)
    assert isinstance(alone, Estimate)  # of these metrics each has one value
    value = math.sqrt(max(found.value, 0.0)) if name == "rmse" else found.value
    if alone.low is None or alone.high is None:
        return Estimate(value, alone.n)
    if name == "bias":
        low, high = (value + found.shorter * (end - alone.value) for end in (alone.low, alone.high))
        return Estimate(value, alone.n, low, high)
    if alone.low <= 0 or value <= 0:
        return Estimate(value, alone.n, min(alone.low, value), max(alone.high, value))
    low, high = (value * (end / alone.value) ** found.shorter for end in (alone.low, alone.high))
    return Estimate(value, alone.n, low, high)
