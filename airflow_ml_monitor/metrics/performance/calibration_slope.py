"""Calibration slope."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from airflow_ml_monitor.errors import Undefined
from airflow_ml_monitor.measurement import Estimate, Family
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.metrics.quotient import quotient
from airflow_ml_monitor.profile.cells import Floats
from airflow_ml_monitor.profile.labelled_view import LabelledView, ScoredCells
from airflow_ml_monitor.profile.task import TaskKind

CLIP: Final = 1e-6
"""How near to 0 and 1 a score counts: one label against a score of 0 would rule all others."""
STEPS: Final = 60
FAR: Final = 50.0
"""Beyond it a chance is 0 or 1 to the last digit."""


def log_odds(cells: ScoredCells) -> Floats:
    """Of the cells' scores."""
    found: Floats = logit(np.clip(cells.score, CLIP, 1 - CLIP))
    return found


def separates(cells: ScoredCells) -> NDArray[np.bool_]:
    """True where a threshold parts the classes, or one of them is missing, or all scores are one: no fit is best."""
    x = log_odds(cells)
    low_p, low_n = (np.where(part > 0, x, np.inf).min(axis=-1, initial=np.inf) for part in _classes(cells))
    high_p, high_n = (np.where(part > 0, x, -np.inf).max(axis=-1, initial=-np.inf) for part in _classes(cells))
    found: NDArray[np.bool_] = (low_p >= high_n) | (low_n >= high_p)
    return found


def _classes(cells: ScoredCells) -> tuple[Floats, Floats]:
    return cells.positives, cells.negatives


@dataclass(frozen=True, slots=True)
class _Weighed:
    """Shares of all rows, and of the positives, at log odds about their mean: shape (D, C), a draw a line."""

    rows: Floats
    positives: Floats
    x: Floats

    def likelihood(self, a: Floats, b: Floats) -> Floats:
        """Of intercepts and slopes, shape (D,): its logarithm, a row."""
        odds = a[:, None] + b[:, None] * self.x
        found: Floats = (self.positives * odds - self.rows * np.logaddexp(0.0, odds)).sum(axis=-1)
        return found

    def newton(self, a: Floats, b: Floats) -> tuple[Floats, Floats]:
        """The whole steps of (a, b) towards the most likely, none that changes a row's log odds by more than FAR."""
        chance = expit(a[:, None] + b[:, None] * self.x)
        gap, weight = self.positives - self.rows * chance, self.rows * chance * (1 - chance)
        s0, s1, s2 = ((weight * self.x**k).sum(axis=-1) for k in range(3))
        g0, g1 = ((gap * self.x**k).sum(axis=-1) for k in range(2))
        whole = s0 * s2 - s1**2
        a, b = (np.nan_to_num(quotient(part, whole)) for part in (g0 * s2 - g1 * s1, g1 * s0 - g0 * s1))
        size = np.minimum(FAR / np.maximum(np.abs(a) + np.abs(b) * np.abs(self.x).max(axis=-1), FAR), 1.0)
        return a * size, b * size


def fit(cells: ScoredCells) -> tuple[Floats, Floats]:
    """(intercept, slope) of the labels' logistic regression on log odds about their mean, of each draw; else NaN.

    By Newton, from no slope, a step halved until it is no step down: scores of 0 and 1 send whole steps far off.
    """
    total = cells.rows.sum(axis=-1, keepdims=True)
    rows, positives = (np.atleast_2d(np.nan_to_num(quotient(p, total))) for p in (cells.rows, cells.positives))
    weighed = _Weighed(rows, positives, log_odds(cells) - (rows * log_odds(cells)).sum(axis=-1, keepdims=True))
    left = np.atleast_1d(~separates(cells))
    a, b = logit(np.where(left, positives.sum(axis=-1), 0.5)), np.zeros(len(left))
    for _ in range(STEPS):
        if not left.any():
            break
        step_a, step_b = (np.where(left, step, 0.0) for step in weighed.newton(a, b))
        before = weighed.likelihood(a, b)
        for _ in range(STEPS):
            after = weighed.likelihood(a + step_a, b + step_b)
            down = left & ~(after >= before - 1e-13 * (1 + np.abs(before)))
            if not down.any():
                break
            step_a, step_b = np.where(down, step_a / 2, step_a), np.where(down, step_b / 2, step_b)
        a, b = a + step_a, b + step_b
        left &= (np.abs(step_a) > 1e-11 * (1 + np.abs(a))) | (np.abs(step_b) > 1e-11 * (1 + np.abs(b)))
    found = ~np.atleast_1d(separates(cells)) & ~left
    shape = cells.positives.shape[:-1]
    return np.where(found, a, np.nan).reshape(shape), np.where(found, b, np.nan).reshape(shape)


def formula(cells: ScoredCells) -> Floats:
    """The slope of the best fit."""
    return fit(cells)[1]


@metric(
    Family.PERFORMANCE,
    Subject.LABELLED,
    range=(-float("inf"), float("inf")),
    worse=Worse.BOTH,
    tasks=(TaskKind.BINARY,),
    version=2,
    formula=formula,
    by_draws=True,
)
def calibration_slope(rows: LabelledView) -> Estimate:
    """Slope of the labels' logistic regression on the log odds of the score: 1 is right.

    Without a unit. Below 1 the scores are too extreme, as of an overfitted model; above 1 too timid; 0 or less, they
    rank no better than chance. Scores are clipped to 0.000001; rows of a bucket count at their mean score. The interval
    is t with the smaller class's rows and Huber's (1967) variance, which does not take the fit for true; it assumes
    independent rows. n: labelled rows. Undefined where a threshold parts the classes, which then have no best slope, or
    one is missing. TooFew without labels.
    Cox 1958.
    """
    rows.need(1)
    cells = rows.scored
    intercept, slope = (float(found) for found in fit(cells))
    if np.isnan(slope):
        raise Undefined("the classes are parted by a threshold, or one is missing: no slope fits best")
    x = log_odds(cells) - float(cells.rows @ log_odds(cells)) / rows.n
    chance = expit(intercept + slope * x)
    design = np.stack([np.ones_like(x), x])
    bread = np.linalg.inv((design * (cells.rows * chance * (1 - chance))) @ design.T)
    filling = (design * (cells.positives * (1 - chance) ** 2 + cells.negatives * chance**2)) @ design.T
    smaller = float(min(cells.positives.sum(), cells.negatives.sum()))
    variance = float((bread @ filling @ bread)[1, 1]) * smaller / max(smaller - 1, 1.0)
    half = interval.student(smaller - 1) * variance**0.5
    return Estimate(slope, rows.n, slope - half, slope + half)
