"""A scoring DAG that exists already, watched by adding a spec and one call.

Why here and not in a DAG of its own: the day's monitoring starts when the day's scores are there, fails with them, and
is cleared with them; no second schedule to keep in step. Every action may lead to any task of this DAG; an action that
is not named ends green, its decision stored.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from airflow.sdk import dag, get_current_context, task

from airflow_ml_monitor import MonitorSpec, monitor_tasks, retrain_dag

credit = MonitorSpec.from_yaml("credit.yaml")


@task
def score() -> int:
    """Score the day's applications with that day's champion, however late; the monitor reads what this writes."""
    import credit_model as model
    import pandas as pd

    from airflow_ml_monitor.hooks.run_window import resolve_window
    from airflow_ml_monitor.lifecycle.registry import ModelRegistry

    window = resolve_window(get_current_context(), credit.rule())
    day = window.start.date().isoformat()
    registry = ModelRegistry(model.MODELS)
    version = registry.champion(before=window.end)
    rows = pd.read_parquet(model.APPLICATIONS / f"{day}.parquet")
    champion = model.from_bytes(registry.load(version))
    model.write(model.scored(rows, champion, version), model.PREDICTIONS / f"{day}.parquet")
    return len(rows)


def _decision() -> dict[str, Any]:
    context = get_current_context()
    found: dict[str, Any] = context["ti"].xcom_pull(task_ids="watch_credit.decide", key="decision")
    return found


@task
def page_the_data_owner() -> str:
    """Where a page, a ticket or a chat message to the owner of the data would go."""
    return f"{credit.owners.data}: {_decision()['because']}"


@task
def send_the_decision() -> str:
    """Where a message to whoever reads about drift would go."""
    return f"{credit.owners.drift}: {_decision()['because']}"


@dag(schedule="@daily", start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False, max_active_runs=1)
def score_credit() -> None:
    watch = monitor_tasks(
        credit,
        on={
            "investigate_data": page_the_data_owner(),
            "alert": send_the_decision(),
            "retrain": retrain_dag("train_credit"),
        },
    )
    score() >> watch


score_credit()
