"""What people said of incidents: every word is kept, the last one counts."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, insert, select

from airflow_ml_monitor.errors import UnknownName
from airflow_ml_monitor.keys import utc
from airflow_ml_monitor.policy.feedback import Feedback
from airflow_ml_monitor.store.tables import feedback, incident


def check(connection: Connection, monitor_id: int, name: str) -> None:
    """UnknownName, with those that there are, unless the monitor has an incident of this name."""
    known = list(connection.scalars(select(incident.c.incident).where(incident.c.monitor_id == monitor_id)))
    if name not in known:
        raise UnknownName("incident", name, known)


def save(connection: Connection, monitor_id: int, given: Feedback) -> None:
    """Add what was said."""
    words = {"verdict": given.verdict, "note": given.note, "author": given.author, "given_at": utc(given.given_at)}
    connection.execute(insert(feedback).values(monitor_id=monitor_id, incident=given.incident, **words))


def listed(connection: Connection, monitor_id: int, as_of: datetime | None) -> list[Feedback]:
    """All that was said by a moment, in that order."""
    f = feedback.c
    known = [] if as_of is None else [f.given_at <= as_of]
    found = connection.execute(select(feedback).where(f.monitor_id == monitor_id, *known).order_by(f.given_at, f.id))
    return [Feedback(row.incident, row.verdict == "true", row.given_at, row.note, row.author) for row in found]
