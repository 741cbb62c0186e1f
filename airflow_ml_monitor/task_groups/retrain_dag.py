"""The trigger of a retraining workflow."""

from __future__ import annotations

from typing import Any

from airflow_ml_monitor.airflow_compat import AIRFLOW_VERSION, literal

_DECISION = "(ti.xcom_pull(task_ids=task.upstream_task_ids | list, key='decision') | first)"
_TOLD = {"decision_id": "id", "monitor": "monitor", "because": "because", "known_at": "known_at"}
"""What a retraining is told of its decision, by the name in its conf."""


def retrain_dag(dag_id: str, task_id: str = "", *, decisions: Any = None, **kwargs: Any) -> Any:
    """A TriggerDagRunOperator that starts a retraining DAG for the decision of the task upstream that decides.

    The run's id is `retrain__<decision id>`, so that a cleared or repeated task finds the run there and skips; its
    conf holds decision_id, monitor, because and known_at. The DAG's first task should be a ClaimRetrainingOperator.
    decisions: start it for each of these, the output of a task that returns a list of decisions (see `monitors_dag`).
    """
    from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator

    if AIRFLOW_VERSION >= (3, 2):
        # A paused DAG would queue the run for ever, and nobody would hear of it.
        kwargs.setdefault("fail_when_dag_is_paused", True)
    shared: dict[str, Any] = {"task_id": task_id or f"trigger_{dag_id}", "trigger_dag_id": dag_id, **kwargs}
    shared["skip_when_already_exists"] = True
    if decisions is not None:
        shared["map_index_template"] = "{{ task.conf['monitor'] }}"
        return TriggerDagRunOperator.partial(**shared).expand_kwargs(decisions.map(_run_of))
    return TriggerDagRunOperator(
        trigger_run_id=f"retrain__{{{{ {_DECISION}['id'] }}}}",
        conf={name: f"{{{{ {_DECISION}['{field}'] }}}}" for name, field in _TOLD.items()},
        **shared,
    )


def _run_of(decision: dict[str, Any]) -> dict[str, Any]:
    return {
        "trigger_run_id": f"retrain__{decision['id']}",
        # Names of the user's columns may stand in it: they are no templates.
        "conf": {name: literal(decision[field]) for name, field in _TOLD.items()},
    }
