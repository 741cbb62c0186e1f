"""The ledger of several classes as that of two: is the prediction right? The score is that of the class decided for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from airflow_ml_monitor.keys import WHOLE
from airflow_ml_monitor.profile.layout import SCORE_BUCKETS, SLICE_SCORE_JOIN
from airflow_ml_monitor.profile.ledger import PREDICTED, SCORELESS, Entries
from airflow_ml_monitor.profile.task import Task, TaskKind


def as_binary(task: Task) -> Task:
    """The task whose labels are what `right_or_wrong` makes of a multiclass task's; any other as it is."""
    return Task(TaskKind.BINARY) if task.kind is TaskKind.MULTICLASS else task


def right_or_wrong(entries: Entries, task: Task) -> Entries:
    """Entries of a multiclass task by label 1 where the prediction is right, else 0; of any other task as they are.

    The decided class is 1 throughout: that the prediction is right. Buckets of the whole are as fine as a binary
    score's, those of slices coarse; without scores all rows are in one. An undeclared class is never right. Their sums
    but that of the score are the multiclass task's own.
    """
    if task.kind is not TaskKind.MULTICLASS or not entries.size:
        return entries
    is_right = (entries.label == entries.prediction) & (entries.label < len(task.classes))
    label = np.where(entries.label == PREDICTED, PREDICTED, is_right.astype(np.int64))
    coarse = np.where(entries.bucket == SCORELESS, SCORE_BUCKETS // SLICE_SCORE_JOIN // 2, entries.bucket)
    is_whole = np.array([slice == WHOLE for slice, _, _ in entries.groups], np.bool_)[entries.group]
    # The ledger of several classes has the buckets of slices throughout.
    fine = np.where(is_whole & (coarse >= 0), coarse * SLICE_SCORE_JOIN + SLICE_SCORE_JOIN // 2, coarse)
    return replace(entries, label=label, prediction=np.ones_like(entries.prediction), bucket=fine).added()
