"""Correlations that are not what they were."""

from __future__ import annotations

import math

import numpy as np

from airflow_ml_monitor.measurement import Estimate, Family
from airflow_ml_monitor.metrics.correlation_pairs import CorrelationPairs
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.metrics.together import Together
from airflow_ml_monitor.profile.views import DatasetPair


@metric(Family.DRIFT, Subject.DATASET_PAIR, range=(-math.inf, math.inf), worse=Worse.BOTH)
def correlation_change(pair: DatasetPair) -> dict[str, Estimate]:
    """How correlations moved against the reference: the largest change, and each pair's with its sign.

    In units of Fisher's z = artanh r, of any sign and size: 0.1 is a correlation of 0 that is 0.1 now, or one of 0.5
    that is 0.57. Correlations are Pearson's of the columns' u = d / (scale + |d|), d the distance from the reference's
    median, which follow a monotonous relation and no outlier; a category is 1 where it is the first one. Of the first
    24 columns and the model's scores and predictions: features with each other and with what the model says. Of
    labels, which come later, `label_correlation_change` tells. Rows that lack one of the two values are left out.
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
    first, second = np.triu_indices(len(both.columns), 1)
    fourth = np.diag(both.variance)
    pairs = CorrelationPairs(
        [f"{both.columns[i]}~{both.columns[j]}" for i, j in zip(first.tolist(), second.tolist(), strict=True)],
        before.correlations[first, second],
        now.correlations[first, second],
        before.rows[first, second],
        now.rows[first, second],
        both.variance[first, second],
        fourth[first] * fourth[second],
    )
    return pairs.changes(both.n)
