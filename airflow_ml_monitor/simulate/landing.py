"""Puts a simulated day where a real feed would put it: one Parquet file a day in a folder."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from airflow_ml_monitor.profile.dataset import Kind
from airflow_ml_monitor.simulate.applicants import FEATURES
from airflow_ml_monitor.simulate.credit import CreditWorld

_TIME = pa.timestamp("us", tz="UTC")
_WHOLE_NUMBERS = ("age", "num_cards")
_TYPES = {Kind.NUMERIC: pa.float64(), Kind.CATEGORICAL: pa.string(), Kind.BOOLEAN: pa.bool_()}

APPLICATIONS = pa.schema(
    [
        ("application_id", pa.string()),
        ("scored_at", _TIME),
        *((c.name, pa.int64() if c.name in _WHOLE_NUMBERS else _TYPES[c.kind]) for c in FEATURES),
    ]
)
OUTCOMES = pa.schema([("application_id", pa.string()), ("defaulted", pa.int64()), ("known_at", _TIME)])


def land_applications(world: CreditWorld, folder: str | Path, day: int) -> Path:
    """The file <date>.parquet of the applications that arrived on a day."""
    return _land(world.applications(day), APPLICATIONS, _path(world, folder, day))


def land_outcomes(world: CreditWorld, folder: str | Path, day: int) -> Path:
    """The file <date>.parquet of the outcomes that became known during a day; without rows if none did.

    Days after the world's last one still bring outcomes, up to the horizon.
    """
    outcomes = world.outcomes(world.midnight(day), world.midnight(day + 1))
    return _land(outcomes, OUTCOMES, _path(world, folder, day))


def _path(world: CreditWorld, folder: str | Path, day: int) -> Path:
    return Path(folder) / f"{world.midnight(day).date().isoformat()}.parquet"


def _land(frame: pd.DataFrame, schema: pa.Schema, path: Path) -> Path:
    """Write whole or not at all; a reader of *.parquet never sees half a file.

    A file that already holds the same bytes is left alone: a new mtime would read as a changed source.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.unfinished")
    try:
        pq.write_table(pa.Table.from_pandas(frame, schema=schema, preserve_index=False), unfinished)
        if not (path.exists() and path.read_bytes() == unfinished.read_bytes()):
            os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)
    return path
