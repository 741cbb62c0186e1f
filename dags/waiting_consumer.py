"""A DAG of another team that uses the day's scores only where a column that matters to it is sound.

Why a sensor and not a dependency: a monitor's tasks are green whatever they find, so the consumer waits for what was
measured, against a bound of its own. Why not for the decision `none`: on the second day of an incident the decision is
`wait`, as its action was asked for already; decisions are for those who act. The sensor reads the metrics database
only, so the two may run in different Airflows.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.sdk import dag, task

from airflow_ml_monitor import MeasurementSensor
from airflow_ml_monitor.policy.rule import Bounds


@task
def price_offers() -> None:
    """Where the scores would be used."""


@dag(schedule="@daily", start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False, max_active_runs=7)
def price_credit() -> None:
    is_there = MeasurementSensor(
        task_id="employment_is_there",
        monitor="default/credit",
        metric="completeness",
        column="employment_years",
        bounds=Bounds(min=0.9),
        timeout=timedelta(hours=12).total_seconds(),
        soft_fail=True,  # a day that never becomes sound is skipped, not failed
    )
    is_there >> price_offers()


price_credit()
