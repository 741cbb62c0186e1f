"""What follows a decision, of every operator that makes one: which tasks, and what they are told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from textwrap import shorten
from typing import TYPE_CHECKING, Any

from airflow_ml_monitor.errors import SpecError, UnknownName
from airflow_ml_monitor.policy.rule import Action

if TYPE_CHECKING:
    from airflow_ml_monitor.airflow_compat import BaseOperator
    from airflow_ml_monitor.monitor.run import Monitor, Run
    from airflow_ml_monitor.policy.decision import Decision


_LONGEST = 500
"""Characters of `because` in XCom, and so in the conf of the run that it triggers; an old monitor's story is longer."""


@dataclass(frozen=True, slots=True)
class Branches:
    """{action: ids of tasks directly downstream}."""

    ids: Mapping[str, Sequence[str]]

    @classmethod
    def of(cls, given: Mapping[str, Sequence[str]] | None, task_id: str) -> Branches:
        """The branches of a task as its user gave them; an action that does not exist is refused."""
        for action in given or {}:
            if action not in set(Action):
                raise UnknownName("action", action, Action, field=f"branches of {task_id}")
        return cls({action: sorted(ids) for action, ids in sorted((given or {}).items())})

    @property
    def tasks(self) -> set[str]:
        return {task for ids in self.ids.values() for task in ids}

    def check(self, task: BaseOperator) -> None:
        """SpecError if a branch leads to a task that is not directly downstream."""
        if wrong := sorted(self.tasks - set(task.downstream_task_ids)):
            raise SpecError(
                f"{wrong[0]!r} is not directly downstream of {task.task_id!r}; set {task.task_id!r} >> {wrong[0]!r}",
                field="branches",
            )

    def followed(self, task: BaseOperator, action: str, acts: bool) -> list[str]:
        """The tasks that run after a decision: those of its branch, if it acts, and those of no branch."""
        chosen = set(self.ids.get(action, ()) if acts else ())
        return sorted(chosen | set(task.downstream_task_ids) - (self.tasks - chosen))


def decided(monitor: Monitor, run: Run, *, act_in_backfill: bool = False) -> tuple[Decision, bool]:
    """The decision, stored; and whether its action is this run's to take."""
    from airflow_ml_monitor.monitor.judgement import decide

    may_act = act_in_backfill or not run.is_backfill
    decision = decide(monitor, run, act=may_act)
    # A backfill may meet the decision that the day itself made, which acts; it was followed then.
    return decision, decision.acts and may_act


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
