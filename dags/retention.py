"""Letting go of what is too old, once a week, beside whatever monitors run.

Why: late labels revise a window daily for as long as they are awaited, and a day's profile is worth its bytes while
faults look back at it. After 90 days hardly anyone asks what was known between two decisions, or needs more of a day
than coarse counts; after a year more than a week's. What decides stays: the current values of every window, everything
that a decision cites, the label ledger. `airflow_ml_monitor.monitor.retention` has all the rules; `python -m
airflow_ml_monitor db prune --dry-run` says beforehand what would go, and a DAG of your own may keep things longer.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.sdk import dag, task


@dag(schedule="@weekly", start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False, max_active_runs=1)
def prune_metrics():
    @task
    def let_go() -> list[str]:
        from airflow_ml_monitor.hooks.metrics_store import MetricsStoreHook
        from airflow_ml_monitor.monitor.retention.ages import Ages
        from airflow_ml_monitor.monitor.retention.prune import prune

        ages = Ages(profiles=timedelta(days=90), weeks=timedelta(days=365), revisions=timedelta(days=180))
        store = MetricsStoreHook().store
        gone = [one for monitor in store.monitors() for one in prune(store, monitor, ages)]
        return [f"{one.monitor}: {one.rows} {one.what}" for one in gone]

    let_go()


prune_metrics()
