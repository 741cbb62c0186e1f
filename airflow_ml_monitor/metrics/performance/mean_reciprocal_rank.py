"""Mean reciprocal rank."""

from __future__ import annotations

from airflow_ml_monitor.measurement import Estimates, Family
from airflow_ml_monitor.metrics.by_query import query_means
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.profile.labelled_view import LabelledView
from airflow_ml_monitor.profile.task import TaskKind


@metric(Family.PERFORMANCE, Subject.LABELLED, range=(0.0, 1.0), worse=Worse.DOWN, tasks=(TaskKind.RANKING,))
def mean_reciprocal_rank(rows: LabelledView) -> Estimates:
    """Mean over queries of 1 over the place of the first relevant item, 0 where it is not among the first k: at=k.

    In [0, 1]. A query without a relevant item gives 0, as in scikit-learn and TREC, and is counted by
    queries_without_relevant; an item without a label is not relevant. The interval is of the mean over queries, taken
    as independent. TooFew without a labelled query.
    Voorhees 1999.
    """
    return query_means(rows, "reciprocal_rank")
