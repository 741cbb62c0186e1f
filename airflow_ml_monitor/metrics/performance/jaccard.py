"""Jaccard index."""

from __future__ import annotations

from airflow_ml_monitor.measurement import Estimate, Family
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.profile.labelled_view import LabelledView
from airflow_ml_monitor.profile.task import TaskKind


@metric(Family.PERFORMANCE, Subject.LABELLED, range=(0.0, 1.0), worse=Worse.DOWN, tasks=(TaskKind.MULTILABEL,))
def jaccard(rows: LabelledView) -> Estimate:
    """Mean over rows of the classes that are both predicted and true, over those that are either.

    In [0, 1]; 1 where both sets are equal, two empty ones included (scikit-learn's samples average with
    zero_division=1). The interval takes the rows for as many right or wrong ones as vary like them (Korn and Graubard
    1998); it assumes independent rows. TooFew without labels.
    Jaccard 1901; Godbole and Sarawagi 2004.
    """
    rows.need(1)
    value = min(rows.total("jaccard") / rows.n, 1.0)
    variance = max(rows.total("jaccard2") / rows.n - value**2, 0.0) / rows.n
    limits = interval.clustered_share(value, variance, rows.n, rows.n * len(rows.task.classes), rows.n)
    return Estimate(value, rows.n, *limits)
