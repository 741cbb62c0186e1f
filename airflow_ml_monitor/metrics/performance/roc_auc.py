"""Area under the ROC curve."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from airflow_ml_monitor.errors import Undefined
from airflow_ml_monitor.measurement import Estimate, Estimates, Family
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.by_label import of_each_class
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.metrics.quotient import quotient
from airflow_ml_monitor.profile.cells import Counts, Floats
from airflow_ml_monitor.profile.labelled_view import LabelledView, ScoredCells
from airflow_ml_monitor.profile.task import TaskKind


def formula(cells: ScoredCells) -> Floats:
    """The share of pairs in order, ties half (Mann and Whitney 1947)."""
    positives, negatives = cells.by_bucket
    beaten = np.cumsum(negatives, axis=-1) - negatives / 2
    pairs = positives.sum(axis=-1) * negatives.sum(axis=-1)
    return quotient((positives * beaten).sum(axis=-1), pairs)


@metric(
    Family.PERFORMANCE,
    Subject.LABELLED,
    range=(0.0, 1.0),
    worse=Worse.DOWN,
    tasks=(TaskKind.BINARY, TaskKind.MULTILABEL),
    formula=formula,
)
def roc_auc(rows: LabelledView) -> Estimate | Estimates:
    """Probability that a positive scores above a negative; ties, and scores in one bucket, count half.

    In [0, 1]; 0.5 is chance. The interval is DeLong's, exact from the cells, as t on the logit scale; where a class
    has fewer than ten rows, or fewer than ten of the smaller class are misplaced (few errors are rare events), joined
    with Newcombe's score interval under the less favourable of Hanley and McNeil's variances. It assumes independent
    rows. n: labelled rows. Undefined with one class only. TooFew without labels.
    Where a row may have several classes: class=a for each, and average=macro, over classes that have a value; undefined
    without scores.
    Hanley and McNeil 1982; DeLong, DeLong and Clarke-Pearson 1988; Newcombe 2006.
    """
    rows.need(1)
    if rows.task.kind is TaskKind.MULTILABEL:
        return of_each_class(rows, _of_scores)
    return _of_scores(rows)


def _of_scores(rows: LabelledView) -> Estimate:
    _, positives, negatives, _ = rows.by_score
    m, n = int(positives.sum()), int(negatives.sum())
    if not m or not n:
        raise Undefined("only one class among the labels")
    area = float(formula(rows.scored))
    limits = _delong(area, positives, negatives)
    if limits is None or min(m, n) * min(1.0, area, 1 - area) < interval.FEW:
        limits = interval.outer(limits, _score_limits(area, m, n))
    return Estimate(area, m + n, *(limits or (0.0, 1.0)))


def _delong(area: float, positives: Counts, negatives: Counts) -> interval.Interval | None:
    m, n = int(positives.sum()), int(negatives.sum())
    if min(m, n) < 2:
        return None
    # The placement of a row: the share of the other class that it beats.
    up = (np.cumsum(negatives) - negatives / 2) / n
    down = 1 - (np.cumsum(positives) - positives / 2) / m
    a = float(positives @ (up - area) ** 2) / (m - 1) / m
    b = float(negatives @ (down - area) ** 2) / (n - 1) / n
    if not 0 < area < 1 or a + b <= 0:
        return None
    welch = (a + b) ** 2 / (a**2 / (m - 1) + b**2 / (n - 1))
    return interval.on_logit(area, a + b, welch)


def _score_limits(area: float, m: int, n: int) -> interval.Interval:
    """The areas θ that the sample does not contradict: |area - θ| ≤ t √V(θ)."""
    # One row of a class tells next to nothing, whatever the other has: t with its degrees of freedom.
    quantile = interval.student(min(m, n) - 1)

    def contradicted(theta: float) -> bool:
        a, b = (1 - theta) / (2 - theta), theta / (1 + theta)
        pairs = max((m - 1) * a + (n - 1) * b, (m - 1) * b + (n - 1) * a)
        return abs(area - theta) > quantile * math.sqrt(theta * (1 - theta) / (m * n) * (1 + pairs))

    return _edge(contradicted, area, 0.0), _edge(contradicted, area, 1.0)


def _edge(contradicted: Callable[[float], bool], inside: float, outside: float) -> float:
    """Where the sample begins to contradict, by bisection."""
    for _ in range(50):
        middle = (inside + outside) / 2
        inside, outside = (inside, middle) if contradicted(middle) else (middle, outside)
    return outside
