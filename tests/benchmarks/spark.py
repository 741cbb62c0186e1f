"""What a full profile and a label join cost in Spark beside a bare scan and a bare join of the same columns.

    python tests/benchmarks/spark.py

The data of engines.py: 1,000,000 rows × 40 columns of one Parquet file; and as many predictions, of which 800,000 have
a label in another. Every figure is of a whole process, with the JVM and the Python workers that it starts: their CPU is
taken when all of them are gone. A cold call is the first of a process, less what a process costs that only opens a
session; a warm one the mean of three that follow, as in a session that is kept. Needs `[spark]` and a Java.
Writes results/spark.md and results/spark.json.
"""

from __future__ import annotations

import ctypes
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from airflow_ml_monitor.keys import WindowRule, WindowUnit
from airflow_ml_monitor.profile.dataset import Column, Dataset, Role
from airflow_ml_monitor.profile.engines.engine import LabelRequest
from airflow_ml_monitor.profile.engines.spark.spark import SparkEngine
from airflow_ml_monitor.profile.engines.spark.spark_session import session_of
from airflow_ml_monitor.profile.label_source import LabelSource
from airflow_ml_monitor.profile.layout import Layout
from airflow_ml_monitor.profile.spark_source import Spark
from airflow_ml_monitor.profile.task import Task, TaskKind

RESULTS = Path(__file__).parent / "results"
ROWS, LABELS, TURNS, WARM = 1_000_000, 800_000, 1, 3
_BECOME_SUBREAPER = 36


def engines() -> ModuleType:
    """The benchmark beside this one, which writes the data."""
    spec = spec_from_file_location("engines", Path(__file__).parent / "engines.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules["engines"] = module
    spec.loader.exec_module(module)
    return module


def main() -> None:
    busy = os.getloadavg()[0]
    # Whoever is left behind by its parent becomes a child of this process, which waits for it.
    ctypes.CDLL(None).prctl(_BECOME_SUBREAPER, 1, 0, 0, 0)
    with tempfile.TemporaryDirectory() as folder:
        engines().write(Path(folder) / "large.parquet", ROWS)
        write_labels(Path(folder))
        turns = [{task: both(task, folder) for task in TASKS} for _ in range(TURNS)]
        version = (Path(folder) / "version").read_text()
    found = {t: {k: statistics.median(turn[t][k] for turn in turns) for k in turns[0][t]} for t in TASKS}
    report = {
        "rows": ROWS,
        "labels": LABELS,
        "tasks": found,
        "machine": f"{os.cpu_count()} cores (load {busy:.1f} before the run), Python {platform.python_version()}, "
        f"Spark {version}, numpy {np.__version__}",
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "spark.json").write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n")
    (RESULTS / "spark.md").write_text(page(report))
    print(page(report))


def write_labels(folder: Path) -> None:
    """As many of the predictions, in any order, have a label."""
    rng = np.random.default_rng(8)
    chosen = rng.permutation(ROWS)[:LABELS]
    known = np.datetime64("2026-03-02", "us") + rng.integers(0, 86_400_000_000, LABELS).astype("timedelta64[us]")
    table = {"id": pa.array([f"A{i:09d}" for i in chosen]), "label": rng.integers(0, 2, LABELS)}
    pq.write_table(
        pa.table({**table, "known_at": pa.array(known, pa.timestamp("us", "UTC"))}), folder / "labels.parquet"
    )


def both(task: str, folder: str) -> dict[str, float]:
    """CPU and wall seconds of a process with one call, and of a call that follows."""
    one, more = (measured(task, folder, times) for times in (1, 1 + WARM))
    return {f"cold_{k}": one[k] for k in one} | {f"warm_{k}": (more[k] - one[k]) / WARM for k in one}


def measured(task: str, folder: str, times: int) -> dict[str, float]:
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([sys.executable, __file__, task, folder, str(times)], check=True, stderr=subprocess.DEVNULL)
    wall = time.perf_counter() - began
    # Until there is none: what the session's own children took counts once they are waited for.
    with suppress(ChildProcessError):
        while True:
            os.wait()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {"cpu": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, "wall": wall}


def source(path: Path) -> Spark:
    return Spark(path=str(path), master="local[2]")


def nothing(folder: Path) -> Callable[[], Any]:
    session = session_of(source(folder))
    (folder / "version").write_text(session.version)
    return lambda: session.range(10).count()


def scan(folder: Path) -> Callable[[], Any]:
    """count, min, max and (of numbers) avg of every column, one statement."""
    session = session_of(source(folder))
    numbers, names = ([c.name for c in profiled(folder).columns if (c.name[0] == "n") is n] for n in (True, False))
    asked = [f"{f}({c})" for c in numbers for f in ("count", "min", "max", "avg")]
    asked += [f"{f}({c})" for c in names for f in ("count", "min", "max")]
    return lambda: session.read.parquet(f"{folder}/large.parquet").selectExpr(*asked).collect()


def profiled(folder: Path) -> Dataset:
    found: Dataset = engines().declared(source(folder / "large.parquet"))
    return found


def profile(folder: Path) -> Callable[[], Any]:
    dataset = profiled(folder)
    layout = engines().layout_of(dataset)
    return lambda: SparkEngine().profile(dataset, layout, engines().DAY)


def join(folder: Path) -> Callable[[], Any]:
    """The same join, which only counts."""
    session = session_of(source(folder))

    def counted() -> Any:
        scored, known = (session.read.parquet(f"{folder}/{name}.parquet") for name in ("large", "labels"))
        joined = scored.select("id", "score").join(known, "id", "left")
        return joined.groupBy("label").agg({"score": "sum", "*": "count"}).collect()

    return counted


def labels(folder: Path) -> Callable[[], Any]:
    """The ledger entries of a day."""
    day = engines().DAY
    dataset = Dataset(
        "p", source(folder / "large.parquet"), (Column("score", role=Role.SCORE),), "at", entity_key=("id",)
    )
    known = LabelSource("l", source(folder / "labels.parquet"), "label", ("id",), "known_at")
    about = (Task(TaskKind.BINARY), Layout(()), known, WindowRule(WindowUnit.DAY), (day,), frozenset({day}))
    request = LabelRequest(dataset, *about, since=day.start, upto=day.end + timedelta(days=2))
    return lambda: SparkEngine().label_entries(request)


TASKS = {"session": nothing, "scan": scan, "profile": profile, "join": join, "labels": labels}
NAMES = {
    "scan": "bare scan: `count, min, max, avg`",
    "profile": "full profile, with products and distances",
    "join": "bare join: count and sum by label",
    "labels": "ledger entries of the same join",
}


def page(report: dict[str, Any]) -> str:
    tasks = report["tasks"]
    empty = tasks["session"]
    beside = {"scan": "scan", "profile": "scan", "join": "join", "labels": "join"}
    lines = [
        "# The Spark engine",
        "",
        f"{report['rows']:,} rows × 40 columns in one Parquet file, {report['labels']:,} labels in another, "
        f"`local[2]`; {report['machine']}.",
        f"Made by `python tests/benchmarks/spark.py`; {TURNS} turn{'s' * (TURNS > 1)}, medians. CPU is that of all "
        "processes, JVM and Python workers among them.",
        "",
        f"A process that opens a session and counts ten rows: {empty['cold_cpu']:.1f} s CPU, "
        f"{empty['cold_wall']:.1f} s wall. Beyond that:",
        "",
        "| | first call, CPU s | bare = 1 | each that follows, CPU s | bare = 1 |",
        "|---|---|---|---|---|",
    ]
    for task, name in NAMES.items():
        cold, warm = (tasks[task]["cold_cpu"] - empty["cold_cpu"], tasks[task]["warm_cpu"])
        bare = tasks[beside[task]]
        ratios = cold / (bare["cold_cpu"] - empty["cold_cpu"]), warm / bare["warm_cpu"]
        lines.append(f"| {name} | {cold:.1f} | {ratios[0]:.2f} | {warm:.1f} | {ratios[1]:.2f} |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    if len(sys.argv) > 1:
        run = TASKS[sys.argv[1]](Path(sys.argv[2]))
        for _ in range(int(sys.argv[3])):
            run()
    else:
        main()
