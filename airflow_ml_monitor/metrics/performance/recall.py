"""Recall."""

from __future__ import annotations

from airflow_ml_monitor.errors import Undefined
from airflow_ml_monitor.measurement import Estimate, Estimates, Family
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.by_label import class_shares
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.metrics.quotient import quotient
from airflow_ml_monitor.profile.cells import Floats
from airflow_ml_monitor.profile.labelled_view import LabelledView, ScoredCells
from airflow_ml_monitor.profile.task import TaskKind


def formula(cells: ScoredCells) -> Floats:
    """TP / (TP + FN)."""
    tp, _, fn, _ = cells.confusion
    return quotient(tp, tp + fn)


@metric(
    Family.PERFORMANCE,
    Subject.LABELLED,
    range=(0.0, 1.0),
    worse=Worse.DOWN,
    tasks=(TaskKind.BINARY, TaskKind.MULTICLASS, TaskKind.MULTILABEL),
    formula=formula,
)
def recall(rows: LabelledView) -> Estimate | Estimates:
    """Share of the positives that were found: the true positive rate.

    In [0, 1]. The interval (Wilson 1927, Clopper and
    Pearson 1934 for few) assumes independent rows. n: positives.
    Undefined if no label is positive. TooFew without labels.
    Of several classes: class=a for each, n: labels of it (scikit-learn's support); average=macro, the mean over classes
    that have labels, and average=weighted, by labels: the accuracy where no label is undeclared. Where a row may have
    several: average=micro, over all its labels, which is average=weighted.
    """
    rows.need(1)
    if rows.task.classes:
        return class_shares(rows, of_label=1, of_prediction=0)
    tp, _, fn, _ = rows.confusion()
    if not tp + fn:
        raise Undefined("no label is positive")
    return Estimate(float(formula(rows.scored)), tp + fn, *interval.share(tp, tp + fn))
