"""Prediction rate."""

from __future__ import annotations

from airflow_ml_monitor.measurement import Estimate, Family
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.profile.dataset import TaskKind
from airflow_ml_monitor.profile.views import LabelledView


@metric(Family.PERFORMANCE, Subject.LABELLED, range=(0.0, 1.0), worse=Worse.BOTH, tasks=(TaskKind.BINARY,))
def prediction_rate(rows: LabelledView) -> Estimate:
    """Share of the labelled rows that were predicted positive.

    In [0, 1]. Of rows with a label only: the share among all predictions is the prediction column's own mean. The
    interval (Wilson 1927, Clopper and Pearson 1934 for few) assumes independent rows.
    TooFew without labels.
    """
    rows.need(1)
    tp, fp, _, _ = rows.confusion()
    return Estimate((tp + fp) / rows.n, rows.n, *interval.share(tp + fp, rows.n))
