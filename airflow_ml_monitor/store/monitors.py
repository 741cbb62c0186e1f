"""A monitor's row: found by 'namespace/name'; the lock of what is written once a monitor."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, select, update

from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.store.tables import monitor
from airflow_ml_monitor.store.upsert import insert_missing

NOBODY = 0
"""The id of no monitor: whoever asks about an unknown one finds nothing."""


def split(key: str) -> dict[str, str]:
    """'namespace/name' as the two columns."""
    namespace, slash, name = key.partition("/")
    if not (namespace and slash and name) or "/" in name:
        raise SpecError(f"{key!r} is no monitor; expected 'namespace/name'", field="monitor")
    return {"namespace": namespace, "name": name}


def find(connection: Connection, key: str) -> int:
    """The id of a monitor, or NOBODY."""
    names = split(key)
    wanted = (monitor.c.namespace == names["namespace"], monitor.c.name == names["name"])
    return connection.scalar(select(monitor.c.id).where(*wanted)) or NOBODY


def ensure(connection: Connection, key: str) -> int:
    """The id of a monitor, made if it is new."""
    if (found := find(connection, key)) != NOBODY:
        return found
    insert_missing(connection, monitor, ["namespace", "name"], [{**split(key), "touched": 0}])
    return find(connection, key)


def lock(connection: Connection, monitor_id: int) -> None:
    """Hold a monitor until the transaction ends; must be its first statement."""
    connection.execute(update(monitor).where(monitor.c.id == monitor_id).values(touched=monitor.c.touched + 1))


def key_of(row: Row[*tuple[Any, ...]]) -> str:
    """'namespace/name' of a row that carries both."""
    return f"{row.namespace}/{row.name}"
