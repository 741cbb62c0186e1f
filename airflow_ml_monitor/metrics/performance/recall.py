"""Recall."""

from __future__ import annotations

from airflow_ml_monitor.errors import Undefined
from airflow_ml_monitor.measurement import Estimate, Family
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.profile.dataset import TaskKind
from airflow_ml_monitor.profile.views import LabelledView


@metric(Family.PERFORMANCE, Subject.LABELLED, range=(0.0, 1.0), worse=Worse.DOWN, tasks=(TaskKind.BINARY,))
def recall(rows: LabelledView) -> Estimate:
    """Share of the positives that were found: the true positive rate.

    In [0, 1]. The interval (Wilson 1927, Clopper and
    Pearson 1934 for few) assumes independent rows. n: positives.
    Undefined if no label is positive. TooFew without labels.
    """
    rows.need(1)
    tp, _, fn, _ = rows.confusion()
    if not tp + fn:
        raise Undefined("no label is positive")
    return Estimate(tp / (tp + fn), tp + fn, *interval.share(tp, tp + fn))
