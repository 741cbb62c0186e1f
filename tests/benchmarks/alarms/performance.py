"""Realised performance of a simulated model, day by day: rows drawn, metrics computed from them.

Concept drift with unchanged inputs shows nowhere else. A change of correlations alone is left out: it asks for second
moments, which daily counts of single columns do not hold.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from effects import Days, World
from scipy.special import expit, logit, ndtri
from streams import REFERENCE_DAYS, Change, Changed, shaped

METRICS = ("roc_auc", "accuracy", "f1")
POINT = 0.01
VARIATION = World(weekday=(0.05, 0.5), between=(0.05, 0.4))
"""Of the model's true AUC, in points."""


@dataclass(frozen=True, eq=False)
class Performance:
    """values: (T, 3), of METRICS. errors: (T,), the AUC's standard error (DeLong, DeLong and Clarke-Pearson 1988). The
    first `start` days are the reference."""

    values: np.ndarray
    errors: np.ndarray
    labels: int
    dates: np.ndarray
    start: int = REFERENCE_DAYS
    changed: tuple[Changed, ...] = ()

    @property
    def columns_changed(self) -> np.ndarray:
        """(3,): a loss shows in every metric."""
        return np.full(len(METRICS), bool(self.changed))


def performance(seed: int, loss: float = 0.0, *, labels: int = 2_000, days: int = 365, day: int = 120) -> Performance:
    """loss: points of AUC from so many days after the first monitored one; the days before are the same without."""
    random = np.random.default_rng([seed, 0])
    dates = np.datetime64("2023-01-02") + random.integers(365) + np.arange(REFERENCE_DAYS + days)
    shared = Days(VARIATION, dates, seed)
    usual, base = random.uniform(0.72, 0.88), random.uniform(0.08, 0.4)
    rate = expit(logit(base) + 0.3 * shared.effects(random)[:, 0])
    change = Change("mean", loss, len(METRICS), day=day)
    fallen = loss * shaped(change, REFERENCE_DAYS, len(dates), random)
    auc = usual + POINT * (shared.effects(random)[:, 0] - fallen)
    label = random.random((len(dates), labels)) < rate[:, None]
    noise = random.standard_normal(label.shape)
    # Two normals so far apart that the one exceeds the other with probability AUC.
    score = noise + label * np.sqrt(2) * ndtri(auc)[:, None]
    cut = np.quantile(score[:REFERENCE_DAYS], 1 - base)
    values, errors = _auc(label, score)
    decided = score > cut
    accuracy = (decided == label).mean(axis=1)
    f1 = 2 * (decided & label).sum(axis=1) / np.maximum(decided.sum(axis=1) + label.sum(axis=1), 1)
    begun = REFERENCE_DAYS + day
    changed = tuple(Changed(name, n, begun, change, -loss * POINT) for n, name in enumerate(METRICS)) if loss else ()
    return Performance(np.column_stack([values, accuracy, f1]), errors, labels, dates, changed=changed)


def three_sigmas(series: Performance) -> np.ndarray:
    """(T, 3): outside mean ± 3 standard deviations of the reference's days, as NannyML 0.13.1 does with each metric."""
    usual = series.values[: series.start]
    return np.asarray(np.abs(series.values - usual.mean(axis=0)) > 3 * usual.std(axis=0))


def _auc(label: np.ndarray, score: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(AUC, standard error) of each day; NaN where one class is missing."""
    label = np.take_along_axis(label, np.argsort(score, axis=1), axis=1)
    positives, negatives = label.sum(axis=1), (~label).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        # Of a positive the share of negatives below it; of a negative that of positives above it.
        above = np.cumsum(~label, axis=1) / negatives[:, None]
        below = 1 - np.cumsum(label, axis=1) / positives[:, None]
        auc = (above * label).sum(axis=1) / positives
        spread = ((above - auc[:, None]) ** 2 * label).sum(axis=1) / (positives - 1) / positives
        spread += ((below - auc[:, None]) ** 2 * ~label).sum(axis=1) / (negatives - 1) / negatives
    return auc, np.sqrt(spread)
