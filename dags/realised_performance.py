"""One line a day on how good the model really was, as soon as enough labels of that day have come.

Why a DAG of its own: the daily monitor measures what is known each night; a report should come once, when its number
holds. Why every run waits by itself: labels of a day take weeks, so a month of runs waits side by side; the sensor
holds no worker's slot meanwhile, and what it calls known is what the step after it goes by.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.sdk import dag, get_current_context, task

from airflow_ml_monitor import GroundTruthSensor, MetricsStoreHook, MonitorSpec, PerformanceOperator

credit = MonitorSpec.from_yaml("credit.yaml")


@task
def report() -> str:
    """Where a line in a report, a chat message or a dashboard would go."""
    from airflow_ml_monitor.hooks.run_window import resolve_window

    day = resolve_window(get_current_context(), credit.rule())
    table = MetricsStoreHook().store.history(credit.key, metric="roc_auc", start=day.start, end=day.end)
    whole = table[table["slice"] == "{}"]
    values = ", ".join(f"{row.model_version} {row.value:.3f}" for row in whole.itertuples() if row.status == "ok")
    return f"{day.start:%Y-%m-%d}: ROC AUC {values or 'not known'}"


@dag(schedule="@daily", start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False, max_active_runs=40)
def report_credit() -> None:
    labels = GroundTruthSensor(
        task_id="labels",
        spec=credit,
        coverage=0.8,
        deadline=timedelta(days=35),
        on_deadline="go_on",
        poke_interval=timedelta(hours=6).total_seconds(),
        timeout=timedelta(days=40).total_seconds(),
    )
    known_at = "{{ ti.xcom_pull(task_ids='labels')['known_at'] }}"
    labels >> PerformanceOperator(task_id="performance", spec=credit, known_at=known_at) >> report()


report_credit()
