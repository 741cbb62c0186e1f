"""Series: the texts behind a number, each stored once and found by a digest."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select

from airflow_ml_monitor.keys import Slice
from airflow_ml_monitor.measurement import HeadKey, Measurement
from airflow_ml_monitor.store.columns import canonical, digest_of
from airflow_ml_monitor.store.tables import series
from airflow_ml_monitor.store.upsert import insert_missing

Key = tuple[int, str, str, str, str, str, Slice, str, str, str]

# SQLite takes 32,766 parameters a statement, and shorter lists are planned faster.
_BATCH = 1000


def key_of(monitor_id: int, head: HeadKey, measurement: Measurement) -> Key:
    """What makes a series. The window and the reference are no part of it."""
    return (
        monitor_id,
        head.family,
        head.stage,
        head.dataset,
        head.rule,
        head.model_version,
        measurement.slice,
        measurement.column,
        measurement.metric,
        measurement.parameters,
    )


def row_of(key: Key) -> dict[str, Any]:
    """The row of a series, with its digest."""
    names = ("monitor_id", "family", "stage", "dataset", "rule", "model_version")
    texts = dict(zip(names, key[:6], strict=True)) | {
        "slice": slice_text(key[6]),
        "column_name": key[7],
        "metric": key[8],
        "parameters": key[9],
    }
    return {**texts, "digest": digest_of(texts)}


def find(connection: Connection, digests: Sequence[str]) -> dict[str, int]:
    """{digest: id} of those that exist."""
    found: dict[str, int] = {}
    for start in range(0, len(digests), _BATCH):
        some = digests[start : start + _BATCH]
        rows = connection.execute(select(series.c.digest, series.c.id).where(series.c.digest.in_(some)))
        found.update((row.digest, row.id) for row in rows)
    return found


def add(connection: Connection, rows: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Make the series that are missing; {digest: id} of all."""
    in_order = sorted(rows, key=lambda row: str(row["digest"]))
    insert_missing(connection, series, ["digest"], in_order)
    return find(connection, [row["digest"] for row in in_order])


def slice_text(slice: Slice) -> str:
    """A slice as a JSON object; the whole is '{}'.

    >>> slice_text((("country", "DE"),))
    '{"country":"DE"}'
    """
    return canonical(dict(slice))


def slice_of(text: str) -> Slice:
    """The slice of a JSON object, by column name."""
    return tuple(json.loads(text).items())
