"""What a full profile costs beside a bare scan of the same columns, and what a small day costs.

    python tests/benchmarks/engines.py

Synthetic: 30 numeric columns (normal, lognormal, two decimals, counts, float32, heavy tails; NULL in some) and ten
categorical ones of 5 to 5,000 levels, 1,000,000 rows of one Parquet file. Every figure comes from a process of its own,
so that its peak memory is its own; scan and profile take turns in one run, for only their ratio outlives the machine.
Writes results/engines.md and results/engines.json.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from airflow_ml_monitor.keys import EVER, Window, WindowRule, WindowUnit
from airflow_ml_monitor.profile.dataset import Column, Dataset, Kind, Role
from airflow_ml_monitor.profile.engines.duckdb import DuckDB
from airflow_ml_monitor.profile.engines.engine import LabelRequest
from airflow_ml_monitor.profile.label_source import LabelSource
from airflow_ml_monitor.profile.layout import Layout
from airflow_ml_monitor.profile.task import Task, TaskKind

RESULTS = Path(__file__).parent / "results"
ROWS, NUMERIC, LEVELS = 1_000_000, 30, (5, 8, 12, 20, 50, 100, 300, 800, 2000, 5000)
DAY = Window(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC))
TURNS = 3
MEMORY = "2GB"
SIZES = (300, 1_000, 5_000, 20_000, 60_000)


def main() -> None:
    busy = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder) / "large.parquet", ROWS)
        large = [
            {task: measured(task, folder) for task in ("import", "scan", "profile", "sliced")} for _ in range(TURNS)
        ]
        write(Path(folder) / "small.parquet", 600)
        write_labels(Path(folder))
        small = {task: measured(task, folder) for task in ("day", "labels")}
        for rows in SIZES:
            write(Path(folder) / f"{rows}.parquet", rows)
        crossing = {str(rows): crossed(folder, rows) for rows in SIZES}
    report = {
        "rows": ROWS,
        "columns": NUMERIC + len(LEVELS),
        "memory_limit": MEMORY,
        "large": {task: median([turn[task] for turn in large]) for task in large[0]},
        "small": small,
        "kernel_and_statements_ms": crossing,
        "machine": f"{os.cpu_count()} cores (load {busy:.1f} before the run), Python {platform.python_version()}, "
        f"DuckDB {duckdb.__version__}, numpy {np.__version__}",
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "engines.json").write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n")
    (RESULTS / "engines.md").write_text(page(report))
    print(page(report))


def write(path: Path, rows: int) -> None:
    """Rows of one day, in row groups as a feed writes them."""
    rng = np.random.default_rng(7)
    writer = None
    for start in range(0, rows, 250_000):
        part = block(rng, min(250_000, rows - start), start)
        writer = writer or pq.ParquetWriter(path, part.schema, compression="snappy")
        writer.write_table(part)
    assert writer is not None
    writer.close()


def block(rng: np.random.Generator, rows: int, first: int) -> pa.Table:
    columns: dict[str, Any] = {}
    for i in range(NUMERIC):
        x = (
            rng.normal(i, 1 + i, rows),
            rng.lognormal(0, 1.5, rows),
            np.round(rng.gamma(2, 30, rows), 2),
            rng.poisson(3 + i, rows),
            rng.normal(size=rows).astype(np.float32),
            np.where(rng.random(rows) < 0.7, 0.0, rng.standard_cauchy(rows)),
        )[i % 6]
        columns[f"n{i}"] = pa.array(x, mask=rng.random(rows) < 0.03 if i % 4 == 0 else None)
    for i, levels in enumerate(LEVELS):
        rank = np.minimum(rng.zipf(1.3, rows), levels) - 1
        names = pa.array([f"level {level}" for level in range(levels)])
        columns[f"c{i}"] = pa.DictionaryArray.from_arrays(pa.array(rank, pa.int32()), names).cast(pa.string())
    moments = rng.integers(0, 86_400_000_000, rows).astype("timedelta64[us]") + np.datetime64("2026-03-01", "us")
    columns["at"] = pa.array(moments, pa.timestamp("us", "UTC"))
    columns["id"] = pa.array([f"A{first + i:09d}" for i in range(rows)])
    columns["score"] = rng.random(rows)
    return pa.table(columns)


def write_labels(folder: Path) -> None:
    """Forty days of 600 predictions in a file each, and labels that come within some days."""
    rng = np.random.default_rng(8)
    for name in ("predictions", "labels"):
        (folder / name).mkdir()
    for day in range(40):
        start = np.datetime64("2026-03-01", "us") + np.timedelta64(day, "D")
        at = start + rng.integers(0, 86_400_000_000, 600).astype("timedelta64[us]")
        key = [f"{day}-{i}" for i in range(600)]
        scored = {"at": pa.array(at, pa.timestamp("us", "UTC")), "id": key, "score": rng.random(600)}
        pq.write_table(pa.table(scored), folder / "predictions" / f"{day:02d}.parquet")
        known = at + (rng.exponential(5, 600) * 86_400e6).astype("timedelta64[us]")
        theirs = {"id": key, "label": rng.integers(0, 2, 600), "known_at": pa.array(known, pa.timestamp("us", "UTC"))}
        pq.write_table(pa.table(theirs), folder / "labels" / f"{day:02d}.parquet")


def measured(task: str, folder: str) -> dict[str, float]:
    """Wall and CPU seconds and peak memory of a task in a process of its own."""
    done = subprocess.run([sys.executable, __file__, task, folder], capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def crossed(folder: str, rows: int) -> list[float]:
    """Milliseconds of a small window by the kernel, and by statements."""
    return [measured(f"{way}:{rows}", folder)["wall"] * 1000 for way in ("kernel", "statements")]


def median(turns: list[dict[str, float]]) -> dict[str, float]:
    return {name: statistics.median(turn[name] for turn in turns) for name in turns[0]}


def child(task: str, folder: Path) -> None:
    """Run one task and write what it cost."""
    way, _, rows = task.partition(":")
    run = {"import": nothing, "scan": scan, "profile": profile, "sliced": profile}.get(way)
    if run is not None:
        cost = timed(run(folder / "large.parquet", sliced=way == "sliced"), 1)
    elif way == "labels":
        cost = timed(label_entries(folder), 30)
    else:
        small = {"kernel": 10**9, "statements": 0}
        engine = DuckDB(small=small[way]) if way in small else DuckDB()
        cost = timed(again(engine, folder / f"{rows or 'small'}.parquet"), 30)
    # Not ru_maxrss, which a child inherits from the process that started it.
    peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    cost["peak_mb"] = int(peak.split()[1]) / 1024
    print(json.dumps(cost))


def timed(run: Callable[[], Any], times: int) -> dict[str, float]:
    """Median wall and mean CPU seconds of a call; more than one call is warmed up first."""
    if times > 1:
        run()
    walls, before = [], time.process_time()
    for _ in range(times):
        began = time.perf_counter()
        run()
        walls.append(time.perf_counter() - began)
    return {"wall": statistics.median(walls), "cpu": (time.process_time() - before) / times}


def nothing(path: Path, *, sliced: bool) -> Callable[[], Any]:
    return lambda: None


def scan(path: Path, *, sliced: bool) -> Callable[[], Any]:
    """count, min, max and (of numbers) avg of every column, one statement."""
    numbers = [f"n{i}" for i in range(NUMERIC)]
    names = [f"c{i}" for i in range(len(LEVELS))]
    asked = [f"count({c}), min({c}), max({c}), avg({c})" for c in numbers]
    asked += [f"count({c}), min({c}), max({c})" for c in names]
    statement = f"SELECT {', '.join(asked)} FROM read_parquet('{path}')"  # noqa: S608
    return lambda: duckdb.connect(config={"memory_limit": MEMORY}).execute(statement).fetchall()


def declared(source: Path, *, sliced: bool = False) -> Dataset:
    columns = [Column(f"n{i}") for i in range(NUMERIC)]
    columns += [Column(f"c{i}", Kind.CATEGORICAL) for i in range(len(LEVELS))]
    return Dataset("d", source, tuple(columns), "at", slice_by=("c1",) if sliced else ())


def layout_of(dataset: Dataset) -> Layout:
    """Buckets from a reference of 20,000 rows in memory: choosing them is no part of a profile."""
    reference = block(np.random.default_rng(9), 20_000, 0)
    return DuckDB().layout(replace(dataset, source=reference), EVER)


def profile(path: Path, *, sliced: bool) -> Callable[[], Any]:
    dataset = declared(path, sliced=sliced)
    layout = layout_of(dataset)
    return lambda: DuckDB(memory_limit=MEMORY).profile(dataset, layout, DAY)


def again(engine: DuckDB, path: Path) -> Callable[[], Any]:
    """A dozen columns of a small window, five slices: what the demo does every day."""
    columns = tuple(Column(f"n{i}") for i in range(8)) + tuple(Column(f"c{i}", Kind.CATEGORICAL) for i in range(4))
    dataset = Dataset("d", path, columns, "at", entity_key=("id",), slice_by=("c0",))
    layout = layout_of(dataset)
    return lambda: engine.profile(dataset, layout, DAY)


def label_entries(folder: Path) -> Callable[[], Any]:
    """The fortieth daily run: one new day, and what became known of the others."""
    rule = WindowRule(WindowUnit.DAY)
    days = tuple(rule.between(DAY.start, DAY.start + timedelta(days=40)))
    dataset = Dataset(
        "p", folder / "predictions" / "*.parquet", (Column("score", role=Role.SCORE),), "at", "UTC", ("id",)
    )
    labels = LabelSource("l", folder / "labels" / "*.parquet", "label", ("id",), "known_at")
    since, upto = (day.end + timedelta(hours=6) for day in days[-2:])
    task, stale = Task(TaskKind.BINARY), frozenset(days[-1:])
    request = LabelRequest(dataset, task, Layout(()), labels, rule, days, stale, since, upto)
    engine = DuckDB()
    return lambda: engine.label_entries(request)


def page(report: dict[str, Any]) -> str:
    large = report["large"]
    small = {task: f"{cost['cpu'] * 1e3:.0f} | {cost['wall'] * 1e3:.0f}" for task, cost in report["small"].items()}
    scanned = large["scan"]
    lines = [
        "# The DuckDB engine",
        "",
        f"{report['rows']:,} rows × {report['columns']} columns in one Parquet file, "
        f"memory limit {report['memory_limit']}; {report['machine']}.",
        "Made by `python tests/benchmarks/engines.py`; medians of three processes each, which took turns.",
        "",
        "| | CPU s | wall s | CPU, bare scan = 1 | wall, bare scan = 1 | peak memory MB | … beyond the imports |",
        "|---|---|---|---|---|---|---|",
    ]
    names = {"scan": "bare scan: `count, min, max, avg`", "profile": "full profile", "sliced": "full profile, 8 slices"}
    for task, name in names.items():
        cost = large[task]
        ratios = " | ".join(f"{cost[clock] / scanned[clock]:.2f}" for clock in ("cpu", "wall"))
        beyond = cost["peak_mb"] - large["import"]["peak_mb"]
        lines.append(
            f"| {name} | {cost['cpu']:.2f} | {cost['wall']:.2f} | {ratios} | {cost['peak_mb']:.0f} | {beyond:.0f} |"
        )
    lines += [
        "",
        "A small day, 30 calls in one process:",
        "",
        "| | CPU ms | wall ms |",
        "|---|---|---|",
        f"| `profile`, 600 rows × 12 columns, 5 slices | {small['day']} |",
        f"| `label_entries`, 40 days × 600 predictions in 80 files, one day new | {small['labels']} |",
        "",
        "Windows of 12 columns and 5 slices, wall ms, cut by the kernel and by statements; `SMALL_ROWS` lies between:",
        "",
        "| rows | kernel | statements |",
        "|---|---|---|",
        *(f"| {int(rows):,} | {ms[0]:.0f} | {ms[1]:.0f} |" for rows, ms in report["kernel_and_statements_ms"].items()),
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        child(sys.argv[1], Path(sys.argv[2]))
    else:
        main()
