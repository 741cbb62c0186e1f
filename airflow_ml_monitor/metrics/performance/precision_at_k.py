"""Precision at k."""

from __future__ import annotations

from airflow_ml_monitor.measurement import Estimates, Family
from airflow_ml_monitor.metrics.by_query import query_means
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.profile.labelled_view import LabelledView
from airflow_ml_monitor.profile.task import TaskKind


@metric(Family.PERFORMANCE, Subject.LABELLED, range=(0.0, 1.0), worse=Worse.DOWN, tasks=(TaskKind.RANKING,))
def precision_at_k(rows: LabelledView) -> Estimates:
    """Mean over queries of the share of the first k places that hold a relevant item: at=k.

    In [0, 1]. Where a query has fewer items than k its missing places hold none, as in TREC. A query without a relevant
    item gives 0, as in scikit-learn and TREC, and is counted by queries_without_relevant; an item without a label is
    not relevant. The interval is of the mean over queries, taken as independent. TooFew without a labelled query.
    """
    return query_means(rows, "precision")
