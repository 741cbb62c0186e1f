"""Precision."""

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
    """TP / (TP + FP)."""
    tp, fp, _, _ = cells.confusion
    return quotient(tp, tp + fp)


@metric(
    Family.PERFORMANCE,
    Subject.LABELLED,
    range=(0.0, 1.0),
    worse=Worse.DOWN,
    tasks=(TaskKind.BINARY, TaskKind.MULTICLASS, TaskKind.MULTILABEL),
    formula=formula,
)
def precision(rows: LabelledView) -> Estimate | Estimates:
    """Share of the positive predictions that are right.

    In [0, 1]. The interval (Wilson 1927, Clopper and
    Pearson 1934 for few) assumes independent rows. n: rows predicted
    positive. Undefined if nothing was predicted positive. TooFew without labels.
    Of several classes: class=a for each, n: rows predicted so; average=macro, the mean over classes that were
    predicted, and average=weighted, by labels (scikit-learn's, with zero_division=nan). Where a row may have several:
    average=micro besides, over all decisions of all classes.
    """
    rows.need(1)
    if rows.task.classes:
        return class_shares(rows, of_label=0, of_prediction=1)
    tp, fp, _, _ = rows.confusion()
    if not tp + fp:
        raise Undefined("no labelled row was predicted positive")
    return Estimate(float(formula(rows.scored)), tp + fp, *interval.share(tp, tp + fp))
