"""The label ledger: parts appended by one writer at a time, never changed. Their bytes are the codec's."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, func, select, update

from airflow_ml_monitor.keys import Window, utc
from airflow_ml_monitor.store.records import LabelState, LedgerPart
from airflow_ml_monitor.store.tables import label_entry, label_head
from airflow_ml_monitor.store.transactions import Transactions
from airflow_ml_monitor.store.upsert import insert_many, touch

# SQLite takes 32,766 parameters a statement, and shorter lists are planned faster.
_BATCH = 1000


class Ledger:
    """The label ledgers of a store's monitors, by label source. Each method is one transaction."""

    def __init__(self, store: Transactions) -> None:
        self._store = store

    def state(self, monitor: str, source: str) -> LabelState:
        """How far a label source's ledger has come; version 0 before its first entries."""
        return self._store._read(monitor, _state, source)

    def append(
        self,
        monitor: str,
        source: str,
        expected: int,
        known_at: datetime,
        watermark: str,
        parts: Sequence[LedgerPart],
    ) -> bool:
        """Add entries if the ledger is still at version `expected`; False, and nothing written, if it has moved on."""
        reached = LabelState(expected + 1, utc(known_at), watermark)
        return self._store._write(monitor, _append, source, expected=expected, reached=reached, parts=parts)

    def days(self, monitor: str, source: str) -> dict[Window, str]:
        """Each day that has entries, with the digest of the source at its newest ones."""
        return self._store._read(monitor, _days, source)

    def marks(self, monitor: str, source: str) -> dict[Window, datetime]:
        """Each day that has entries, with the newest knowledge in them."""
        return self._store._read(monitor, _marks, source)

    def parts(self, monitor: str, source: str, start: datetime, end: datetime) -> list[LedgerPart]:
        """All entries of the days in [start, end), in the order in which they were added."""
        return self._store._read(monitor, _parts, source, utc(start), utc(end))

    def parts_of(self, monitor: str, source: str, days: Collection[Window]) -> list[LedgerPart]:
        """All entries of some days, day by day, in the order in which they were added."""
        return self._store._read(monitor, _parts_of, source, days)


def _state(connection: Connection, monitor_id: int, source: str) -> LabelState:
    """How far a source's ledger has come; version 0 before its first entries."""
    row = connection.execute(
        select(label_head).where(label_head.c.monitor_id == monitor_id, label_head.c.source == source)
    ).first()
    return LabelState(0, None, "") if row is None else LabelState(row.version, row.known_at, row.watermark)


def _append(
    connection: Connection,
    monitor_id: int,
    source: str,
    *,
    expected: int,
    reached: LabelState,
    parts: Sequence[LedgerPart],
) -> bool:
    """Add parts and move the head on to `reached`, unless the head has left `expected`: then False, nothing written."""
    head = touch(
        connection,
        label_head,
        {"monitor_id": monitor_id, "source": source},
        {"version": 0, "known_at": None, "watermark": ""},
    )
    if head.version != expected:
        return False
    rows = [
        {
            "label_head_id": head.id,
            "version": reached.version,
            "part": number,
            "day_start": part.day.start,
            "day_end": part.day.end,
            "known_at": part.known_at,
            "source_digest": part.source_digest,
            "payload": part.payload,
        }
        for number, part in enumerate(parts)
    ]
    insert_many(connection, label_entry, rows)
    connection.execute(
        update(label_head)
        .where(label_head.c.id == head.id)
        .values(version=reached.version, known_at=reached.known_at, watermark=reached.watermark)
    )
    return True


def _days(connection: Connection, monitor_id: int, source: str) -> dict[Window, str]:
    """Each day that has entries, with the digest of the source at its newest ones."""
    e = label_entry.c
    newest = (
        select(e.label_head_id, e.day_start, func.max(e.version).label("version"))
        .join(label_head)
        .where(label_head.c.monitor_id == monitor_id, label_head.c.source == source)
        .group_by(e.label_head_id, e.day_start)
        .subquery()
    )
    same = (e.label_head_id == newest.c.label_head_id, e.day_start == newest.c.day_start, e.version == newest.c.version)
    rows = connection.execute(
        select(e.day_start, e.day_end, e.source_digest).join(newest, and_(*same)).order_by(e.day_start, e.part)
    )
    return {Window(row.day_start, row.day_end): row.source_digest for row in rows}


def _marks(connection: Connection, monitor_id: int, source: str) -> dict[Window, datetime]:
    """Each day that has entries, with the newest knowledge in them."""
    e = label_entry.c
    rows = connection.execute(
        select(e.day_start, e.day_end, func.max(e.known_at).label("known_at"))
        .join(label_head)
        .where(label_head.c.monitor_id == monitor_id, label_head.c.source == source)
        .group_by(e.day_start, e.day_end)
    )
    return {Window(row.day_start, row.day_end): row.known_at for row in rows}


def _parts(connection: Connection, monitor_id: int, source: str, start: datetime, end: datetime) -> list[LedgerPart]:
    """All entries of the days that lie wholly in [start, end), day by day, in the order in which they were added."""
    e = label_entry.c
    return _chosen(connection, monitor_id, source, e.day_start >= start, e.day_end <= end)


def _parts_of(connection: Connection, monitor_id: int, source: str, days: Collection[Window]) -> list[LedgerPart]:
    """All entries of some days, in the order of `_parts`."""
    starts = sorted({day.start for day in days})
    found: list[LedgerPart] = []
    for first in range(0, len(starts), _BATCH):
        found += _chosen(connection, monitor_id, source, label_entry.c.day_start.in_(starts[first : first + _BATCH]))
    return found


def _chosen(connection: Connection, monitor_id: int, source: str, *wanted: ColumnElement[bool]) -> list[LedgerPart]:
    e = label_entry.c
    rows = connection.execute(
        select(e.day_start, e.day_end, e.known_at, e.source_digest, e.payload)
        .join(label_head)
        .where(label_head.c.monitor_id == monitor_id, label_head.c.source == source, *wanted)
        .order_by(e.day_start, e.version, e.part)
    ).all()
    days = {(row.day_start, row.day_end): Window(row.day_start, row.day_end) for row in rows}
    return [
        LedgerPart(days[row.day_start, row.day_end], row.known_at, row.source_digest, bytes(row.payload))
        for row in rows
    ]
