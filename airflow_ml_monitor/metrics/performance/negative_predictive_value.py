"""Negative predictive value."""

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
    """TN / (TN + FN)."""
    _, _, fn, tn = cells.confusion
    return quotient(tn, tn + fn)


@metric(
    Family.PERFORMANCE,
    Subject.LABELLED,
    range=(0.0, 1.0),
    worse=Worse.DOWN,
    tasks=(TaskKind.BINARY,),
    formula=formula,
)
def negative_predictive_value(rows: LabelledView) -> Estimate:
    """Share of the negative predictions that are right: precision's counterpart.

    In [0, 1]. The interval (Wilson 1927, Clopper and Pearson 1934 for few) assumes independent rows. n: rows predicted
    negative. Undefined if nothing was predicted negative. TooFew without labels.
    """
    rows.need(1)
    _, _, fn, tn = rows.confusion()
    if not tn + fn:
        raise Undefined("no labelled row was predicted negative")
    return Estimate(float(formula(rows.scored)), tn + fn, *interval.share(tn, tn + fn))
