"""What a stored value weighs and how fast it is read: PostgreSQL, a million values, five monitors.

    python tests/benchmarks/store.py

Needs a PostgreSQL server (ML_MONITOR_TEST_POSTGRES; without it the one on this machine). Makes a database of its own
and drops it. Values arrive as they do in life, window after window, so that the index is as fragmented as it will be.
Writes results/store.md and results/store.json.
"""

from __future__ import annotations

import io
import json
import os
import platform
import random
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy
from sqlalchemy import create_engine, insert, make_url, text

from airflow_ml_monitor.keys import Window
from airflow_ml_monitor.measurement import Estimate, Family, HeadKey, Measurement, Status
from airflow_ml_monitor.store import series, tables
from airflow_ml_monitor.store.records import Revision
from airflow_ml_monitor.store.repository import MetricsStore

SERVER = os.environ.get("ML_MONITOR_TEST_POSTGRES", "postgresql+psycopg2://postgres@127.0.0.1:5432/postgres")
RESULTS = Path(__file__).parent / "results"
MONITORS, COLUMNS, METRICS, WINDOWS = 5, 200, 20, 50
VALUES = MONITORS * COLUMNS * METRICS * WINDOWS
START = datetime(2026, 1, 1, tzinfo=UTC)
DESIGN = {"bytes": 125.0, "panel_ms": 20.0, "series_ms": 0.2}
"""The figures of the design, whose row listed the five numbers, and no n, status or reason."""

COPY = (
    "COPY measurement (window_start, value, low, high, p_value, noise, n, revision_id, series_id, status, reason) "
    "FROM STDIN WITH (FORMAT text)"
)


def main() -> None:
    busy = os.getloadavg()[0]
    full, cited = measure(full=True), measure(full=False)
    report = {
        "values": VALUES,
        "shape": f"{MONITORS} monitors × {COLUMNS} columns × {METRICS} metrics × {WINDOWS} windows",
        "all five numbers": full,
        "value and interval": cited,
        "design": DESIGN,
        "machine": f"{os.cpu_count()} cores (load {busy:.1f} before the run), Python {platform.python_version()}, "
        f"SQLAlchemy {sqlalchemy.__version__}",
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "store.json").write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n")
    (RESULTS / "store.md").write_text(page(report))
    print(page(report))


def measure(*, full: bool) -> dict[str, float | str]:
    """Load, weigh and read. full: all five numbers of a value; else value, low and high, as most metrics have."""
    with database() as url:
        store = MetricsStore(url)
        store.upgrade()
        load_seconds = load(store, full=full)
        found: dict[str, float | str] = {"load_seconds": round(load_seconds, 1), **weigh(store)}
        found |= read(store)
        found |= write(store)
        store.dispose()
        return found


@contextmanager
def database() -> Iterator[str]:
    """A database of this run's own."""
    name = f"ml_monitor_bench_{os.getpid()}"
    engine = create_engine(SERVER, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    try:
        yield make_url(SERVER).set(database=name).render_as_string(hide_password=False)
    finally:
        with engine.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name}"))
        engine.dispose()


def window(number: int) -> Window:
    return Window(START + timedelta(days=number), START + timedelta(days=number + 1))


def head(number: int) -> HeadKey:
    return HeadKey(Family.DRIFT, "bookings", "day@UTC", window(number))


def measurements(rng: random.Random, *, full: bool = True) -> list[Measurement]:
    """One window's values, random to the last bit: the worst case for whoever would compress them."""
    return [
        Measurement(f"metric {metric}", Status.OK, Estimate(*numbers(rng, full=full)), column=f"column {column}")
        for column in range(COLUMNS)
        for metric in range(METRICS)
    ]


def numbers(rng: random.Random, *, full: bool) -> tuple[Any, ...]:
    """value, n, low, high, p_value, noise."""
    value, spread = rng.random(), rng.random()
    rest = (rng.random(), rng.random()) if full else (None, None)
    return (value, rng.randrange(100_000), value - spread, value + spread, *rest)


def load(store: MetricsStore, *, full: bool) -> float:
    """Fill the tables; the values by COPY, window after window."""
    rng, began = random.Random(1), time.perf_counter()
    ids: dict[str, list[int]] = {}
    for number in range(MONITORS):
        # The first window comes through the door: it makes monitor, series, head and revision.
        key = f"default/monitor{number}"
        rows = measurements(rng, full=full)
        store.write_revision(key, head(0), revision(0, "a"), rows)
        ids[key] = [store._series[series.key_of(store._monitors[key], head(0), row)] for row in rows]
    with store._database.connected() as connection:
        driver = connection.connection.cursor()
        for number in range(1, WINDOWS):
            for key, of_monitor in ids.items():
                made_revision = revision_row(connection, store._monitors[key], number)
                driver.copy_expert(COPY, block(rng, number, made_revision, of_monitor, full=full))
    with store._database.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(text("VACUUM ANALYZE"))
    return time.perf_counter() - began


def revision(known: int, digest: str) -> Revision:
    return Revision(START + timedelta(days=known + 1), digest, None, True, "run", "1", "spec")


def revision_row(connection: sqlalchemy.Connection, monitor_id: int, number: int) -> int:
    """A head with its first revision."""
    span = window(number)
    texts = {"stage": "production", "dataset": "bookings", "rule": "day@UTC", "model_version": "", "reference": ""}
    place = {"monitor_id": monitor_id, "family": "drift", "window_start": span.start, "window_end": span.end}
    digest = f"{monitor_id} {number}"
    head_values = {**texts, **place, "digest": digest, "revisions": 1, "touched": 0}
    head_id = connection.execute(insert(tables.head).values(head_values)).inserted_primary_key[0]
    known = {"known_at": span.end, "recorded_at": span.end, "input_digest": "a", "is_final": True}
    source = {"run": "run", "code_version": "1", "spec": "spec"}
    values = {"head_id": head_id, "number": 1, **known, **source}
    made: int = connection.execute(insert(tables.revision).values(values)).inserted_primary_key[0]
    connection.execute(tables.head.update().where(tables.head.c.id == head_id).values(revision_id=made))
    return made


def block(rng: random.Random, number: int, revision_id: int, of_monitor: list[int], *, full: bool) -> io.StringIO:
    """One monitor's values of one window, as COPY reads them."""
    moment, lines = window(number).start.isoformat(), io.StringIO()
    for id_ in of_monitor:
        value, n, *others = numbers(rng, full=full)
        told = "\t".join("\\N" if x is None else repr(x) for x in (value, *others))
        lines.write(f"{moment}\t{told}\t{n}\t{revision_id}\t{id_}\tok\t\n")
    lines.seek(0)
    return lines


def weigh(store: MetricsStore) -> dict[str, float]:
    """Bytes a value: the table, its index, and everything else that the values need."""

    def size(expression: str) -> float:
        with store._database.reading() as connection:
            return float(connection.scalar(text(f"SELECT {expression}"))) / VALUES

    rest = " + ".join(f"pg_total_relation_size('{name}')" for name in ("series", "head", "revision"))
    return {
        "table_bytes": round(size("pg_relation_size('measurement')"), 1),
        "index_bytes": round(size("pg_indexes_size('measurement')"), 1),
        "texts_bytes": round(size(rest), 1),
        "bytes": round(size(f"pg_total_relation_size('measurement') + {rest}"), 1),
    }


def read(store: MetricsStore) -> dict[str, float]:
    """Milliseconds, medians: one metric of all columns and windows; one series; in SQL, by view and by the door."""
    which = {"monitor": store._monitors["default/monitor2"]}
    body = (
        "SELECT s.column_name, m.window_start, m.value, m.low, m.high FROM series s "
        "JOIN measurement m ON m.series_id = s.id JOIN head h ON h.revision_id = m.revision_id "
        "WHERE s.monitor_id = :monitor AND s.metric = 'metric 7'"
    )
    view = (
        "SELECT column_name, window_start, value, low, high FROM measurements_current "
        "WHERE monitor = 'default/monitor2' AND metric = 'metric 7'"
    )
    one = " AND column_name = 'column 5'"
    with store._database.reading() as connection:
        times = {
            name: median(lambda statement=statement: len(connection.execute(text(statement), which).all()), expected)
            for name, statement, expected in (
                ("panel_ms", body, COLUMNS * WINDOWS),
                ("series_ms", body + one, WINDOWS),
                ("panel_view_ms", view, COLUMNS * WINDOWS),
                ("series_view_ms", view + one, WINDOWS),
            )
        }
    history = lambda: len(store.history("default/monitor2", metric="metric 7"))  # noqa: E731
    times["panel_history_ms"] = median(history, COLUMNS * WINDOWS)
    judged = lambda: len(store.current("default/monitor2", start=window(WINDOWS - 7).start))  # noqa: E731
    times["current_week_ms"] = median(judged, 7 * COLUMNS * METRICS)
    return times


def median(run: Callable[[], int], expected: int) -> float:
    """Milliseconds of a run in the middle, after two to warm up."""
    spent = []
    for _ in range(17):
        began = time.perf_counter()
        rows = run()
        spent.append(time.perf_counter() - began)
        assert rows == expected, f"{rows} rows instead of {expected}"
    return round(statistics.median(spent[2:]) * 1000, 3)


def write(store: MetricsStore) -> dict[str, float]:
    """Milliseconds to store one window of one monitor (4,000 values), and to find that there is nothing to store."""
    rng, first, again = random.Random(2), [], []
    for number in range(WINDOWS, WINDOWS + 7):
        rows = measurements(rng)
        for spent in (first, again):
            began = time.perf_counter()
            store.write_revision("default/monitor2", head(number), revision(number, "a"), rows)
            spent.append(time.perf_counter() - began)
    return {
        "write_window_ms": round(statistics.median(first) * 1000, 1),
        "rewrite_window_ms": round(statistics.median(again) * 1000, 1),
    }


def page(report: dict[str, Any]) -> str:
    """The report as Markdown."""
    lines = [
        "# The metrics database",
        "",
        f"PostgreSQL, {VALUES:,} values ({report['shape']}), arriving window after window; {report['machine']}.",
        "Made by `python tests/benchmarks/store.py`. Times are medians of 15 runs, rows fetched.",
        "",
        "| | all five numbers | value and interval | design |",
        "|---|---|---|---|",
    ]
    told = {
        "bytes": "bytes a value, with everything",
        "table_bytes": "… the table",
        "index_bytes": "… its index",
        "texts_bytes": "… series, heads, revisions",
        "panel_ms": "200 columns × 50 windows of one metric, ms",
        "series_ms": "one series of 50 windows, ms",
        "panel_view_ms": "the first through the view, ms",
        "series_view_ms": "the second through the view, ms",
        "panel_history_ms": "the first as `history()` (DataFrame), ms",
        "current_week_ms": "`current()`: 7 windows × 4,000 values, ms",
        "write_window_ms": "`write_revision`: 4,000 values, ms",
        "rewrite_window_ms": "… the same inputs again, ms",
    }
    for name, words in told.items():
        design = DESIGN.get(name, "")
        lines.append(
            f"| {words} | {report['all five numbers'][name]} | {report['value and interval'][name]} | {design} |"
        )
    lines += [
        "",
        "The design's row listed five numbers, and no n, status or reason; ours is weighed with its index as loaded.",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
