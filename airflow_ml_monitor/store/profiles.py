"""Profiles by what they depend on. Their bytes are the codec's."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from airflow_ml_monitor.keys import Window
from airflow_ml_monitor.store.columns import digest_of
from airflow_ml_monitor.store.records import ProfileKey
from airflow_ml_monitor.store.tables import profile, scan
from airflow_ml_monitor.store.upsert import put


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


def latest(
    connection: Connection, monitor_id: int, dataset: str, rule: str, window: Window
) -> tuple[ProfileKey, bytes] | None:
    """The profile of a window that was saved last, whatever its layout and inputs."""
    row = connection.execute(
        select(scan.c.layout_digest, scan.c.input_digest, profile.c.payload)
        .join(profile)
        .where(
            scan.c.monitor_id == monitor_id,
            scan.c.dataset == dataset,
            scan.c.window_start == window.start,
            scan.c.window_end == window.end,
            scan.c.rule == rule,
        )
        .order_by(scan.c.saved_at.desc(), scan.c.id.desc())
        .limit(1)
    ).first()
    if row is None:
        return None
    return ProfileKey(dataset, rule, window, row.layout_digest, row.input_digest), bytes(row.payload)


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
