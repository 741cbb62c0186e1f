"""Files of many times the memory that the engine may take, in a process whose peak the system tells."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from pathlib import Path

import duckdb
import pytest

ROWS, LIMIT = 2_000_000, 128
"""Rows; megabytes that DuckDB may take. The numbers alone are 96 MB, and their keys as many again."""

CHILD = """
import json, resource, sys
from datetime import UTC, datetime
from airflow_ml_monitor.keys import EVER, WHOLE, Window
from airflow_ml_monitor.profile.dataset import Column, Dataset, Kind
from airflow_ml_monitor.profile.engines.embedded.duckdb import DuckDB

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

def profiled(source, engine):
    columns = (*(Column(f"x{i}") for i in range(6)), Column("group", Kind.CATEGORICAL))
    dataset = Dataset("d", source, columns, "at", entity_key=("id",))
    layout = engine.layout(dataset, EVER)
    day = Window(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC))
    return layout, engine.profile(dataset, layout, day)

folder, source, limit = sys.argv[1:]
profiled(f"{folder}/small.{source.rpartition('.')[2]}", DuckDB(threads=2))
before = peak()
layout, profile = profiled(source, DuckDB(memory_limit=limit, threads=2))
told = {"rows": profile.rows[WHOLE], "twice": profile.duplicates, "layout": layout.digest, "grown": peak() - before}
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The rows as Parquet, a quarter of them as CSV, and a few of either."""
    home = tmp_path_factory.mktemp("large")
    columns = ["TIMESTAMP '2026-03-01' + to_microseconds(i) AS at", "i // 2 AS id", "'g' || i % 26 AS \"group\""]
    columns += [f"hash(i + {i} * 7919) / 1e19 AS x{i}" for i in range(6)]
    with duckdb.connect(config={"memory_limit": "500MB", "threads": 2}) as connection:
        for name, rows in (("large", ROWS), ("small", 30_000)):
            made = connection.table_function("range", [rows]).select("range AS i").select(", ".join(columns))
            made.write_parquet(str(home / f"{name}.parquet"), row_group_size=100_000)
            made.limit(rows // 4).write_csv(str(home / f"{name}.csv"))
    return home


@cache
def told(folder: Path, name: str, limit: str) -> dict[str, float]:
    command = [sys.executable, "-c", CHILD, str(folder), str(folder / name), limit]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize(("name", "rows"), [("large.parquet", ROWS), ("large.csv", ROWS // 4)])
def test_a_file_larger_than_memory_is_profiled_to_the_last_row_within_it(name: str, rows: int, folder: Path) -> None:
    found = told(folder, name, f"{LIMIT}MB")
    assert (found["rows"], found["twice"]) == (rows, rows // 2)
    # Beside the limit: what is read ahead of text, a row group of each thread, the batches of the kernel.
    assert found["grown"] < LIMIT + 130


def test_a_layout_does_not_depend_on_the_memory_that_it_was_made_in(folder: Path) -> None:
    assert told(folder, "large.parquet", f"{LIMIT}MB")["layout"] == told(folder, "large.parquet", "2GB")["layout"]
