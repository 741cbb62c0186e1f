"""The hotel monitor as two DAGs on one metrics database: a run every Monday; and a run a window when all is known.

Two, because the numbers must not depend on it: what is stored after a year of Mondays, each of which saw a few labels
more, is what one sitting at the end finds. The namespaces keep them apart.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from airflow.providers.standard.operators.empty import EmptyOperator

from airflow_ml_monitor import MonitorSpec, monitoring_dag

WEEKLY = MonitorSpec.from_yaml("hotel.yaml")
AT_ONCE = replace(WEEKLY, namespace="at_once")
START = datetime(2016, 3, 1, tzinfo=UTC)


def actions() -> dict[str, Any]:
    """Nobody acts on a benchmark: every branch ends in a task that does nothing."""
    return {action: EmptyOperator(task_id=action) for action in ("investigate_data", "alert", "retrain")}


hotel_weekly = monitoring_dag(WEEKLY, START, on=actions, dag_id="hotel_weekly")
hotel_at_once = monitoring_dag(AT_ONCE, START, on=actions, dag_id="hotel_at_once")
