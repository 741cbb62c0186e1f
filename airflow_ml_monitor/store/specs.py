"""Specs and references by validity: which ones a window is measured with."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select

from airflow_ml_monitor.store import monitors
from airflow_ml_monitor.store.records import EPOCH, REFERENCE_STAGE, ReferenceRecord, SpecVersion
from airflow_ml_monitor.store.tables import head, reference, spec_version


def register(connection: Connection, monitor_id: int, digest: str, document: dict[str, Any], seen_at: datetime) -> None:
    """Store a spec unless it is the newest already; an older one that comes back is a new version.

    The first is valid from the epoch, a later one from the end of the newest window measured so far.
    """
    monitors.lock(connection, monitor_id)
    newest = _newest_version(connection, monitor_id)
    if newest is not None and newest.digest == digest:
        return
    connection.execute(
        insert(spec_version).values(
            monitor_id=monitor_id,
            number=1 if newest is None else newest.number + 1,
            digest=digest,
            document=document,
            valid_from=EPOCH if newest is None else _measured_until(connection, monitor_id),
            seen_at=seen_at,
        )
    )


def newest_digest(connection: Connection, monitor_id: int) -> str:
    """The digest of the spec registered last; empty before the first."""
    newest = _newest_version(connection, monitor_id)
    return "" if newest is None else str(newest.digest)


def versions(connection: Connection, monitor_id: int) -> list[SpecVersion]:
    """Every spec, by validity; of two valid from one moment the later registered is the later."""
    rows = connection.execute(
        select(spec_version)
        .where(spec_version.c.monitor_id == monitor_id)
        .order_by(spec_version.c.valid_from, spec_version.c.number)
    )
    return [SpecVersion(row.digest, row.document, row.valid_from) for row in rows]


def at(connection: Connection, monitor_id: int, moment: datetime) -> SpecVersion | None:
    """The spec valid at an event time."""
    row = connection.execute(
        select(spec_version)
        .where(spec_version.c.monitor_id == monitor_id, spec_version.c.valid_from <= moment)
        .order_by(spec_version.c.valid_from.desc(), spec_version.c.number.desc())
        .limit(1)
    ).first()
    return None if row is None else SpecVersion(row.digest, row.document, row.valid_from)


def save_reference(
    connection: Connection, monitor_id: int, record: ReferenceRecord, valid_from: datetime | None
) -> None:
    """Store a reference unless its digest is there; valid as `register` says, unless told otherwise."""
    monitors.lock(connection, monitor_id)
    stored = connection.execute(
        select(reference.c.digest).where(reference.c.monitor_id == monitor_id, reference.c.dataset == record.dataset)
    ).scalars()
    digests = set(stored)
    if record.digest in digests:
        return
    if valid_from is None:
        valid_from = _measured_until(connection, monitor_id) if digests else EPOCH
    connection.execute(
        insert(reference).values(
            monitor_id=monitor_id,
            dataset=record.dataset,
            digest=record.digest,
            layout=record.layout,
            profile=record.profile,
            labels=record.labels,
            frozen_at=record.frozen_at,
            fingerprint=record.fingerprint,
            valid_from=valid_from,
        )
    )


def references(connection: Connection, monitor_id: int, dataset: str) -> list[tuple[datetime, str]]:
    """(valid from, digest) of every reference of a dataset, by validity."""
    rows = connection.execute(
        select(reference.c.valid_from, reference.c.digest)
        .where(reference.c.monitor_id == monitor_id, reference.c.dataset == dataset)
        .order_by(reference.c.valid_from, reference.c.id)
    )
    return [(row.valid_from, row.digest) for row in rows]


def reference_at(connection: Connection, monitor_id: int, dataset: str, moment: datetime) -> ReferenceRecord | None:
    """A dataset's reference valid at an event time."""
    wanted = (reference.c.dataset == dataset, reference.c.valid_from <= moment)
    return _newest(connection, monitor_id, *wanted)


def reference_of(connection: Connection, monitor_id: int, digest: str) -> ReferenceRecord | None:
    """The reference of a digest."""
    return _newest(connection, monitor_id, reference.c.digest == digest)


def _newest(connection: Connection, monitor_id: int, *wanted: Any) -> ReferenceRecord | None:
    row = connection.execute(
        select(reference)
        .where(reference.c.monitor_id == monitor_id, *wanted)
        .order_by(reference.c.valid_from.desc(), reference.c.id.desc())
        .limit(1)
    ).first()
    return None if row is None else _record(row)


def _record(row: Row[*tuple[Any, ...]]) -> ReferenceRecord:
    labels = None if row.labels is None else bytes(row.labels)
    return ReferenceRecord(
        row.digest, row.dataset, row.layout, bytes(row.profile), labels, row.frozen_at, row.fingerprint
    )


def _newest_version(connection: Connection, monitor_id: int) -> Row[*tuple[Any, ...]] | None:
    return connection.execute(
        select(spec_version.c.number, spec_version.c.digest)
        .where(spec_version.c.monitor_id == monitor_id)
        .order_by(spec_version.c.number.desc())
        .limit(1)
    ).first()


def _measured_until(connection: Connection, monitor_id: int) -> datetime:
    # A reference's own numbers are of no window that a spec could still count from: theirs ends in 2262.
    measured = select(func.max(head.c.window_end)).where(
        head.c.monitor_id == monitor_id, head.c.revision_id.is_not(None), head.c.stage != REFERENCE_STAGE
    )
    return connection.scalar(measured) or EPOCH
