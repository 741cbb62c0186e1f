"""Decisions, the state that the next one resumes from, and the incidents as the newest left them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, insert, select, update

from airflow_ml_monitor.keys import Window
from airflow_ml_monitor.policy.decision import Decision, Event, Incident
from airflow_ml_monitor.policy.rule import Action
from airflow_ml_monitor.store import monitors
from airflow_ml_monitor.store.records import DecisionRecord, IncidentEvent
from airflow_ml_monitor.store.tables import decision as decisions
from airflow_ml_monitor.store.tables import incident as incidents
from airflow_ml_monitor.store.tables import incident_event as events
from airflow_ml_monitor.store.tables import monitor as monitor_table
from airflow_ml_monitor.store.upsert import insert_many


def save(connection: Connection, monitor_id: int, record: DecisionRecord, now: datetime) -> Decision:
    """Store a decision, or find the one made before of the same inputs by the same policy at the same knowledge.

    Incidents that are stored already change only if no later knowledge has been judged.
    """
    monitors.lock(connection, monitor_id)
    known_at = record.decision.known_at
    if (stored := same(connection, monitor_id, known_at, record.policy_digest, record.input_digest)) is not None:
        return stored
    newest = connection.execute(
        select(func.max(decisions.c.known_at), func.max(decisions.c.number)).where(decisions.c.monitor_id == monitor_id)
    ).one()
    number = (newest[1] or 0) + 1
    connection.execute(insert(decisions).values(_row(monitor_id, record, number, now)))
    found = [
        {
            "decision_id": record.decision.id,
            "position": position,
            "incident": event.incident,
            "event": event.event.value,
            "text": event.text,
        }
        for position, event in enumerate(record.events)
    ]
    insert_many(connection, events, found)
    _keep(connection, monitor_id, record.incidents, newer=newest[0] is None or known_at >= newest[0])
    return record.decision


def same(
    connection: Connection, monitor_id: int, known_at: datetime, policy_digest: str, input_digest: str
) -> Decision | None:
    """The decision of exactly this knowledge, policy and input."""
    d = decisions.c
    found = _select(
        connection,
        d.monitor_id == monitor_id,
        d.known_at == known_at,
        d.policy_digest == policy_digest,
        d.input_digest == input_digest,
    )
    return next((_decision(row) for row in found), None)


def by_id(connection: Connection, decision_id: str) -> tuple[str, Decision] | None:
    """A decision with its monitor's key."""
    found = _select(connection, decisions.c.id == decision_id)
    return next(((monitors.key_of(row), _decision(row)) for row in found), None)


def listed(connection: Connection, monitor_id: int, as_of: datetime | None) -> list[Decision]:
    """All decisions known by `as_of`, in the order of knowledge."""
    known = [] if as_of is None else [decisions.c.known_at <= as_of]
    return [_decision(row) for row in _select(connection, decisions.c.monitor_id == monitor_id, *known)]


def last(connection: Connection, monitor_id: int, before: datetime) -> DecisionRecord | None:
    """The decision of the newest knowledge before a moment; of several, the one recorded last."""
    return _newest(connection, monitor_id, decisions.c.known_at < before)


def record(connection: Connection, monitor_id: int, decision_id: str, run: str) -> DecisionRecord | None:
    """The decision of an id; without one that which a run made, of several the one of the newest knowledge."""
    return _newest(connection, monitor_id, decisions.c.id == decision_id if decision_id else decisions.c.run == run)


def _newest(connection: Connection, monitor_id: int, *wanted: ColumnElement[bool]) -> DecisionRecord | None:
    d = decisions.c
    row = connection.execute(
        select(decisions, monitor_table.c.namespace, monitor_table.c.name)
        .join(monitor_table)
        .where(d.monitor_id == monitor_id, *wanted)
        .order_by(d.known_at.desc(), d.number.desc())
        .limit(1)
    ).first()
    if row is None:
        return None
    found = connection.execute(
        select(events.c.incident, events.c.event, events.c.text)
        .where(events.c.decision_id == row.id)
        .order_by(events.c.position)
    )
    return DecisionRecord(
        decision=_decision(row),
        policy_digest=row.policy_digest,
        input_digest=row.input_digest,
        state=row.state,
        events=tuple(IncidentEvent(e.incident, Event(e.event), e.text) for e in found),
        incidents=tuple(_from_document(document) for document in row.incidents),
        run=row.run,
    )


def known_incidents(connection: Connection, monitor_id: int) -> list[Incident]:
    """The monitor's incidents as the decision of the newest knowledge left them, in the order of opening."""
    found = connection.execute(select(incidents).where(incidents.c.monitor_id == monitor_id))
    return sorted((_incident(row) for row in found), key=lambda one: (one.opened_at, one.first, one.id))


def _select(connection: Connection, *wanted: ColumnElement[bool]) -> Iterable[Row[*tuple[Any, ...]]]:
    return connection.execute(
        select(decisions, monitor_table.c.namespace, monitor_table.c.name)
        .join(monitor_table)
        .where(*wanted)
        .order_by(decisions.c.known_at, decisions.c.number)
    )


def _keep(connection: Connection, monitor_id: int, changed: Iterable[Incident], *, newer: bool) -> None:
    # Under the monitor's lock: nobody else writes these rows.
    mine = incidents.c.monitor_id == monitor_id
    stored = set(connection.execute(select(incidents.c.incident).where(mine)).scalars())
    for one in changed:
        values = {
            "action": one.action.value,
            "model_version": one.model_version,
            "first_start": one.first.start,
            "first_end": one.first.end,
            "last_start": one.last.start,
            "last_end": one.last.end,
            "status": one.status.value,
            "opened_at": one.opened_at,
        }
        if one.id not in stored:
            connection.execute(insert(incidents).values(monitor_id=monitor_id, incident=one.id, **values))
        elif newer:
            connection.execute(update(incidents).where(mine, incidents.c.incident == one.id).values(values))


def _row(monitor_id: int, record: DecisionRecord, number: int, now: datetime) -> dict[str, Any]:
    made = record.decision
    return {
        "id": made.id,
        "monitor_id": monitor_id,
        "number": number,
        "known_at": made.known_at,
        "policy_digest": record.policy_digest,
        "input_digest": record.input_digest,
        "action": made.action.value,
        "because": made.because,
        "evidence": dict(made.evidence),
        "incident": made.incident,
        "acts": made.acts,
        "state": record.state,
        "incidents": [_document(one) for one in record.incidents],
        "run": record.run,
        "recorded_at": now,
    }


def _decision(row: Row[*tuple[Any, ...]]) -> Decision:
    return Decision(
        id=row.id,
        monitor=monitors.key_of(row),
        known_at=row.known_at,
        action=Action(row.action),
        because=row.because,
        evidence=row.evidence,
        incident=row.incident,
        acts=row.acts,
    )


def _incident(row: Row[*tuple[Any, ...]]) -> Incident:
    return Incident(
        id=row.incident,
        action=Action(row.action),
        model_version=row.model_version,
        first=Window(row.first_start, row.first_end),
        last=Window(row.last_start, row.last_end),
        status=Event(row.status),
        opened_at=row.opened_at,
    )


def _document(one: Incident) -> dict[str, Any]:
    return {
        "id": one.id,
        "action": one.action.value,
        "model_version": one.model_version,
        "first": [one.first.start.isoformat(), one.first.end.isoformat()],
        "last": [one.last.start.isoformat(), one.last.end.isoformat()],
        "status": one.status.value,
        "opened_at": one.opened_at.isoformat(),
    }


def _from_document(document: dict[str, Any]) -> Incident:
    first, last = ([datetime.fromisoformat(text) for text in document[name]] for name in ("first", "last"))
    return Incident(
        id=document["id"],
        action=Action(document["action"]),
        model_version=document["model_version"],
        first=Window(*first),
        last=Window(*last),
        status=Event(document["status"]),
        opened_at=datetime.fromisoformat(document["opened_at"]),
    )
