"""Specificity."""

from __future__ import annotations

from airflow_ml_monitor.errors import Undefined
from airflow_ml_monitor.measurement import Estimate, Family
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.metrics.quotient import quotient
from airflow_ml_monitor.profile.cells import Floats
from airflow_ml_monitor.profile.labelled_view import LabelledView, ScoredCells
from airflow_ml_monitor.profile.task import TaskKind


def formula(cells: ScoredCells) -> Floats:
    """TN / (TN + FP)."""
    _, fp, _, tn = cells.confusion
    return quotient(tn, tn + fp)


@metric(
    Family.PERFORMANCE,
    Subject.LABELLED,
    range=(0.0, 1.0),
    worse=Worse.DOWN,
    tasks=(TaskKind.BINARY,),
    formula=formula,
)
def specificity(rows: LabelledView) -> Estimate:
    """Share of the negatives that were left alone: the true negative rate.

    In [0, 1]. The interval (Wilson 1927, Clopper and
    Pearson 1934 for few) assumes independent rows. n: negatives.
    Undefined if no label is negative. TooFew without labels.
    """
    rows.need(1)
    _, fp, _, tn = rows.confusion()
    if not tn + fp:
        raise Undefined("no label is negative")
    return Estimate(float(formula(rows.scored)), tn + fp, *interval.share(tn, tn + fp))
