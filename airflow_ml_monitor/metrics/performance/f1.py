"""F1."""

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
    """2 TP / (2 TP + FP + FN)."""
    tp, fp, fn, _ = cells.confusion
    return quotient(2 * tp, 2 * tp + fp + fn)


@metric(
    Family.PERFORMANCE,
    Subject.LABELLED,
    range=(0.0, 1.0),
    worse=Worse.DOWN,
    tasks=(TaskKind.BINARY, TaskKind.MULTICLASS, TaskKind.MULTILABEL),
    formula=formula,
)
def f1(rows: LabelledView) -> Estimate | Estimates:
    """Harmonic mean of precision and recall.

    In [0, 1]. The interval is that of the share J = TP/(TP + FP + FN), from which F1 = 2J/(1 + J) follows; it assumes
    independent rows. n: rows that are positive or predicted so. Undefined if there is none. TooFew without labels.
    Of several classes: class=a for each; average=macro, the mean over classes that occur, and average=weighted, by
    labels. Where a row may have several: average=micro besides, over all decisions of all classes.
    van Rijsbergen 1979.
    """
    rows.need(1)
    if rows.task.classes:
        return class_shares(rows, of_label=1, of_prediction=1)
    tp, fp, fn, _ = rows.confusion()
    n = tp + fp + fn
    if not n:
        raise Undefined("no labelled row is positive or predicted positive")
    low, high = (2 * share / (1 + share) for share in interval.share(tp, n))
    return Estimate(float(formula(rows.scored)), n, low, high)
