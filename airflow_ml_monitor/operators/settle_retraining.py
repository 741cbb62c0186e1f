"""The last task of a retraining DAG: say what became of the action."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow_ml_monitor.airflow_compat import AirflowFailException, BaseOperator, TriggerRule
from airflow_ml_monitor.errors import UnknownName
from airflow_ml_monitor.hooks.metrics_store import MetricsStoreHook
from airflow_ml_monitor.policy.decision import ActionState

if TYPE_CHECKING:
    from airflow.sdk import Context

OUTCOMES = (ActionState.DONE, ActionState.REJECTED, ActionState.FAILED)


class SettleRetrainingOperator(BaseOperator):
    """Record that a retraining was done, rejected or failed; a failed or rejected one may be asked for again.

    outcome: 'done' or 'rejected', usually an earlier task's XCom; nothing means 'failed': it is recorded, and the task
    fails, so that the run does. Runs whatever became of the tasks before it, unless they were skipped: then another run
    has the decision. Records nothing in a run without a decision.
    """

    template_fields: Sequence[str] = ("outcome", "note", "decision_id")

    def __init__(
        self,
        *,
        outcome: Any,
        note: Any = "",
        decision_id: str = "{{ (dag_run.conf or {}).get('decision_id', '') }}",
        conn_id: str = MetricsStoreHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(**{"trigger_rule": TriggerRule.NONE_SKIPPED, **kwargs})
        self.outcome = outcome
        self.note = note
        self.decision_id = decision_id
        self.conn_id = conn_id

    def execute(self, context: Context) -> str:
        outcome = self.outcome if self.outcome not in (None, "", "None") else ActionState.FAILED.value
        if outcome not in OUTCOMES:
            raise UnknownName("outcome", str(outcome), OUTCOMES, field="outcome")
        if self.decision_id:
            store = MetricsStoreHook(self.conn_id).store
            try:
                run_id = str(context["dag_run"].run_id)
                store.finish_action(self.decision_id, run_id, ActionState(outcome), str(self.note or ""))
            finally:
                store.dispose()
        if outcome == ActionState.FAILED:
            raise AirflowFailException("the retraining failed; the action may be asked for again")
        return str(outcome)
