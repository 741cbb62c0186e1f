"""Separation of the classes' scores after Kolmogorov and Smirnov."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from airflow_ml_monitor.errors import Undefined
from airflow_ml_monitor.measurement import Estimate, Family
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.metrics.quotient import quotient
from airflow_ml_monitor.profile.cells import Floats
from airflow_ml_monitor.profile.labelled_view import LabelledView, ScoredCells
from airflow_ml_monitor.profile.task import TaskKind

DRAWS: Final = 99
GROUPS: Final = 256
"""Of scores in the draws for the bias: the largest of so many gaps is drawn, not of thousands."""


def gaps(positives: Floats, negatives: Floats) -> Floats:
    """Share of the negatives less share of the positives up to each score; NaN without one of them."""
    below = (np.cumsum(part, axis=-1) for part in (negatives, positives))
    negative, positive = (quotient(part, part[..., -1:]) for part in below)
    return negative - positive


def formula(cells: ScoredCells) -> Floats:
    """The largest gap between the classes' cumulative shares."""
    found = gaps(*cells.by_bucket)
    largest: Floats = found.max(axis=-1, initial=0.0) if found.shape[-1] else np.full(found.shape[:-1], np.nan)
    return largest


@metric(
    Family.PERFORMANCE,
    Subject.LABELLED,
    range=(0.0, 1.0),
    worse=Worse.DOWN,
    tasks=(TaskKind.BINARY,),
    version=2,
    formula=formula,
    by_draws=True,
)
def ks_separation(rows: LabelledView) -> Estimate:
    """Largest lead of the true over the false positive rate at any threshold: the scorecard's KS.

    In [0, 1]; 0 for scores that tell nothing, or put negatives first. Chance raises it: a model on 1,000 rows, 100 of
    them positive, by 0.03. The interval joins those of the two rates at the best threshold (Zou and Donner 2008); its
    lower end is lowered by the bias, which is drawn (Efron 1979; 99 draws), and is 0 where scores that tell nothing
    would do as well (Smirnov 1939). It assumes independent rows. n: labelled rows. Undefined with one class only.
    TooFew without labels.
    """
    rows.need(1)
    positives, negatives = rows.scored.by_bucket
    m, n = positives.sum(), negatives.sum()
    if not m or not n:
        raise Undefined("only one class among the labels")
    value = float(formula(rows.scored))
    best = int(np.argmax(gaps(positives, negatives)))
    above, below = int(positives[best + 1 :].sum()), int(negatives[: best + 1].sum())
    shares = [(k / of, interval.share(k, int(of))) for k, of in ((above, m), (below, n))]
    low, high = (limit - 1 for limit in interval.added(*shares))
    if math.exp(-2 * value**2 * m * n / (m + n)) > interval.TAIL:
        low = 0.0
    return Estimate(value, rows.n, min(max(low - _bias(positives, negatives), 0.0), value), max(min(high, 1.0), value))


def _bias(positives: Floats, negatives: Floats) -> float:
    """By how much the largest gap of rows drawn anew from these exceeds these rows' own."""
    # Groups of about equal numbers of rows.
    upto = np.cumsum(positives + negatives)
    group = np.minimum((GROUPS * (upto - 1) // upto[-1]).astype(np.int64), GROUPS - 1)
    p, n = (np.bincount(group, part, GROUPS).astype(np.float64) for part in (positives, negatives))
    rng = np.random.default_rng(1939)
    found = gaps(*(rng.poisson(part, (DRAWS, GROUPS)).astype(np.float64) for part in (p, n))).max(axis=-1)
    # A draw without one of the classes has no gap.
    return max(float(np.nanmean(found)) - float(gaps(p, n).max()), 0.0) if np.isfinite(found).any() else 0.0
