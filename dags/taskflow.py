"""One decorator on a task that returns rows: profiled, judged, decided, without a file and without another task.

Why: a small job that makes a frame should not need a folder of Parquet files to be watched. What the function returns
is the window's data, a DataFrame or the path of a file that it wrote; rows never travel through XCom, the small
decision does, and a plain `if` reads it. Drift never fails the task. What this leaves out: labels, which need the
predictions of every day and so a source that holds them (`credit.yaml`); and a task for each step, to be seen and
cleared one by one.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from airflow.sdk import dag, get_current_context, task
from credit_model import REFERENCE

SPEC = {
    "name": "credit_scored",
    "task": {"kind": "binary", "threshold": 0.3},
    "datasets": [
        {
            "name": "scores",  # no source: the rows are what the task returns
            "event_time": "scored_at",
            "entity_key": "application_id",
            "columns": {
                "income": "numeric",
                "purpose": "categorical",
                "employment_years": "numeric",
                "score": {"kind": "numeric", "role": "score"},
                "model_version": {"kind": "categorical", "role": "version"},
            },
        }
    ],
    "reference": str(REFERENCE),
    "contract": None,
    "policy": {"rules": [{"metric": "completeness", "fall": 0.2, "action": "investigate_data"}]},
}


@task.monitored(spec=SPEC)
def score() -> Any:
    """Score the newest whole day with its champion."""
    import credit_model as model
    import pandas as pd

    from airflow_ml_monitor.hooks.run_window import resolve_window
    from airflow_ml_monitor.keys import WindowRule, WindowUnit
    from airflow_ml_monitor.lifecycle.registry import ModelRegistry

    window = resolve_window(get_current_context(), WindowRule(WindowUnit.DAY))
    version = ModelRegistry(model.MODELS).champion(before=window.end)
    rows = pd.read_parquet(model.APPLICATIONS / f"{window.start.date()}.parquet")
    return model.scored(rows, model.from_bytes(ModelRegistry(model.MODELS).load(version)), version)


@task
def publish(decision: dict[str, Any]) -> str:
    """Where the scores would be handed on, or kept back."""
    return f"kept back: {decision['because']}" if decision["action"] == "investigate_data" else "published"


@dag(schedule="@daily", start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False, max_active_runs=1)
def score_and_judge() -> None:
    publish(score())


score_and_judge()
