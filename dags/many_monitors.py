"""Many models in one DAG: a YAML file in the folder `monitors/` is a monitor; there is nothing else to write.

Why one task a monitor: every Airflow task is a process that pays its imports, which for a small model is most of what
its day costs. `monitor_tasks` has six of them, to be seen, timed and cleared one by one; here a monitor's day is one.
Why a map over files: the task that watches a monitor reads its file, so five hundred of them cost a parse next to
nothing, and one that is broken fails alone, by its name. The run is red then, and the others' actions are taken.
Why the actions are given a list: Airflow skips nothing for one index of a map, and a task for each monitor and action
that finds nothing to do would be a process each. One task asks which decisions want the action; what follows is called
once for all of them (a message to the desk), or mapped over them (a run of the retraining for each).
What this leaves out: waiting for labels. What has come when the run starts is what is known, and late labels restate.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from airflow.sdk import task

from airflow_ml_monitor import monitors_dag, retrain_dag


@task
def tell_the_desk(decisions: list[dict[str, Any]]) -> list[str]:
    """Where one message a day would go, of every monitor that asks."""
    return [f"{decision['monitor']}: {decision['because']}" for decision in decisions]


watch_every_model = monitors_dag(
    "monitors",
    datetime(2026, 1, 1, tzinfo=UTC),
    dag_id="watch_every_model",
    on={
        "investigate_data": tell_the_desk,
        "retrain": lambda asked: retrain_dag("train_credit", decisions=asked),
    },
)
