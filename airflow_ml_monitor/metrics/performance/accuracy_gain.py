"""Accuracy gain."""

from __future__ import annotations

import numpy as np

from airflow_ml_monitor.measurement import Estimate, Family
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.metrics.paired import paired, share_gain
from airflow_ml_monitor.profile.labelled_view import LabelledView
from airflow_ml_monitor.profile.task import TaskKind


@metric(
    Family.PERFORMANCE,
    Subject.LABELLED,
    range=(-1.0, 1.0),
    worse=Worse.DOWN,
    tasks=(TaskKind.BINARY, TaskKind.MULTICLASS),
)
def accuracy_gain(rows: LabelledView) -> Estimate:
    """How much more often the model is right than the baseline, of the rows that have both.

    From -1 to 1, without a unit; above 0 the model is better. A baseline that is a score decides at the task's
    threshold. The interval is paired: it knows which rows only one of them is right about (McNemar 1947), and joins
    their shares with their correlation (Newcombe 1998, Zou 2007); it assumes independent rows. n: labelled rows with a
    baseline; the others are left out of both sides. An undeclared class is never right. TooFew without such rows.
    """
    n = paired(rows)
    is_right = rows.label == rows.prediction
    if rows.task.kind is TaskKind.MULTICLASS:
        is_right &= rows.label < len(rows.task.classes)
    both, theirs = rows.sums["baseline_rows"], rows.sums["baseline_right"]
    more, fewer = float(np.sum((both - theirs)[is_right])), float(np.sum(theirs[~is_right]))
    return share_gain(round(more), round(fewer), n)
