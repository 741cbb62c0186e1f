"""Telling once: a decision's message is sent once by each carrier."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, update

from airflow_ml_monitor.store.tables import message
from airflow_ml_monitor.store.upsert import touch


def claim(connection: Connection, decision_id: str, carrier: str, by: str, now: datetime) -> bool:
    """True for the task that claims a message, and again for that task until it was sent; False for every other.

    A crash between sending and saying so lets the same task send once more: twice is better than never.
    """
    key = {"decision_id": decision_id, "carrier": carrier}
    row = touch(connection, message, key, {"claimed_by": by, "claimed_at": now, "sent_at": None})
    return row.sent_at is None and row.claimed_by == by


def sent(connection: Connection, decision_id: str, carrier: str, now: datetime) -> None:
    """Nothing more is to be sent."""
    m = message.c
    connection.execute(update(message).where(m.decision_id == decision_id, m.carrier == carrier).values(sent_at=now))
