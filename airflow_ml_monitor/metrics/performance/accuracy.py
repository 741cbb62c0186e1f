"""Accuracy."""

from __future__ import annotations

from airflow_ml_monitor.measurement import Estimate, Family
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.profile.dataset import TaskKind
from airflow_ml_monitor.profile.views import LabelledView


@metric(Family.PERFORMANCE, Subject.LABELLED, range=(0.0, 1.0), worse=Worse.DOWN, tasks=(TaskKind.BINARY,))
def accuracy(rows: LabelledView) -> Estimate:
    """Share of the labelled rows whose prediction is right.

    In [0, 1]. Says little where one class is rare. The interval (Wilson 1927, Clopper and
    Pearson 1934 for few) assumes independent rows. TooFew without labels.
    """
    rows.need(1)
    tp, _, _, tn = rows.confusion()
    return Estimate((tp + tn) / rows.n, rows.n, *interval.share(tp + tn, rows.n))
