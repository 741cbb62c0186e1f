"""Queries without a relevant item."""

from __future__ import annotations

from airflow_ml_monitor.measurement import Estimate, Family
from airflow_ml_monitor.metrics.by_query import share_without_relevant
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.profile.labelled_view import LabelledView
from airflow_ml_monitor.profile.task import TaskKind


@metric(Family.PERFORMANCE, Subject.LABELLED, range=(0.0, 1.0), worse=Worse.BOTH, tasks=(TaskKind.RANKING,))
def queries_without_relevant(rows: LabelledView) -> Estimate:
    """Share of the labelled queries none of whose items is relevant.

    In [0, 1]. They are worth 0 to every metric of a ranking, whatever the order of their items: where this share moves,
    so do those. The interval (Wilson 1927, Clopper and Pearson 1934 for few) takes queries as independent. TooFew
    without a labelled query.
    """
    return share_without_relevant(rows)
