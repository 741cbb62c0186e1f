"""Balanced accuracy."""

from __future__ import annotations

import numpy as np

from airflow_ml_monitor.errors import Undefined
from airflow_ml_monitor.measurement import Estimate, Family
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.by_class import ClassShares
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.metrics.quotient import quotient
from airflow_ml_monitor.profile.cells import Floats
from airflow_ml_monitor.profile.labelled_view import LabelledView, ScoredCells
from airflow_ml_monitor.profile.task import TaskKind


def formula(cells: ScoredCells) -> Floats:
    """(TP / (TP + FN) + TN / (TN + FP)) / 2."""
    tp, fp, fn, tn = cells.confusion
    return (quotient(tp, tp + fn) + quotient(tn, tn + fp)) / 2


@metric(
    Family.PERFORMANCE,
    Subject.LABELLED,
    range=(0.0, 1.0),
    worse=Worse.DOWN,
    tasks=(TaskKind.BINARY, TaskKind.MULTICLASS),
    formula=formula,
)
def balanced_accuracy(rows: LabelledView) -> Estimate:
    """Mean of recall and specificity: the accuracy if both classes were equally frequent.

    In [0, 1]; 0.5 is chance, however rare a class. The interval joins those of the two shares, which are independent
    (Zou and Donner 2008), and assumes independent rows. n: labelled rows. Undefined with one class only. TooFew without
    labels. Of several classes it is the mean of the recalls of those that have labels, at least two.
    Brodersen, Ong, Stephan and Buhmann 2010.
    """
    rows.need(1)
    if rows.task.kind is TaskKind.MULTICLASS:
        if np.count_nonzero(rows.table.labels[:-1]) < 2:
            raise Undefined("fewer than two declared classes among the labels")
        return ClassShares(rows.table, of_label=1, of_prediction=0).macro()
    tp, fp, fn, tn = rows.confusion()
    if not tp + fn or not tn + fp:
        raise Undefined("only one class among the labels")
    shares = [(k / n, interval.share(k, n)) for k, n in ((tp, tp + fn), (tn, tn + fp))]
    low, high = (limit / 2 for limit in interval.added(*shares))
    return Estimate(float(formula(rows.scored)), rows.n, max(low, 0.0), min(high, 1.0))
