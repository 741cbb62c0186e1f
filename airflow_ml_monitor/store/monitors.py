"""A monitor's row: found by 'namespace/name', renamed, removed; a lock for what is written once."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Table, delete, func, select, update

from airflow_ml_monitor.errors import SpecError, UnknownName
from airflow_ml_monitor.store.tables import (
    decision,
    head,
    incident_event,
    label_entry,
    label_head,
    measurement,
    message,
    metadata,
    monitor,
    profile,
    revision,
    scan,
    series,
    sighting,
)
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


def listed(connection: Connection) -> list[str]:
    """Every monitor's key, in order."""
    return sorted(key_of(row) for row in connection.execute(select(monitor.c.namespace, monitor.c.name)))


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


def rename(connection: Connection, old: str, new: str) -> None:
    """Give a monitor another name; UnknownName if there is none of the old, SpecError if there is one of the new."""
    known = _known(connection, old)
    lock(connection, known)
    if find(connection, new) != NOBODY:
        raise SpecError(f"{new!r} is there already; delete it first, or choose another name", field="monitor")
    connection.execute(update(monitor).where(monitor.c.id == known).values(**split(new)))


def remove(connection: Connection, key: str) -> dict[str, int]:
    """Delete a monitor and every row that is its; how many, by table. UnknownName if there is none."""
    known = _known(connection, key)
    lock(connection, known)
    gone = {}
    # What refers goes before what it refers to; a measurement refers without a foreign key.
    for table in dict.fromkeys([*_THROUGH, *reversed(metadata.sorted_tables)]):
        gone[table.name] = connection.execute(delete(table).where(_mine(table, known))).rowcount
    return {name: rows for name, rows in gone.items() if rows}


def counted(connection: Connection, key: str) -> dict[str, int]:
    """How many rows a monitor has, by table. UnknownName if there is none."""
    known = _known(connection, key)
    rows = {
        table.name: connection.scalar(select(func.count()).select_from(table).where(_mine(table, known))) or 0
        for table in metadata.sorted_tables
    }
    return {name: number for name, number in rows.items() if number}


_THROUGH = {
    measurement: (measurement.c.series_id, series),
    revision: (revision.c.head_id, head),
    profile: (profile.c.scan_id, scan),
    sighting: (sighting.c.scan_id, scan),
    label_entry: (label_entry.c.label_head_id, label_head),
    incident_event: (incident_event.c.decision_id, decision),
    message: (message.c.decision_id, decision),
}
"""Tables that know their monitor through another one only: (the column that refers, that table)."""


def _mine(table: Table, monitor_id: int) -> ColumnElement[bool]:
    if table is monitor:
        return table.c.id == monitor_id
    if table not in _THROUGH:
        return table.c.monitor_id == monitor_id
    column, owner = _THROUGH[table]
    return column.in_(select(owner.c.id).where(owner.c.monitor_id == monitor_id))


def _known(connection: Connection, key: str) -> int:
    known = find(connection, key)
    if known == NOBODY:
        raise UnknownName("monitor", key, listed(connection))
    return known
