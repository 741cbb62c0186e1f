"""One task of this package, or of the engine below it, as a process: `ours.py TASK ARGUMENT …`.

Its last line says, as JSON, its peak memory and, of tasks that are repeated in one process, `ms` a call.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from costs import said

MEMORY = "2GB"
DAY_MEMORY = "100MB"
"""DuckDB's in a monitor's day: what does not fit waits on disk, and takes no longer at a million rows."""
CALLS = 30


def nothing() -> None:
    """What every task imports."""
    import airflow_ml_monitor.profile.engines.embedded.duckdb  # noqa: F401


def scan(path: str, width: str) -> None:
    """count, min, max and (of numbers) avg of every column, one statement."""
    import duckdb

    narrow = width == "narrow"
    from rows import categories, numbers

    asked = [f"count({c}), min({c}), max({c}), avg({c})" for c in numbers(narrow)]
    asked += [f"count({c}), min({c}), max({c})" for c in categories(narrow)]
    statement = f"SELECT {', '.join(asked)} FROM read_parquet('{path}')"  # noqa: S608
    duckdb.connect(config={"memory_limit": MEMORY}).execute(statement).fetchall()


def profile(path: str, width: str, how: str = "") -> None:
    """A full profile; how: `alone`, without what rows tell by their columns together, or a column to slice by."""
    from rows import DAY, declared, layout_of

    from airflow_ml_monitor.profile.engines.embedded.duckdb import DuckDB

    dataset = declared(Path(path), sliced="" if how == "alone" else how, narrow=width == "narrow")
    dataset = replace(dataset, second_moments=how != "alone")
    layout = layout_of(dataset)
    DuckDB(memory_limit=MEMORY).profile(dataset, layout, DAY)


def database(path: str) -> None:
    """Make the tables of a metrics database, as is done once when the package is installed."""
    from airflow_ml_monitor.store.repository import MetricsStore

    MetricsStore(f"sqlite:///{path}").upgrade()


def monitor(reference: str, current: str, database: str, how: str = "") -> None:
    """Freeze a reference, then a day's quality, drift and performance, all metrics; how: `alone`, each column alone;
    `labels`, and features with labels."""
    from rows import DAY, categories, numbers

    from airflow_ml_monitor import Column, Dataset, Kind, LabelSource, MonitorSpec, Reference, Role, Task
    from airflow_ml_monitor.monitor.freezing import freeze
    from airflow_ml_monitor.monitor.performance import measure_performance
    from airflow_ml_monitor.monitor.run import Monitor, Run
    from airflow_ml_monitor.monitor.steps import measure_drift, measure_quality
    from airflow_ml_monitor.profile.engines.embedded.duckdb import DuckDB
    from airflow_ml_monitor.profile.task import TaskKind
    from airflow_ml_monitor.store.repository import MetricsStore

    features = [Column(name) for name in numbers()] + [Column(name, Kind.CATEGORICAL) for name in categories()]
    outputs = [Column("score", role=Role.SCORE), Column("prediction", Kind.BOOLEAN, Role.PREDICTION)]
    dataset = Dataset("d", current, (*features, *outputs), "at", "UTC", ("id",))
    dataset = replace(dataset, second_moments=how != "alone", label_moments=how == "labels")
    labels = LabelSource("l", current, "label", ("id",))
    spec = MonitorSpec("m", Task(TaskKind.BINARY), (dataset,), Reference(reference, label="label"), (labels,))
    store = MetricsStore(f"sqlite:///{database}")
    watched, known_at = Monitor(spec, store, DuckDB(memory_limit=DAY_MEMORY)), DAY.end + timedelta(hours=6)
    run = Run(DAY, spec.rule(), known_at)
    freeze(watched, DAY.start)
    done = [step(watched, run) for step in (measure_quality, measure_drift, measure_performance)]
    print([one.document() for one in done])


def count_join(predictions: str, labels: str) -> None:
    """A hash join by id that only counts."""
    import duckdb

    both = f"read_parquet('{predictions}') p LEFT JOIN read_parquet('{labels}') l USING (id)"
    statement = f"SELECT count(*), count(l.label) FROM {both}"  # noqa: S608
    duckdb.connect(config={"memory_limit": MEMORY}).execute(statement).fetchall()


def label_entries(predictions: str, labels: str) -> None:
    """The label entries of one day of predictions."""
    from rows import DAY

    from airflow_ml_monitor import Column, Dataset, LabelSource, Role, Task
    from airflow_ml_monitor.keys import WindowRule, WindowUnit
    from airflow_ml_monitor.profile.engines.embedded.duckdb import DuckDB
    from airflow_ml_monitor.profile.engines.engine import LabelRequest
    from airflow_ml_monitor.profile.layout import Layout
    from airflow_ml_monitor.profile.task import TaskKind

    dataset = Dataset("p", predictions, (Column("score", role=Role.SCORE),), "at", "UTC", ("id",))
    source = LabelSource("l", labels, "label", ("id",), "known_at")
    upto, rule = DAY.end + timedelta(days=3), WindowRule(WindowUnit.DAY)
    stale, task = frozenset([DAY]), Task(TaskKind.BINARY)
    request = LabelRequest(dataset, task, Layout(()), source, rule, (DAY,), stale, DAY.start, upto)
    DuckDB(memory_limit=MEMORY).label_entries(request)


def small_day(path: str, small: str) -> float:
    """A dozen columns of a small window, five slices; small: up to how many rows the kernel cuts them."""
    from rows import DAY, layout_of

    from airflow_ml_monitor import Column, Dataset, Kind
    from airflow_ml_monitor.profile.engines.embedded.duckdb import DuckDB

    columns = tuple(Column(f"n{i}") for i in range(8)) + tuple(Column(f"c{i}", Kind.CATEGORICAL) for i in range(4))
    dataset = Dataset("d", Path(path), columns, "at", entity_key=("id",), slice_by=("c0",))
    layout, engine = layout_of(dataset), DuckDB(small=int(small))
    return again(lambda: engine.profile(dataset, layout, DAY))


def again(call: Callable[[], Any]) -> float:
    """Median milliseconds of a call, after one that warms up."""
    call()
    took = []
    for _ in range(CALLS):
        began = time.perf_counter()
        call()
        took.append(time.perf_counter() - began)
    return statistics.median(took) * 1000


TASKS: dict[str, Callable[..., float | None]] = {
    f.__name__: f for f in (nothing, scan, profile, database, monitor, count_join, label_entries, small_day)
}

if __name__ == "__main__":
    ms = TASKS[sys.argv[1]](*sys.argv[2:])
    said(**({} if ms is None else {"ms": ms}))
