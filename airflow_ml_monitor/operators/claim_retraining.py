"""The first task of a retraining DAG: claim the action for this run, or skip."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow_ml_monitor.airflow_compat import AirflowSkipException, BaseOperator
from airflow_ml_monitor.hooks.metrics_store import MetricsStoreHook

if TYPE_CHECKING:
    from airflow.sdk import Context


class ClaimRetrainingOperator(BaseOperator):
    """Claim the decision's action for this run; skip (and with it all that follows) if another run has it.

    The same run may claim again after a crash. A run without a decision (started by hand) goes on.
    decision_id: of the run's conf by default. Returns the decision's id, '' without one.
    """

    template_fields: Sequence[str] = ("decision_id",)

    def __init__(
        self,
        *,
        decision_id: str = "{{ (dag_run.conf or {}).get('decision_id', '') }}",
        conn_id: str = MetricsStoreHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.decision_id = decision_id
        self.conn_id = conn_id

    def execute(self, context: Context) -> str:
        if not self.decision_id:
            self.log.info("no decision in the run's conf: a retraining by hand")
            return ""
        store = MetricsStoreHook(self.conn_id).store
        try:
            mine = store.claim_action(self.decision_id, str(context["dag_run"].run_id), datetime.now(UTC))
        finally:
            store.dispose()
        if not mine:
            raise AirflowSkipException(f"{self.decision_id} is not this run's to carry out: another run has claimed it")
        return self.decision_id
