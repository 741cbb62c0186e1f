"""Expected calibration error."""

from __future__ import annotations

from typing import Final

import numpy as np

from airflow_ml_monitor.measurement import Estimate, Family
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.profile.dataset import TaskKind
from airflow_ml_monitor.profile.layout import SCORE_BUCKETS
from airflow_ml_monitor.profile.views import LabelledView

BINS: Final = 16
DRAWS: Final = 999


@metric(Family.PERFORMANCE, Subject.LABELLED, range=(0.0, 1.0), worse=Worse.UP, tasks=(TaskKind.BINARY,))
def expected_calibration_error(rows: LabelledView) -> Estimate:
    """Mean gap between score and label rate over sixteen equal bins of the score, weighted by their rows.

    In [0, 1]; 0 is perfect. Coarse by construction: a gap that changes sign inside one bin cancels. A distance: always
    above 0 by chance, so it has a noise floor and a p-value in place of an interval: labels drawn 999 times from the
    scores, as if these were right. They assume independent rows. TooFew without labels.
    Naeini, Cooper and Hauskrecht 2015.
    """
    rows.need(1)
    bucket, positives, negatives, score = rows.by_score
    bins, where = np.unique(bucket * BINS // SCORE_BUCKETS, return_inverse=True)
    count, right, expected = (
        np.bincount(where, weights=part, minlength=len(bins)) for part in (positives + negatives, positives, score)
    )
    drawn = np.random.default_rng(2015).binomial(
        count.astype(np.int64), np.clip(expected / count, 0, 1), (DRAWS, len(bins))
    )
    value = float(np.abs(right - expected).sum() / rows.n)
    chance = np.abs(drawn - expected).sum(axis=1) / rows.n
    p_value = float((1 + np.sum(chance >= value - 1e-12)) / (1 + DRAWS))
    return Estimate(value, rows.n, p_value=p_value, noise=float(chance.mean()))
