"""The trigger of a retraining workflow."""

from __future__ import annotations

from typing import Any

from airflow_ml_monitor.airflow_compat import AIRFLOW_VERSION

_DECISION = "(ti.xcom_pull(task_ids=task.upstream_task_ids | list, key='decision') | first)"


def retrain_dag(dag_id: str, task_id: str = "", **kwargs: Any) -> Any:
    """A TriggerDagRunOperator that starts a retraining DAG for the decision of the DecideOperator upstream.

    The run's id is `retrain__<decision id>`, so that a cleared or repeated task finds the run there and skips; its
    conf holds decision_id, because and known_at. The DAG's first task should be a ClaimRetrainingOperator.
    """
    from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator

    if AIRFLOW_VERSION >= (3, 2):
        # A paused DAG would queue the run for ever, and nobody would hear of it.
        kwargs.setdefault("fail_when_dag_is_paused", True)
    return TriggerDagRunOperator(
        task_id=task_id or f"trigger_{dag_id}",
        trigger_dag_id=dag_id,
        trigger_run_id=f"retrain__{{{{ {_DECISION}['id'] }}}}",
        conf={
            "decision_id": f"{{{{ {_DECISION}['id'] }}}}",
            "because": f"{{{{ {_DECISION}['because'] }}}}",
            "known_at": f"{{{{ {_DECISION}['known_at'] }}}}",
        },
        skip_when_already_exists=True,
        **kwargs,
    )
