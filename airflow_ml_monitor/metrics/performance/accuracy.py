"""Accuracy."""

from __future__ import annotations

from airflow_ml_monitor.measurement import Estimate, Family
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.metrics.quotient import quotient
from airflow_ml_monitor.profile.cells import Floats
from airflow_ml_monitor.profile.labelled_view import LabelledView, ScoredCells
from airflow_ml_monitor.profile.task import TaskKind


def formula(cells: ScoredCells) -> Floats:
    """(TP + TN) / rows."""
    tp, fp, fn, tn = cells.confusion
    return quotient(tp + tn, tp + fp + fn + tn)


@metric(
    Family.PERFORMANCE,
    Subject.LABELLED,
    range=(0.0, 1.0),
    worse=Worse.DOWN,
    tasks=(TaskKind.BINARY, TaskKind.MULTICLASS, TaskKind.MULTILABEL),
    formula=formula,
    of_right=True,
)
def accuracy(rows: LabelledView) -> Estimate:
    """Share of the labelled rows whose prediction is right.

    In [0, 1]. Says little where one class is rare. The interval (Wilson 1927, Clopper and Pearson 1934 for few) assumes
    independent rows. TooFew without labels. Of several classes it is the micro average of precision, recall and F1; an
    undeclared class is never right. Where a row may have several: the subset accuracy, rows whose set of declared
    classes is predicted exactly.
    """
    rows.need(1)
    if rows.task.kind is TaskKind.MULTICLASS:
        right = int(rows.table.right.sum())
        return interval.share_of(right, rows.n)
    if rows.task.kind is TaskKind.MULTILABEL:
        exact = round(rows.total("exact"))
        return interval.share_of(exact, rows.n)
    tp, _, _, tn = rows.confusion()
    return Estimate(float(formula(rows.scored)), rows.n, *interval.share(tp + tn, rows.n))
