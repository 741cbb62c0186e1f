"""Confusion table."""

from __future__ import annotations

from typing import Final

from airflow_ml_monitor.errors import Undefined
from airflow_ml_monitor.measurement import Estimates, Family
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.profile.labelled_view import LabelledView
from airflow_ml_monitor.profile.task import UNDECLARED, TaskKind

MOST: Final = 20
"""Classes of which every pair is stored: 400 rows a window and slice."""


@metric(Family.PERFORMANCE, Subject.LABELLED, range=(0.0, 1.0), worse=Worse.BOTH, tasks=(TaskKind.MULTICLASS,))
def confusion(rows: LabelledView) -> Estimates:
    """Share of the labelled rows that have a label and a prediction, of every pair: label=a,prediction=b.

    In [0, 1]; all add up to 1, so that those of a label give its recall. Undeclared classes stand in it where there are
    any. The interval (Wilson 1927, Clopper and Pearson 1934 for few) assumes independent rows. Undefined for more than
    20 classes. TooFew without labels.
    """
    rows.need(1)
    table = rows.table
    if len(table.names) > MOST:
        raise Undefined(f"{len(table.names)} classes; the table is kept of up to {MOST}")
    names = (*table.names, UNDECLARED)
    last, found = len(table.names), {}
    for i, label in enumerate(names):
        for j, prediction in enumerate(names):
            count = int(table.counts[i, j])
            if count or (i < last and j < last):
                key = f"label={label},prediction={prediction}"
                found[key] = interval.share_of(count, table.n)
    return found
