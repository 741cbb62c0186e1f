"""Top-k accuracy."""

from __future__ import annotations

from typing import Final

from airflow_ml_monitor.measurement import Estimates, Family
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.profile.labelled_view import LabelledView
from airflow_ml_monitor.profile.task import TaskKind

FIRST: Final = (2, 3, 5)


@metric(Family.PERFORMANCE, Subject.LABELLED, range=(0.0, 1.0), worse=Worse.DOWN, tasks=(TaskKind.MULTICLASS,))
def top_k_accuracy(rows: LabelledView) -> Estimates:
    """Share of the labelled rows whose class is among the k with the highest scores: k=2, k=3 and k=5.

    In [0, 1]; left out is a k as large as the number of classes, and 1, the accuracy of the highest score. Of equal
    scores the class that is declared first comes first; an undeclared class is never among them. The interval (Wilson
    1927, Clopper and Pearson 1934 for few) assumes independent rows. Undefined without scores. TooFew without labels.
    """
    rows.need(1)
    rows.need_scores()
    found = {}
    for k in FIRST:
        if k < len(rows.task.classes):
            hits = round(rows.total(f"in_top{k}"))
            found[f"k={k}"] = interval.share_of(hits, rows.n)
    return found
