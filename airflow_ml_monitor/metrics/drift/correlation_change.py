"""Correlations that are not what they were."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from scipy.special import ndtr

from airflow_ml_monitor.errors import TooFew
from airflow_ml_monitor.measurement import Estimate, Family
from airflow_ml_monitor.metrics.interval import Z
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.metrics.together import ENOUGH, Together
from airflow_ml_monitor.profile.cells import Floats
from airflow_ml_monitor.profile.views import DatasetPair

MOST_PAIRS: Final = 190
"""Pairs that are told one by one: all of 20 columns; of more the reference's strongest."""
FULL: Final = 0.999
"""Fisher's z of 1 is endless; of columns that say the same it is that of this."""
LEAST_VARIANCE: Final = 0.1
"""Of what a row adds to Fisher's z: of columns that say the same it has none, and any rounding would be a change."""


@metric(Family.DRIFT, Subject.DATASET_PAIR, range=(-math.inf, math.inf), worse=Worse.BOTH)
def correlation_change(pair: DatasetPair) -> dict[str, Estimate]:
    """How correlations moved against the reference: the largest change, and each pair's with its sign.

    In units of Fisher's z = artanh r, of any sign and size: 0.1 is a correlation of 0 that is 0.1 now, or one of 0.5
    that is 0.57. Correlations are Pearson's of the columns' u = d / (scale + |d|), d the distance from the reference's
    median, which follow a monotonous relation and no outlier; a category is 1 where it is the first one. Of the first
    24 columns and the model's scores and predictions: features with each other and with what the model says. Labels
    have no part: they come later. Rows that lack one of the two values are left out.
    Parameters: '' the largest change of any pair, at least 0, with the largest to be expected without one, were pairs
    independent (noise), and a p_value that counts the pairs (Šidák 1967); `a~b` each pair's own, of the 190 pairs that
    are the strongest in the reference. low, high: 95 %. p_value: two-sided, of independent rows. Standard errors are
    those of the rows' own distribution, not a normal's (Devlin, Gnanadesikan and Kettenring 1975), from a part of the
    rows of both sides. A column that hardly varies (in another unit all its u are near 1), and two that are both rare
    for so few rows, are left out. A spread or location that moved bends u, and moves correlations a little, too.
    TooFew of fewer than 50 rows on either side, or if no pair has enough.
    Fisher 1921.
    """
    both = Together.of(pair)
    before, now = both.reference, both.current
    change = _z(now.correlations) - _z(before.correlations)
    variance = np.maximum(both.variance, LEAST_VARIANCE)
    fourth = np.diag(both.variance)
    with np.errstate(invalid="ignore", divide="ignore"):
        error = np.sqrt(variance / (now.rows - 3) + variance / (before.rows - 3))
        enough = np.minimum(now.rows, before.rows) >= np.maximum(ENOUGH * np.outer(fourth, fourth), 4)
    told = np.triu(np.isfinite(change) & np.isfinite(error) & enough, 1)
    if not told.any():
        raise TooFew("no two columns vary in rows enough to tell their correlation")
    found = {"": _largest(change[told], error[told], both.n)}
    for i, j in _strongest(before.correlations):
        if told[i, j]:
            half, p_value = Z * error[i, j], 2 * ndtr(-abs(change[i, j]) / error[i, j])
            value, rows = float(change[i, j]), int(now.rows[i, j])
            interval = (float(value - half), float(value + half))
            found[f"{both.columns[i]}~{both.columns[j]}"] = Estimate(value, rows, *interval, float(p_value))
    return found


def _z(r: Floats) -> Floats:
    return np.arctanh(np.clip(r, -FULL, FULL))


def _largest(change: Floats, error: Floats, n: int) -> Estimate:
    """The largest change of any pair; the p-value is that of the change that is the least likely by itself."""
    least = 2 * ndtr(-np.max(np.abs(change) / error))
    p_value = -math.expm1(len(change) * math.log1p(-min(float(least), 1 - 1e-12)))
    # The mean of a maximum is the integral of the chance that it is beyond.
    grid = np.linspace(0, 6 * float(error.max()), 300)
    within = np.prod(1 - 2 * ndtr(-grid[:, None] / error), axis=1)
    return Estimate(float(np.abs(change).max()), n, None, None, p_value, float(np.trapezoid(1 - within, grid)))


def _strongest(r: Floats) -> list[tuple[int, int]]:
    """The pairs that are told one by one, in the order of the columns; by the reference alone, so always the same."""
    i, j = np.triu_indices(len(r), 1)
    strength = np.nan_to_num(np.abs(r[i, j]))
    chosen = np.sort(np.argsort(-strength, kind="stable")[:MOST_PAIRS])
    return list(zip(i[chosen].tolist(), j[chosen].tolist(), strict=True))
