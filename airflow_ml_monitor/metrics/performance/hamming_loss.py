"""Hamming loss."""

from __future__ import annotations

import numpy as np

from airflow_ml_monitor.measurement import Estimate, Family
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.profile.labelled_view import LabelledView
from airflow_ml_monitor.profile.task import TaskKind


@metric(Family.PERFORMANCE, Subject.LABELLED, range=(0.0, 1.0), worse=Worse.UP, tasks=(TaskKind.MULTILABEL,))
def hamming_loss(rows: LabelledView) -> Estimate:
    """Share of the decisions, one a row and class, that are wrong.

    In [0, 1]; little where rows have few of many classes, whatever is predicted. n: labelled rows. The interval takes
    the decisions for as many independent ones as vary like them from row to row (Korn and Graubard 1998); it assumes
    independent rows. TooFew without labels.
    Schapire and Singer 1999.
    """
    rows.need(1)
    table, size = rows.sets, len(rows.task.classes)
    wrong = int((table.labels + table.predictions)[:-1].sum() - 2 * table.right.sum())
    ones = np.ones((1, size))
    squares = float(table.products(-2 * ones, ones, ones)[0, 0])
    value = wrong / (rows.n * size)
    variance = (squares / rows.n - (value * size) ** 2) / (rows.n * size**2)
    limits = interval.clustered_share(value, variance, rows.n, rows.n * size, rows.n)
    return Estimate(value, rows.n, *limits)
