"""Normalised discounted cumulative gain."""

from __future__ import annotations

from airflow_ml_monitor.measurement import Estimates, Family
from airflow_ml_monitor.metrics.by_query import query_means
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.profile.labelled_view import LabelledView
from airflow_ml_monitor.profile.task import TaskKind


@metric(Family.PERFORMANCE, Subject.LABELLED, range=(0.0, 1.0), worse=Worse.DOWN, tasks=(TaskKind.RANKING,))
def ndcg(rows: LabelledView) -> Estimates:
    """Mean over queries of the gain of the first k items over that of the best order of the query's items: at=k.

    In [0, 1]; 1 is the best order. An item's gain is its label, as it is (not 2 to its power), over log2 of its place
    and 1. A query without a relevant item gives 0, as in scikit-learn and TREC, and is counted by
    queries_without_relevant; an item without a label is not relevant. The interval is of the mean over queries, taken
    as independent. TooFew without a labelled query.
    Järvelin and Kekäläinen 2002.
    """
    return query_means(rows, "ndcg")
