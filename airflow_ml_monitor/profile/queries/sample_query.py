"""Rows by the hash of their key: the statement behind row_sample.RowSample, and which rows a fraction draws."""

from __future__ import annotations

import sqlalchemy as sa

from airflow_ml_monitor.profile.dataset import Kind
from airflow_ml_monitor.profile.queries.dialect import row_hash
from airflow_ml_monitor.profile.queries.query import Expression, in_window, number_of, source, text

HASH = "h"
_PLACES = 2**30
"""Of which a fraction is taken: fewer than the shortest hash of an engine has (SQLite's, of 32 bits)."""


def is_drawn(fraction: float, *key: Expression) -> Expression:
    """Whether a row is among those drawn; of a larger fraction it is, too."""
    # Hashed twice, as query.hashed tells.
    place = row_hash(row_hash(*key)) % sa.literal_column(str(_PLACES))
    return place < sa.literal_column(str(round(fraction * _PLACES)))


def lowest_rows(columns: tuple[tuple[str, Kind], ...], key: tuple[str, ...], most: int, event_time: str) -> sa.Select:  # type: ignore[type-arg]
    """So many rows whose key has the lowest hash, and that (h); columns as query.values names them, c0, c1 …"""
    names = [*(name for name, _ in columns), *key, *([event_time] if event_time else [])]
    table = source(*dict.fromkeys(names))
    read = [
        (text(table.c[name]) if kind is Kind.CATEGORICAL else number_of(table.c[name], kind)).label(f"c{i}")
        for i, (name, kind) in enumerate(columns)
    ]
    # Hashed twice, as query.hashed tells; of 53 bits, which every engine's numbers hold.
    hashed = row_hash(row_hash(*(table.c[name] for name in key))) % sa.literal_column(str(2**53))
    place = sa.cast(hashed, sa.BigInteger).label(HASH)
    return sa.select(*read, place).where(in_window(table, event_time)).order_by(place, *read).limit(most)
