"""Acting once: an action is asked for once an incident, and claimed by one run."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, literal, or_, select, update

from airflow_ml_monitor.errors import StoreError
from airflow_ml_monitor.policy.decision import ActionState, ActionTaken
from airflow_ml_monitor.policy.rule import Action
from airflow_ml_monitor.store.columns import Moment
from airflow_ml_monitor.store.tables import action_taken
from airflow_ml_monitor.store.upsert import touch

_REOPENS = (ActionState.FAILED.value, ActionState.REJECTED.value)
_ENDS = (ActionState.DONE, ActionState.FAILED, ActionState.REJECTED)


def ask(connection: Connection, monitor_id: int, asked: ActionTaken) -> ActionTaken:
    """The action of an incident: as asked now if it is new, failed or rejected; else as it stands."""
    key = {"monitor_id": monitor_id, "incident": asked.incident, "action": asked.action.value}
    fresh = {
        "decision_id": asked.decision,
        "asked_at": asked.asked_at,
        "state": ActionState.ASKED.value,
        "run_id": "",
        "claimed_at": None,
        "note": "",
    }
    row = touch(connection, action_taken, key, fresh)
    if row.state not in _REOPENS:
        return _taken(row)
    connection.execute(
        update(action_taken).where(*(action_taken.c[name] == value for name, value in key.items())).values(fresh)
    )
    return asked


def claim(connection: Connection, decision_id: str, run_id: str, claimed_at: datetime) -> bool:
    """True for the run that claims a decision's action, and again for that run; False for every other.

    One conditional UPDATE: of several runs the database lets one through.
    """
    if not run_id:
        raise StoreError(f"a run without an id cannot claim the action of decision {decision_id!r}; give its run id")
    a = action_taken.c
    changed = connection.execute(
        update(action_taken)
        .where(a.decision_id == decision_id, or_(a.state == ActionState.ASKED.value, a.run_id == run_id))
        .values(
            run_id=run_id,
            state=ActionState.CLAIMED.value,
            claimed_at=func.coalesce(a.claimed_at, literal(claimed_at, Moment())),
            touched=a.touched + 1,
        )
    )
    return changed.rowcount > 0


def finish(connection: Connection, decision_id: str, run_id: str, state: ActionState, note: str) -> None:
    """What became of a claimed action; StoreError unless this run has claimed it."""
    if state not in _ENDS:
        raise StoreError(f"an action cannot end as {state.value!r}; one of: {', '.join(_ENDS)}")
    a = action_taken.c
    changed = connection.execute(
        update(action_taken)
        .where(_claimed(decision_id, run_id))
        .values(state=state.value, note=note, touched=a.touched + 1)
    )
    if not changed.rowcount:
        raise StoreError(f"run {run_id!r} has not claimed an action of decision {decision_id!r}; claim it first")


def listed(connection: Connection, monitor_id: int) -> list[ActionTaken]:
    """The monitor's actions, in the order in which they were asked for."""
    a = action_taken.c
    found = connection.execute(
        select(action_taken).where(a.monitor_id == monitor_id).order_by(a.asked_at, a.incident, a.action)
    )
    return [_taken(row) for row in found]


def _claimed(decision_id: str, run_id: str) -> ColumnElement[bool]:
    a = action_taken.c
    return and_(a.decision_id == decision_id, a.run_id == run_id, a.run_id != "")


def _taken(row: Any) -> ActionTaken:
    return ActionTaken(
        row.incident, Action(row.action), row.decision_id, row.asked_at, ActionState(row.state), row.run_id
    )
