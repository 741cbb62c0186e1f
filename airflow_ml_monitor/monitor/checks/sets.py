"""Which column may hold the set of labels that was predicted. Light, as spec.py."""

from __future__ import annotations

from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.profile.dataset import Dataset, Kind, Role
from airflow_ml_monitor.profile.task import Task, TaskKind


def check_sets(task: Task, dataset: Dataset) -> None:
    """SpecError where a multilabel task's column of role prediction is declared to hold no sets."""
    column = dataset.column(Role.PREDICTION)
    if task.kind is TaskKind.MULTILABEL and column is not None and column.kind is not Kind.CATEGORICAL:
        raise SpecError(
            f"{column.kind} holds no set of labels; declare kind: categorical, or a score for every class",
            field=f"datasets.{dataset.name}.columns.{column.name}.kind",
        )
