"""Expected calibration error."""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np
from scipy.special import bdtr, gammaln, ndtri, xlog1py, xlogy

from airflow_ml_monitor.measurement import Estimate, Family
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.metrics.quotient import quotient
from airflow_ml_monitor.profile.cells import Floats
from airflow_ml_monitor.profile.labelled_view import LabelledView, ScoredCells
from airflow_ml_monitor.profile.task import TaskKind

BINS: Final = 16
DRAWS: Final = 999


def binned(cells: ScoredCells) -> tuple[Floats, Floats, Floats]:
    """(rows, positives, sum of scores) of the sixteen bins, shape (BINS,) or (D, BINS)."""
    # A mean is a quotient of sums: scores that are all 0.25 must not fall below it.
    bins = np.clip(BINS * cells.score + 1e-9, 0, BINS - 1).astype(np.int64)
    inside = (bins[:, None] == np.arange(BINS)).astype(np.float64)
    return cells.rows @ inside, cells.positives @ inside, (cells.rows * cells.score) @ inside


def formula(cells: ScoredCells) -> Floats:
    """The sum over bins of |positives - sum of scores|, over rows."""
    count, right, expected = binned(cells)
    return quotient(np.abs(right - expected).sum(axis=-1), count.sum(axis=-1))


@metric(
    Family.PERFORMANCE,
    Subject.LABELLED,
    range=(0.0, 1.0),
    worse=Worse.UP,
    tasks=(TaskKind.BINARY, TaskKind.MULTICLASS),
    version=3,
    formula=formula,
    waits=True,
)
def expected_calibration_error(rows: LabelledView) -> Estimate:
    """Mean gap between score and label rate over sixteen equal bins of the score, weighted by their rows.

    In [0, 1]; 0 is perfect. Coarse by construction: a gap that changes sign inside one bin cancels; rows of one
    bucket and decision lie whole in the bin of their mean score. A distance: always above 0 by chance, so it has a
    noise floor (a binomial's mean absolute deviation, de Moivre 1730) and a p-value (999 draws) in place of an
    interval: what it comes to where the scores are right. They assume independent rows. TooFew without labels.
    Of several classes the gap is that between the predicted class's score and the share of right predictions; of an
    undeclared class, which is never right, the highest score counts. Undefined without scores.
    It waits for the labels: chance is most of a small one, and to whole rows drawn about an estimate the estimate's own
    error adds as much again (half the window's own standard deviation too much in 60 simulated weeks; without chance
    two too little). Until then calibration_in_the_large, the intercept and the slope tell.
    Naeini, Cooper and Hauskrecht 2015.
    """
    rows.need(1)
    value = float(formula(rows.scored))
    count, _, expected = binned(rows.scored)
    count, expected = count[count > 0], np.clip(expected, 0.0, count)[count > 0]
    chance = _drawn(count, expected) / rows.n
    p_value = float((1 + np.sum(chance >= value - 1e-12)) / (1 + DRAWS))
    return Estimate(value, rows.n, p_value=p_value, noise=float(_deviation(count, expected).sum() / rows.n))


def _deviation(n: Floats, expected: Floats) -> Floats:
    """E|B - np| of binomials: 2 m (1 - p) P(B = m), m the first whole number above np."""
    p, m = expected / n, np.minimum(np.floor(expected) + 1, n)
    log_ways = gammaln(n + 1) - gammaln(m + 1) - gammaln(n - m + 1)
    found: Floats = 2 * m * (1 - p) * np.exp(log_ways + xlogy(m, p) + xlog1py(n - m, -p))
    return found


def _drawn(n: Floats, expected: Floats) -> Floats:
    """The sum of |B - np| over independent binomials, drawn as normal numbers that are made whole.

    From a variance of one on bent to the binomial's skewness (Cornish and Fisher 1938): no tail differs by more than
    0.009. Below it cut at the binomial's own quantiles; more than six successes (1 in 12,000) count as six.
    """
    expected = np.minimum(expected, n - expected)  # |B - np| is the same for successes and failures
    p = expected / n
    normal, bend = (each[: len(n)] for each in _normals())
    variance = (expected * (1 - p))[:, None]
    drawn = np.rint(expected[:, None] + np.sqrt(variance) * normal + (1 - 2 * p)[:, None] * bend)
    drawn = np.clip(drawn, 0.0, n[:, None])
    if (few := variance[:, 0] < 1).any():
        rows = n[few].astype(np.int64)
        cuts = ndtri(bdtr(np.minimum(np.arange(6)[:, None], rows), rows, p[few]))
        drawn[few] = np.sum([normal[few] > cut[:, None] for cut in cuts], axis=0)
    found: Floats = np.abs(drawn - expected[:, None]).sum(axis=0)
    return found


@cache
def _normals() -> tuple[Floats, Floats]:
    """(z, (z² - 1)/6), a row a bin, a column a draw; the same in every run."""
    # Chance in the table would be a bias in every window: of 300 seeds this one's tails are nearest to the normal's,
    # at 1, 5, 20 and 50 %, for one bin to sixteen of equal and unequal weight.
    z = np.random.default_rng(188).standard_normal((BINS, DRAWS))
    return z, (z**2 - 1) / 6
