"""Judge what is stored, and branch on the decision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow_ml_monitor.airflow_compat import BaseBranchOperator
from airflow_ml_monitor.hooks.monitor_run import opened
from airflow_ml_monitor.operators.branches import Branches, decided, small
from airflow_ml_monitor.operators.step import MonitorStep

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_ml_monitor.monitor.lineage import Lineage
    from airflow_ml_monitor.monitor.run import Monitor, Run


class DecideOperator(MonitorStep, BaseBranchOperator):
    """Fold everything known into one decision, store it, and follow the branch of its action.

    branches: {action: ids of tasks directly downstream}. An action without a branch skips them all and ends green.
    Backfills (unless act_in_backfill) and shadow mode store the decision and skip every branch. Tasks downstream that
    are of no branch run whatever is decided.
    Pushes the XCom `decision`: id, action, because (at most 500 characters), incident, acts, known_at.
    """

    def __init__(
        self, *, branches: Mapping[str, Sequence[str]] | None = None, act_in_backfill: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.branches = Branches.of(branches, self.task_id)
        self.act_in_backfill = act_in_backfill

    def execute(self, context: Context) -> Any:
        return self.do_branch(context, self.choose_branch(context))

    def choose_branch(self, context: Context) -> list[str]:
        self.branches.check(self)
        run = self.run_of(context)
        with opened(self.spec, self.conn_id) as monitor:
            decision, acts = decided(monitor, run, act_in_backfill=self.act_in_backfill)
        self.log.info("%s: %s", decision.action, decision.because)
        context["ti"].xcom_push(key="decision", value=small(decision, acts))
        return self.branches.followed(self, decision.action, acts)

    def lineage(self, monitor: Monitor, run: Run | None) -> Lineage:
        from airflow_ml_monitor.monitor.lineage import lineage_of_store

        return lineage_of_store(monitor, ["measurement"], ["decision"])
