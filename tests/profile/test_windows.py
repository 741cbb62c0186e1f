"""Which rows a window holds, which files it reads, and what names them."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from airflow_ml_monitor.keys import EVER, WHOLE, Window, WindowRule, WindowUnit
from airflow_ml_monitor.profile.dataset import Dataset, Kind
from airflow_ml_monitor.profile.engines.embedded import files
from airflow_ml_monitor.profile.engines.embedded.duckdb import DuckDB
from airflow_ml_monitor.profile.layout import Layout

BERLIN = ZoneInfo("Europe/Berlin")
NO_COLUMNS = Layout(())


def times(moments: list[Any], kind: pa.DataType, **more: Any) -> Dataset:
    table = pa.table({"at": pa.array(moments, kind), "id": list(range(len(moments)))})
    return Dataset("d", table, (), "at", **more)


def count(engine: DuckDB, dataset: Dataset, window: Window) -> int:
    return engine.profile(dataset, NO_COLUMNS, window).rows[WHOLE]


def half_hours(first: datetime, hours: int) -> list[datetime]:
    return [first + timedelta(minutes=30 * i) for i in range(2 * hours)]


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 6, 1), 24)])
def test_days_of_23_and_25_hours_hold_as_many_hours_of_aware_times(either: DuckDB, day: date, hours: int) -> None:
    window = WindowRule(WindowUnit.DAY, "Europe/Berlin").containing(
        datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    )
    dataset = times(half_hours(window.start - timedelta(days=1), 72), pa.timestamp("us", "UTC"))
    assert count(either, dataset, window) == 2 * hours


@pytest.mark.parametrize("day", [date(2026, 3, 29), date(2026, 10, 25)])
def test_naive_times_are_read_by_the_clock_of_the_declared_zone(either: DuckDB, day: date) -> None:
    # By the clock on the wall every half hour of the day, those that came twice or never included.
    noon = datetime(day.year, day.month, day.day, 12)
    window = WindowRule(WindowUnit.DAY, "Europe/Berlin").containing(noon.replace(tzinfo=BERLIN))
    dataset = times(half_hours(noon - timedelta(hours=36), 72), pa.timestamp("us"), zone="Europe/Berlin")
    assert count(either, dataset, window) == 48


def test_days_part_all_naive_times_between_them_without_a_gap(either: DuckDB) -> None:
    moments = half_hours(datetime(2026, 10, 24), 72)
    dataset = times(moments, pa.timestamp("ms"), zone="Europe/Berlin")
    rule = WindowRule(WindowUnit.DAY, "Europe/Berlin")
    days = list(rule.between(datetime(2026, 10, 23, 12, tzinfo=UTC), datetime(2026, 10, 27, 12, tzinfo=UTC)))
    assert sum(count(either, dataset, day) for day in days) == len(moments)


@pytest.mark.parametrize("kind", [pa.timestamp(u) for u in ("s", "ms", "us", "ns")] + [pa.timestamp("ns", "UTC")])
def test_a_window_includes_its_start_and_not_its_end(either: DuckDB, oracle: ModuleType, kind: pa.DataType) -> None:
    start, end = oracle.DAY.start, oracle.DAY.end
    moments = [start - timedelta(seconds=1), start, end - timedelta(seconds=1), end]
    dataset = times([m if kind.tz else m.replace(tzinfo=None) for m in moments], kind)
    profile = either.profile(dataset, NO_COLUMNS, oracle.DAY)
    assert profile.rows[WHOLE] == 2
    assert profile.newest == end - timedelta(seconds=1)


def test_dates_are_midnights_in_the_declared_zone(either: DuckDB) -> None:
    window = WindowRule(WindowUnit.DAY, "Europe/Berlin").containing(datetime(2026, 3, 29, 12, tzinfo=UTC))
    dataset = times([date(2026, 3, 28), date(2026, 3, 29), date(2026, 3, 30)], pa.date32(), zone="Europe/Berlin")
    profile = either.profile(dataset, NO_COLUMNS, window)
    assert profile.rows[WHOLE] == 1
    assert profile.newest == datetime(2026, 3, 28, 23, tzinfo=UTC)


def test_rows_without_an_event_time_are_in_no_window_but_in_a_reference(either: DuckDB, oracle: ModuleType) -> None:
    dataset = times([None, oracle.NOON, None], pa.timestamp("us", "UTC"))
    assert count(either, dataset, oracle.DAY) == 1
    assert count(either, dataset, EVER) == 3
    empty = times([None], pa.timestamp("us", "UTC"))
    assert either.profile(empty, NO_COLUMNS, EVER).newest is None


@pytest.mark.parametrize("kind", [pa.timestamp("us"), pa.timestamp("us", "UTC")])
def test_a_time_beyond_the_calendar_ends_no_scan(either: DuckDB, kind: pa.DataType) -> None:
    last = datetime(9999, 12, 31, 23, 30, tzinfo=UTC)
    since_1970 = int((last - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()) * 1_000_000
    moments = pa.array([0, since_1970 + 3_600_000_000], pa.int64()).cast(kind)
    dataset = Dataset("d", pa.table({"at": moments}), (), "at", zone="America/New_York")
    profile = either.profile(dataset, NO_COLUMNS, EVER)
    assert (profile.rows[WHOLE], profile.newest) == (2, None)


def test_keys_are_duplicates_within_a_window_only(either: DuckDB) -> None:
    # The 25-hour day: the key comes again on it, an hour after midnight UTC, and once more the day after.
    window = WindowRule(WindowUnit.DAY, "Europe/Berlin").containing(datetime(2026, 10, 25, 12, tzinfo=UTC))
    moments = [window.start, window.start + timedelta(hours=24, minutes=30), window.end]
    table = pa.table({"at": pa.array(moments, pa.timestamp("us", "UTC")), "id": ["k", "k", "k"], "part": [1, 1, 1]})
    assert either.profile(Dataset("d", table, (), "at", entity_key=("id", "part")), NO_COLUMNS, window).duplicates == 1
    assert either.profile(Dataset("d", table, (), "at", entity_key=("id",)), NO_COLUMNS, EVER).duplicates == 0


@pytest.fixture
def month(tmp_path: Path) -> Path:
    for day in range(10):
        start = datetime(2026, 3, 25 if day < 5 else 20) + timedelta(days=day)
        moments = half_hours(start, 24)
        table = pa.table({
            "at": pa.array(moments, pa.timestamp("us")),
            "x": pa.array([float(i % 30) + day for i in range(len(moments))]),
        })  # fmt: skip
        pq.write_table(table, tmp_path / f"{day}.parquet", row_group_size=10)
    return tmp_path


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "Asia/Kolkata", "America/Los_Angeles"])
def test_skipping_files_by_their_footers_changes_no_profile(
    engine: DuckDB, oracle: ModuleType, month: Path, zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = oracle.dataset(month / "*.parquet", {"x": Kind.NUMERIC}, zone=zone)
    layout = engine.layout(dataset, EVER)
    windows = list(
        WindowRule(WindowUnit.DAY, zone).between(datetime(2026, 3, 24, tzinfo=UTC), datetime(2026, 4, 5, tzinfo=UTC))
    )
    every = files.files_of(month / "*.parquet")
    assert any(len(files.holding(every, "at", zone, window)) < 3 for window in windows)
    pruned = [engine.profile(dataset, layout, window) for window in windows]
    monkeypatch.setattr(files, "_may_hold", lambda *_: True)
    for window, profile in zip(windows, pruned, strict=True):
        whole = engine.profile(dataset, layout, window)
        assert whole.rows == profile.rows
        assert whole.newest == profile.newest
        oracle.same_profile(profile, whole.cells)


def test_a_fingerprint_changes_only_for_windows_that_the_touched_file_may_hold(
    engine: DuckDB, oracle: ModuleType, month: Path
) -> None:
    dataset = oracle.dataset(month / "*.parquet", {"x": Kind.NUMERIC})
    windows = list(
        WindowRule(WindowUnit.DAY).between(datetime(2026, 3, 25, tzinfo=UTC), datetime(2026, 3, 30, tzinfo=UTC))
    )
    before = engine.fingerprints(dataset, windows)
    assert engine.fingerprints(dataset, windows) == before
    assert len(set(before)) == 5
    os.utime(month / "2.parquet", ns=(1, 1))
    after = engine.fingerprints(dataset, windows)
    assert [a == b for a, b in zip(before, after, strict=True)] == [True, True, False, True, True]
    assert engine.fingerprints(dataset, [EVER]) != [before[0]]


def test_a_new_file_without_statistics_may_hold_any_window(engine: DuckDB, oracle: ModuleType, month: Path) -> None:
    dataset = oracle.dataset(month / "*.parquet", {"x": Kind.NUMERIC})
    window = Window(datetime(2026, 3, 25, tzinfo=UTC), datetime(2026, 3, 26, tzinfo=UTC))
    before = engine.fingerprints(dataset, [window])
    table = pa.table({"at": pa.array([datetime(2026, 3, 25, 5)], pa.timestamp("us")), "x": [1.0]})
    pq.write_table(table, month / "new.parquet", write_statistics=False)
    assert engine.fingerprints(dataset, [window]) != before
    assert engine.profile(dataset, engine.layout(dataset, EVER), window).rows[WHOLE] == 97


def test_files_of_other_columns_are_read_by_name(either: DuckDB, oracle: ModuleType, tmp_path: Path) -> None:
    at = pa.array([oracle.NOON] * 2, pa.timestamp("us", "UTC"))
    pq.write_table(pa.table({"at": at, "x": [1, 2], "old": ["p", "q"]}), tmp_path / "1.parquet")
    pq.write_table(pa.table({"new": [True, False], "x": [2.5, 3.5], "at": at}), tmp_path / "2.parquet")
    dataset = oracle.dataset(tmp_path / "*.parquet", {"x": Kind.NUMERIC, "new": Kind.BOOLEAN})
    profile = either.profile(dataset, either.layout(dataset, EVER), oracle.DAY)
    assert profile.faults == {}
    assert profile.cells[WHOLE, "x"].d1.sum() == pytest.approx(9.0 - 4 * either.layout(dataset, EVER)["x"].centre)
    assert profile.cells[WHOLE, "new"].count.tolist() == [2, 1, 1]


def test_the_window_of_a_table_in_memory_is_named_by_its_contents(engine: DuckDB, oracle: ModuleType) -> None:
    first, same, other = (
        oracle.dataset(pa.table({"at": [oracle.NOON] * 2, "x": [1.0, x]}), {"x": Kind.NUMERIC}) for x in (2.0, 2.0, 3.0)
    )
    named = [engine.fingerprints(dataset, [oracle.DAY])[0] for dataset in (first, same, other)]
    assert named[0] == named[1] != named[2]
