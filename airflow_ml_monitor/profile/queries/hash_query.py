"""Hashes of rows' keys: where all of these differ, so do the keys."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from airflow_ml_monitor.profile.queries.dialect import row_hash
from airflow_ml_monitor.profile.queries.query import in_window, source

MOST: Final = 4_000_000
"""Hashes that are looked at: 32 MB. Of more rows keys are grouped."""


def key_hashes(keys: tuple[str, ...], event_time: str, name: str = "source") -> sa.SelectBase:
    """Of rows' keys as they are; of one row more than MOST at most."""
    table = source(*dict.fromkeys((*keys, *([event_time] if event_time else []))), name=name)
    return sa.select(row_hash(*(table.c[key] for key in keys))).where(in_window(table, event_time)).limit(MOST + 1)
