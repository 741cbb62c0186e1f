"""A ready monitoring DAG: for predictions that something else produces.

Why a DAG of its own: scoring runs elsewhere (a service, another team's Airflow), and the monitor only reads the files
or tables that it leaves. `monitor_credit` measures and judges each day once it is over; its retraining branch is the
same as in `existing_pipeline.py`, and both may not watch one monitor at the same time.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from airflow_ml_monitor import MonitorSpec, monitoring_dag, retrain_dag

credit = MonitorSpec.from_yaml("credit.yaml")


def actions() -> dict[str, Any]:
    """The tasks of each action; called inside the DAG."""
    return {"retrain": retrain_dag("train_credit")}


monitor_credit = monitoring_dag(credit, datetime(2026, 1, 1, tzinfo=UTC), on=actions)
