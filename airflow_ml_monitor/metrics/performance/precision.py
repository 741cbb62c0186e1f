"""Precision."""

from __future__ import annotations

from airflow_ml_monitor.errors import Undefined
from airflow_ml_monitor.measurement import Estimate, Family
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.profile.dataset import TaskKind
from airflow_ml_monitor.profile.views import LabelledView


@metric(Family.PERFORMANCE, Subject.LABELLED, range=(0.0, 1.0), worse=Worse.DOWN, tasks=(TaskKind.BINARY,))
def precision(rows: LabelledView) -> Estimate:
    """Share of the positive predictions that are right.

    In [0, 1]. The interval (Wilson 1927, Clopper and
    Pearson 1934 for few) assumes independent rows. n: rows predicted
    positive. Undefined if nothing was predicted positive. TooFew without labels.
    """
    rows.need(1)
    tp, fp, _, _ = rows.confusion()
    if not tp + fp:
        raise Undefined("no labelled row was predicted positive")
    return Estimate(tp / (tp + fp), tp + fp, *interval.share(tp, tp + fp))
