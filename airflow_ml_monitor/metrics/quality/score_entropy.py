"""Mean entropy of the scores."""

from __future__ import annotations

import math

from scipy.special import entr

from airflow_ml_monitor.measurement import Estimate, Family
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.profile.cells import Floats
from airflow_ml_monitor.profile.dataset import Kind
from airflow_ml_monitor.profile.score_view import ScoreView
from airflow_ml_monitor.profile.task import TaskKind


def _entropy(score: Floats) -> Floats:
    found: Floats = entr(score) + entr(1 - score)
    return found


@metric(
    Family.QUALITY,
    Subject.SCORE_COLUMN,
    range=(0.0, math.log(2)),
    worse=Worse.BOTH,
    unit="nat",
    kinds=(Kind.NUMERIC,),
    tasks=(TaskKind.BINARY, TaskKind.MULTICLASS, TaskKind.MULTILABEL),
)
def score_entropy(scores: ScoreView) -> Estimate:
    """Mean entropy of the scores: how undecided the model is, without any label.

    In the unit nat, between 0 (every score is 0 or 1) and 0.693 (every score is 0.5); of several classes that of each
    class against the rest. It tells how sure the model is, not whether it may be. A row counts with the mean score of
    its cell: at most too high (entropy is concave), and by no more than the interval's lower limit is lowered, which
    holds the straight line between the cell's extremes (Jensen 1906). The interval of the mean is Student's t with
    Hall's correction for skewness; it assumes independent rows. None for a single row. Scores that are no probability
    are left out; of a column of them all, and without rows, it is TooFew.
    Shannon 1948; Hall 1992.
    """
    low, high, middle, rows = scores.probabilities
    n = int(rows.sum())
    each, share = _entropy(middle), rows / n
    value = min(float(share @ each), math.log(2))
    apart = high - low
    slope = (_entropy(high) - _entropy(low)) / (apart + (apart == 0))
    least = _entropy(low) + slope * (middle - low)
    first, second, third = (float(share @ each**power) for power in (1, 2, 3))
    limits = interval.moments_mean(first, second, third, n)
    if limits is None:
        return Estimate(value, n)
    excess = max(float(share @ (each - least)), 0.0)
    return Estimate(value, n, max(min(limits[0] - excess, value), 0.0), min(max(limits[1], value), math.log(2)))
