"""Profiles by what they depend on. Their bytes are the codec's."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, delete, func, insert, select

from airflow_ml_monitor.keys import Window
from airflow_ml_monitor.store.columns import digest_of
from airflow_ml_monitor.store.records import ProfileKey
from airflow_ml_monitor.store.tables import profile, scan, sighting
from airflow_ml_monitor.store.upsert import put

_BATCH: Final = 500
"""Keys a statement: SQLite takes 32,766 parameters."""


def save(connection: Connection, monitor_id: int, key: ProfileKey, payload: bytes, now: datetime) -> None:
    """Store a profile; the first of several writers of one key wins, all bytes being of the same data."""
    texts = _texts(monitor_id, key)
    row = put(connection, scan, {"digest": _digest(texts)}, texts, {"saved_at": now})
    if connection.scalar(select(profile.c.scan_id).where(profile.c.scan_id == row.id)) is None:
        connection.execute(insert(profile).values(scan_id=row.id, payload=payload))


def load(connection: Connection, monitor_id: int, key: ProfileKey) -> bytes | None:
    """The profile of exactly this key."""
    found = connection.scalar(
        select(profile.c.payload).join(scan).where(scan.c.digest == _digest(_texts(monitor_id, key)))
    )
    return None if found is None else bytes(found)


def load_many(connection: Connection, monitor_id: int, keys: Collection[ProfileKey]) -> dict[ProfileKey, bytes]:
    """The profiles of some keys that are there."""
    named = {_digest(_texts(monitor_id, key)): key for key in keys}
    digests, found = sorted(named), {}
    for start in range(0, len(digests), _BATCH):
        of_some = scan.c.digest.in_(digests[start : start + _BATCH])
        for digest, payload in connection.execute(select(scan.c.digest, profile.c.payload).join(scan).where(of_some)):
            found[named[digest]] = bytes(payload)
    return found


def drop(connection: Connection, monitor_id: int, keys: Sequence[ProfileKey]) -> None:
    """Delete the bytes of some profiles; the names of what was read stay."""
    digests = [_digest(_texts(monitor_id, key)) for key in keys]
    of_keys = select(scan.c.id).where(scan.c.digest.in_(digests))
    connection.execute(delete(profile).where(profile.c.scan_id.in_(of_keys)))


def see(connection: Connection, monitor_id: int, key: ProfileKey, known_at: datetime) -> None:
    """Say that a stored profile is its window's as known at a moment."""
    of_key = select(scan.c.id).where(scan.c.digest == _digest(_texts(monitor_id, key))).scalar_subquery()
    connection.execute(insert(sighting).values(scan_id=of_key, known_at=known_at))


def sightings(
    connection: Connection, monitor_id: int, dataset: str, rule: str, within: Window
) -> list[tuple[datetime, ProfileKey]]:
    """(known at, key) of all that was seen of the windows that lie wholly in a span, in the order of knowledge."""
    s = scan.c
    rows = connection.execute(
        select(sighting.c.known_at, s.window_start, s.window_end, s.layout_digest, s.input_digest)
        .select_from(scan.join(sighting))
        .where(s.monitor_id == monitor_id, s.dataset == dataset, s.rule == rule)
        .where(s.window_start >= within.start, s.window_end <= within.end)
        .order_by(sighting.c.known_at, sighting.c.id)
    )
    return [
        (row.known_at, ProfileKey(dataset, rule, Window(*row[1:3]), row.layout_digest, row.input_digest))
        for row in rows
    ]


def seen(
    connection: Connection, monitor_id: int, dataset: str, rule: str, within: Window, as_of: datetime | None
) -> list[ProfileKey]:
    """Of each window that lies wholly in a span, the profile as known at a moment (None: now), whatever its layout and
    inputs; the newest window first."""
    newest_first = (sighting.c.known_at.desc(), sighting.c.id.desc())
    window = (scan.c.window_start, scan.c.window_end)
    digests = (scan.c.layout_digest, scan.c.input_digest)
    known = (
        select(*window, *digests, func.row_number().over(partition_by=window, order_by=newest_first).label("place"))
        .select_from(scan.join(sighting))
        .where(
            scan.c.monitor_id == monitor_id,
            scan.c.dataset == dataset,
            scan.c.rule == rule,
            scan.c.window_start >= within.start,
            scan.c.window_end <= within.end,
            *([] if as_of is None else [sighting.c.known_at <= as_of]),
        )
        .subquery()
    )
    chosen = select(known).where(known.c.place == 1).order_by(known.c.window_start.desc())
    return [
        ProfileKey(dataset, rule, Window(row.window_start, row.window_end), row.layout_digest, row.input_digest)
        for row in connection.execute(chosen)
    ]


def _texts(monitor_id: int, key: ProfileKey) -> dict[str, Any]:
    return {
        "monitor_id": monitor_id,
        "dataset": key.dataset,
        "rule": key.rule,
        "window_start": key.window.start,
        "window_end": key.window.end,
        "layout_digest": key.layout_digest,
        "input_digest": key.input_digest,
    }


def _digest(texts: Mapping[str, Any]) -> str:
    return digest_of({name: str(value) for name, value in texts.items()})
