"""A profile in PostgreSQL beside statements written by hand for the same cells: the server's CPU."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pyarrow.csv
import pyarrow.parquet as pq
import sqlalchemy as sa
from rows import DAY, categories, declared, layout_of, numbers

from airflow_ml_monitor.profile.engines.chosen import Chosen
from airflow_ml_monitor.profile.layout import Layout
from airflow_ml_monitor.profile.table import Table

TABLE, VARIABLE = "ml_monitor_bench", "AIRFLOW_CONN_ML_MONITOR_BENCH"
_TICKS = os.sysconf("SC_CLK_TCK")
_UNTIL_ENDED = 2.0
"""Seconds."""


def compared(url: str, path: Path, turns: int) -> dict[str, float]:
    """CPU seconds of the server: `scan`, `by_hand`, `cells` (ours, the same cells), `profile` (ours, whole)."""
    os.environ[VARIABLE] = url
    engine = sa.create_engine(url)
    _load(engine, path)
    layout = layout_of(declared(path))

    def scanned() -> None:
        asked = [f"count({c}), min({c}), max({c}), avg({c})" for c in numbers()]
        asked += [f"count({c}), min({c}), max({c})" for c in categories()]
        _run(engine, [f"SELECT {', '.join(asked)} FROM {TABLE}"])  # noqa: S608

    def ours(second_moments: bool = True) -> None:
        dataset = declared(Table("ml_monitor_bench", TABLE))
        Chosen().profile(replace(dataset, second_moments=second_moments), layout, DAY)

    tasks = {
        "scan": scanned,
        "by_hand": lambda: _run(engine, by_hand(layout)),
        "cells": partial(ours, second_moments=False),
        "profile": ours,
    }
    found: dict[str, list[float]] = {name: [] for name in tasks}
    for _ in range(turns):
        for name, task in tasks.items():
            found[name].append(_cpu_of(engine, task))
    with engine.begin() as connection:
        connection.execute(sa.text(f"DROP TABLE {TABLE}"))
    engine.dispose()
    return {name: sorted(costs)[len(costs) // 2] for name, costs in found.items()}


def by_hand(layout: Layout) -> list[str]:
    """A statement a number, with the sums and extremes of its buckets; the categories in one, by grouping sets."""
    day = f"at >= '{DAY.start.isoformat()}' AND at < '{DAY.end.isoformat()}'"
    statements = []
    for name in numbers():
        binning = layout[name]
        x, d = f"{name}::float8", f"({name}::float8 - {binning.centre!r})"
        share = f"{d} / ({binning.scale!r} + abs({d}))"
        inside = f"floor({binning.resolution} * {share})::bigint" if binning.is_grid else x
        bucket = f"CASE WHEN {name} IS NULL THEN -1000005 WHEN {x} = 'NaN' THEN -1000004 ELSE {inside} END"
        sums = f"count(*), sum({d}), sum({d} * {d}), min({x}), max({x})"
        statements.append(f"SELECT {bucket}, {sums} FROM {TABLE} WHERE {day} GROUP BY 1")  # noqa: S608
    names = ", ".join(categories())
    each = ", ".join(f"({name})" for name in categories())
    statements.append(
        f"SELECT {names}, count(*) FROM {TABLE} WHERE {day} GROUP BY GROUPING SETS ({each})"  # noqa: S608
    )
    return statements


def _load(engine: sa.Engine, path: Path) -> None:
    names = [*numbers(), *categories(), "at"]
    whole = pq.ParquetFile(path)
    kinds = {"double": "float8", "float": "float4", "int64": "bigint", "string": "text"}
    types = {part.name: kinds.get(str(part.type), "timestamptz") for part in whole.schema_arrow}
    with engine.begin() as connection:
        listed = ", ".join(f"{name} {types[name]}" for name in names)
        connection.execute(sa.text(f"DROP TABLE IF EXISTS {TABLE}"))
        connection.execute(sa.text(f"CREATE UNLOGGED TABLE {TABLE} ({listed})"))
        cursor = connection.connection.cursor()
        for batch in whole.iter_batches(100_000, columns=names):
            text = io.BytesIO()
            pyarrow.csv.write_csv(batch, text, pyarrow.csv.WriteOptions(include_header=False))
            text.seek(0)
            cursor.copy_expert(f"COPY {TABLE} FROM STDIN WITH (FORMAT csv)", text)  # type: ignore[attr-defined]
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text(f"VACUUM ANALYZE {TABLE}"))


def _run(engine: sa.Engine, statements: list[str]) -> None:
    with engine.connect() as connection:
        connection.exec_driver_sql("SET max_parallel_workers_per_gather = 0")
        for statement in statements:
            connection.exec_driver_sql(statement).fetchall()


def _cpu_of(engine: sa.Engine, task: Callable[[], None]) -> float:
    """CPU that the server's processes took meanwhile; those that ended are counted by the one that started them."""
    before = _server_cpu()
    task()
    engine.dispose()
    # A process that served a connection is counted by the one that started it once that has seen it end; read at that
    # very moment, it would be in neither's figure.
    time.sleep(_UNTIL_ENDED)
    return _server_cpu() - before


def _server_cpu() -> float:
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, rest = stat.read_text().split("(", 1)[1].rsplit(")", 1)
        except OSError:
            continue
        if name == "postgres":
            ticks += sum(map(int, rest.split()[11:15]))
    return ticks / _TICKS
