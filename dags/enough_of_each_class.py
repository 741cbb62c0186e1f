"""A report on recall as soon as enough frauds, or here defaults, of a day are known, waiting in the triggerer.

Why not a share of all labels: defaults are few and come first. At 80 % of all labels a day may hold all its defaults or
hardly any, and how well a recall is known depends on their number: of 20 its interval is up to 40 points wide, of 100
up to 19. So the sensor counts each class. Why not a share of the defaults: how many there are, the last label tells.
Why deferrable: a month of days waits side by side. Each look of a rescheduled sensor starts a task, which costs seconds
of a worker; the triggerer looks at all of them in one process, and reads label files only when they have changed.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.sdk import dag, get_current_context, task

from airflow_ml_monitor import GroundTruthSensor, MonitorSpec

credit = MonitorSpec.from_yaml("credit.yaml")


@task
def report() -> str:
    """Where a line in a report would go; what the sensor found is its value."""
    found = get_current_context()["ti"].xcom_pull(task_ids="labels")
    return f"{found['positives']['outcomes']} defaults and {found['negatives']['outcomes']} repaid are known"


@dag(schedule="@daily", start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False, max_active_runs=40)
def report_defaults_known() -> None:
    labels = GroundTruthSensor(
        task_id="labels",
        spec=credit,
        positives=20,
        negatives=20,
        deadline=timedelta(days=35),
        deferrable=True,
        poke_interval=timedelta(hours=1).total_seconds(),
        timeout=timedelta(days=40).total_seconds(),
    )
    labels >> report()


report_defaults_known()
