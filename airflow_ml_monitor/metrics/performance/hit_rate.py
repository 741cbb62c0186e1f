"""Hit rate."""

from __future__ import annotations

from airflow_ml_monitor.measurement import Estimates, Family
from airflow_ml_monitor.metrics.by_query import query_hits
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.profile.labelled_view import LabelledView
from airflow_ml_monitor.profile.task import TaskKind


@metric(Family.PERFORMANCE, Subject.LABELLED, range=(0.0, 1.0), worse=Worse.DOWN, tasks=(TaskKind.RANKING,))
def hit_rate(rows: LabelledView) -> Estimates:
    """Share of the queries with a relevant item among their first k: at=k.

    In [0, 1]. A query without a relevant item has no hit; an item without a label is not relevant. The interval (Wilson
    1927, Clopper and Pearson 1934 for few) takes queries as independent. TooFew without a labelled query.
    """
    return query_hits(rows)
