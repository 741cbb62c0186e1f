"""A monitor as tasks of the user's own DAG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from airflow_ml_monitor.airflow_compat import TaskGroup
from airflow_ml_monitor.errors import UnknownName
from airflow_ml_monitor.hooks.metrics_store import MetricsStoreHook
from airflow_ml_monitor.monitor.spec import MonitorSpec
from airflow_ml_monitor.operators.data_quality import DataQualityOperator
from airflow_ml_monitor.operators.decide import DecideOperator
from airflow_ml_monitor.operators.drift import DriftOperator
from airflow_ml_monitor.operators.measure import MeasureOperator
from airflow_ml_monitor.operators.performance import PerformanceOperator
from airflow_ml_monitor.operators.profile import ProfileOperator
from airflow_ml_monitor.policy.rule import Action
from airflow_ml_monitor.sensors.ground_truth import GroundTruthSensor


def monitor_tasks(
    spec: MonitorSpec,
    on: Mapping[str, Any] | None = None,
    *,
    rule: str = "",
    coverage: float = 0.0,
    compact: bool = False,
    conn_id: str = MetricsStoreHook.default_conn_name,
    group_id: str = "",
) -> TaskGroup:
    """A TaskGroup: labels → profile → quality, drift, performance → decide → the branch of its action.

    compact: three tasks, labels → measure → decide, that store the same.

    on: {action: a task, or a list of tasks}; an action without one ends green, its decision stored. Tasks that follow
    the group run whatever is decided. rule: which of the spec's window rules. coverage: wait until this share of the
    window's labels has come; 0 waits for nothing. Returns the group, to be put in order with the user's own tasks:
    `score() >> monitor_tasks(spec)`.
    """
    branches = {action: tasks if isinstance(tasks, Sequence) else [tasks] for action, tasks in (on or {}).items()}
    for action in branches:
        if action not in set(Action):
            raise UnknownName("action", action, Action, field="on")
    shared: dict[str, Any] = {"spec": spec, "rule": rule, "conn_id": conn_id}
    with TaskGroup(group_id or f"watch_{spec.name}") as group:
        labels = GroundTruthSensor(task_id="labels", coverage=coverage, **shared)
        shared["known_at"] = f"{{{{ (ti.xcom_pull(task_ids='{labels.task_id}') or {{}}).get('known_at', '') }}}}"
        targets = {action: [_task_id(task) for task in tasks] for action, tasks in branches.items()}
        decide = DecideOperator(task_id="decide", branches=targets, **shared)
        if compact:
            labels >> MeasureOperator(task_id="measure", **shared) >> decide
        else:
            measured = [
                DataQualityOperator(task_id="quality", **shared),
                DriftOperator(task_id="drift", **shared),
                PerformanceOperator(task_id="performance", **shared),
            ]
            labels >> ProfileOperator(task_id="profile", **shared) >> measured >> decide
    for tasks in branches.values():
        decide >> tasks
    return group


def _task_id(task: Any) -> str:
    """The id of an operator, or of the task whose call left an XComArg."""
    return str(getattr(task, "operator", task).task_id)
