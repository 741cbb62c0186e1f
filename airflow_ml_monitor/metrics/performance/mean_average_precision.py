"""Mean average precision."""

from __future__ import annotations

from airflow_ml_monitor.measurement import Estimates, Family
from airflow_ml_monitor.metrics.by_query import query_means
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.profile.labelled_view import LabelledView
from airflow_ml_monitor.profile.task import TaskKind


@metric(Family.PERFORMANCE, Subject.LABELLED, range=(0.0, 1.0), worse=Worse.DOWN, tasks=(TaskKind.RANKING,))
def mean_average_precision(rows: LabelledView) -> Estimates:
    """Mean over queries of the mean precision at the places of the relevant items among the first k: at=k.

    In [0, 1]. The sum of precisions is divided by the relevant items of the query or by k, whichever is less, so that
    the best order is worth 1 at every k; with k no less than the items of a query it is the average precision of TREC
    and scikit-learn. A query without a relevant item gives 0, as in scikit-learn and TREC, and is counted by
    queries_without_relevant; an item without a label is not relevant. The interval is of the mean over queries, taken
    as independent. TooFew without a labelled query.
    Buckley and Voorhees 2000.
    """
    return query_means(rows, "average_precision")
