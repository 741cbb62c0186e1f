"""A monitor as a DAG of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from airflow_ml_monitor.airflow_compat import DAG, CronTriggerTimetable
from airflow_ml_monitor.hooks.metrics_store import MetricsStoreHook
from airflow_ml_monitor.keys import WindowRule
from airflow_ml_monitor.monitor.spec import MonitorSpec
from airflow_ml_monitor.task_groups.monitor_tasks import monitor_tasks

_DAYS = {"day": "* * *", "week": "* * 1", "month": "1 * *", "quarter": "1 1,4,7,10 *"}
"""Day of month, month and weekday on which a window ends. "@weekly" is a Sunday: six days after the week's end."""


def monitoring_dag(
    spec: MonitorSpec,
    start_date: datetime,
    *,
    on: Callable[[], Mapping[str, Any]] | None = None,
    dag_id: str = "",
    rule: str = "",
    coverage: float = 0.0,
    compact: bool = False,
    conn_id: str = MetricsStoreHook.default_conn_name,
    **kwargs: Any,
) -> DAG:
    """A DAG `monitor_<name>` that measures and judges every window of a monitor.

    on: a function that makes the tasks of each action, called inside the DAG. A run starts when a window ends, by the
    clock of the rule's zone, unless `schedule` is given; one at a time, as judging is a fold in order; without
    catch-up. rule, coverage, compact, conn_id: as of `monitor_tasks`. Other arguments are the DAG's.
    """
    settings = {
        "schedule": _ends_of(spec.rule(rule)),
        "catchup": False,
        "max_active_runs": 1,
        "tags": ["ml-monitor"],
        "default_args": {"retries": 2},
        **kwargs,
    }
    with DAG(dag_id or f"monitor_{spec.name}", start_date=start_date, **settings) as dag:
        branches = on() if on else None
        given: dict[str, Any] = {"rule": rule, "coverage": coverage, "compact": compact, "conn_id": conn_id}
        monitor_tasks(spec, branches, group_id="watch", **given)
    return dag


def _ends_of(rule: WindowRule) -> CronTriggerTimetable:
    """The schedule whose ticks are the ends of a rule's windows."""
    hours, rest = divmod(int(rule.offset.total_seconds()), 3600)
    return CronTriggerTimetable(f"{rest // 60} {hours} {_DAYS[rule.unit]}", timezone=rule.zone)
