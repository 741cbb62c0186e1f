"""Judge what is stored, and branch on the decision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import shorten
from typing import TYPE_CHECKING, Any

from airflow_ml_monitor.airflow_compat import BaseBranchOperator
from airflow_ml_monitor.errors import SpecError, UnknownName
from airflow_ml_monitor.hooks.monitor_run import opened
from airflow_ml_monitor.operators.step import MonitorStep
from airflow_ml_monitor.policy.rule import Action

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_ml_monitor.monitor.lineage import Lineage
    from airflow_ml_monitor.monitor.run import Monitor, Run
    from airflow_ml_monitor.policy.decision import Decision


_LONGEST = 500
"""Characters of `because` in XCom, and so in the conf of the run that it triggers; an old monitor's story is longer."""


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
        self.branches = {action: sorted(ids) for action, ids in sorted((branches or {}).items())}
        self.act_in_backfill = act_in_backfill
        for action in self.branches:
            if action not in set(Action):
                raise UnknownName("action", action, Action, field=f"branches of {self.task_id}")

    def execute(self, context: Context) -> Any:
        return self.do_branch(context, self.choose_branch(context))

    def choose_branch(self, context: Context) -> list[str]:
        from airflow_ml_monitor.monitor.judgement import decide

        self._check_branches()
        run = self.run_of(context)
        may_act = self.act_in_backfill or not run.is_backfill
        with opened(self.spec, self.conn_id) as monitor:
            decision = decide(monitor, run, act=may_act)
        self.log.info("%s: %s", decision.action, decision.because)
        # A backfill may meet the decision that the day itself made, which acts; it was followed then.
        acts = decision.acts and may_act
        context["ti"].xcom_push(key="decision", value=small(decision, acts))
        chosen = self.branches.get(decision.action, ()) if acts else ()
        return sorted({*chosen, *self.downstream_task_ids} - (self._of_branches() - set(chosen)))

    def lineage(self, monitor: Monitor, run: Run | None) -> Lineage:
        from airflow_ml_monitor.monitor.lineage import lineage_of_store

        return lineage_of_store(monitor, ["measurement"], ["decision"])

    def _of_branches(self) -> set[str]:
        return {task for ids in self.branches.values() for task in ids}

    def _check_branches(self) -> None:
        if wrong := sorted(self._of_branches() - set(self.downstream_task_ids)):
            raise SpecError(
                f"{wrong[0]!r} is not directly downstream of {self.task_id!r}; set {self.task_id!r} >> {wrong[0]!r}",
                field="branches",
            )


def small(decision: Decision, acts: bool) -> dict[str, Any]:
    """What a branch needs to know; the whole decision is in the store."""
    return {
        "id": decision.id,
        "monitor": decision.monitor,
        "action": decision.action.value,
        "because": shorten(decision.because, _LONGEST, placeholder=" …"),
        "incident": decision.incident,
        "acts": acts,
        "known_at": decision.known_at.isoformat(),
    }
