"""The engine against numpy: every type, every source, both ways of cutting."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from airflow_ml_monitor.keys import EVER, WHOLE
from airflow_ml_monitor.profile.dataset import Kind
from airflow_ml_monitor.profile.engines.embedded.duckdb import DuckDB
from airflow_ml_monitor.profile.layout import GRID, OTHER, SLICE_GRID, Binning

SIZE = 400
T0 = datetime(2026, 3, 1)
SCHEMA = {
    "plain": (pa.float64(), Kind.NUMERIC),
    "wild": (pa.float64(), Kind.NUMERIC),
    "small": (pa.float32(), Kind.NUMERIC),
    "large": (pa.int64(), Kind.NUMERIC),
    "unsigned": (pa.uint64(), Kind.NUMERIC),
    "money": (pa.decimal128(18, 3), Kind.NUMERIC),
    "wide": (pa.decimal128(38, 2), Kind.NUMERIC),
    "few": (pa.int8(), Kind.NUMERIC),
    "flag": (pa.bool_(), Kind.BOOLEAN),
    "seconds": (pa.timestamp("s"), Kind.DATETIME),
    "millis": (pa.timestamp("ms"), Kind.DATETIME),
    "micros": (pa.timestamp("us"), Kind.DATETIME),
    "nanos": (pa.timestamp("ns"), Kind.DATETIME),
    "zoned": (pa.timestamp("us", "Europe/Berlin"), Kind.DATETIME),
    "zoned_nanos": (pa.timestamp("ns", "UTC"), Kind.DATETIME),
    "day": (pa.date32(), Kind.DATETIME),
    "text": (pa.string(), Kind.CATEGORICAL),
    "code": (pa.int64(), Kind.CATEGORICAL),
    "group": (pa.string(), Kind.CATEGORICAL),
}
KINDS = {name: kind for name, (_, kind) in SCHEMA.items()}
ODD = [float("nan"), float("inf"), float("-inf"), -0.0, 0.0, 1e308, -1e308, 5e-324, 1e-300, None]
TEXTS = ["a", "Ä", "", "😀 smile", "it's", 'say "x"', "two\nlines", "null", "NaN", "%s %%", None]


def with_nulls(rng: np.random.Generator, values: list[Any]) -> list[Any]:
    return [None if rng.random() < 0.05 else value for value in values]


def columns(seed: int) -> dict[str, list[Any]]:
    rng = np.random.default_rng(seed)
    hours = rng.integers(-5000, 5000, SIZE)
    times = [T0 + timedelta(hours=int(h), seconds=int(h) % 60) for h in hours]
    found: dict[str, list[Any]] = {
        "plain": rng.normal(3, 2, SIZE).tolist(),
        "wild": [ODD[i % len(ODD)] if i % 3 else float(rng.standard_cauchy()) for i in range(SIZE)],
        "small": rng.lognormal(0, 1, SIZE).astype(np.float32).tolist(),
        "large": (2**53 + rng.integers(-(10**6), 2**62, SIZE)).tolist(),
        "unsigned": [int(x) for x in rng.integers(2**62, 2**64, SIZE, dtype=np.uint64)],
        "money": [Decimal(int(x)) / 1000 for x in rng.integers(-(10**9), 10**9, SIZE)],
        "wide": [Decimal(int(x)) * 10**12 + Decimal("0.25") for x in rng.integers(-(10**15), 10**15, SIZE)],
        "few": rng.integers(0, 4, SIZE).tolist(),
        "flag": (rng.random(SIZE) < 0.3).tolist(),
        **{name: list(times) for name in ("seconds", "millis", "nanos", "zoned_nanos")},
        "micros": [t + timedelta(microseconds=i) for i, t in enumerate(times)],
        "zoned": [t.astimezone() + timedelta(microseconds=i) for i, t in enumerate(times)],
        "day": [date(2026, 3, 1) + timedelta(days=int(h) // 24) for h in hours],
        "text": [TEXTS[i % len(TEXTS)] for i in range(SIZE)],
        "code": rng.integers(1, 5, SIZE).tolist(),
        "group": [("north", "south", "rare")[int(i)] for i in rng.choice(3, SIZE, p=[0.6, 0.38, 0.02])],
    }
    for name in found:
        if name not in ("wild", "text"):
            found[name] = with_nulls(rng, found[name])
    return found


def arrow(found: dict[str, list[Any]]) -> pa.Table:
    table = {
        name: pa.array(found[name], kind, from_pandas=False) for name, (kind, _) in SCHEMA.items() if name in found
    }
    return pa.table({**table, "at": pa.array([T0 + timedelta(hours=1)] * len(found["plain"]), pa.timestamp("us"))})


def seen(found: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """As categories are named: by their text."""
    return {**found, "code": [None if value is None else str(value) for value in found["code"]]}


@pytest.fixture(scope="module")
def now() -> dict[str, list[Any]]:
    return columns(2)


@pytest.fixture(scope="module")
def reference() -> pa.Table:
    return arrow(columns(1))


def test_without_second_moments_cells_are_the_same_and_nothing_is_told_of_columns_together(
    either: DuckDB, oracle: ModuleType, builders: Callable[[str], ModuleType]
) -> None:
    law = builders("profile/test_tables_agree.py")
    law.test_without_second_moments_cells_are_the_same_and_nothing_is_told_of_columns_together(either, oracle, builders)


def test_arrow_tables_are_cut_like_numpy_cuts_them(
    either: DuckDB, oracle: ModuleType, rows: ModuleType, now: dict[str, list[Any]], reference: pa.Table
) -> None:
    dataset = oracle.dataset(arrow(now), KINDS, slice_by=("group", "flag"))
    layout = either.layout(replace(dataset, source=reference), EVER)
    profile = either.profile(dataset, layout, oracle.DAY)
    assert profile.faults == {}
    assert layout["wild"].is_grid
    assert layout["few"].values == (0.0, 1.0, 2.0, 3.0)
    oracle.same_profile(profile, oracle.profile_cells(rows, seen(now), layout))


def test_parquet_is_cut_like_numpy_cuts_it(
    either: DuckDB, oracle: ModuleType, rows: ModuleType, now: dict[str, list[Any]], reference: pa.Table, tmp_path: Path
) -> None:
    pq.write_table(arrow(now), tmp_path / "a.parquet", row_group_size=64)
    pq.write_table(reference, tmp_path / "reference.parquet")
    dataset = oracle.dataset(tmp_path / "a.parquet", KINDS, slice_by=("group", "flag"))
    layout = either.layout(replace(dataset, source=tmp_path / "reference.parquet"), EVER)
    profile = either.profile(dataset, layout, oracle.DAY)
    assert profile.faults == {}
    oracle.same_profile(profile, oracle.profile_cells(rows, seen(now), layout))


def test_pandas_is_cut_like_numpy_cuts_it_with_nan_as_missing(
    either: DuckDB, oracle: ModuleType, rows: ModuleType, now: dict[str, list[Any]], reference: pa.Table
) -> None:
    frame = arrow(now).select([*KINDS, "at"]).to_pandas()
    expected = seen(now)
    expected["wild"] = [None if value is None or np.isnan(value) else value for value in now["wild"]]
    dataset = oracle.dataset(frame, KINDS, slice_by=("group",))
    layout = either.layout(replace(dataset, source=reference), EVER)
    profile = either.profile(dataset, layout, oracle.DAY)
    assert profile.faults == {}
    oracle.same_profile(profile, oracle.profile_cells(rows, expected, layout))


def test_csv_is_cut_like_numpy_cuts_it_with_empty_text_as_missing(
    either: DuckDB, oracle: ModuleType, rows: ModuleType, now: dict[str, list[Any]], reference: pa.Table, tmp_path: Path
) -> None:
    names = ["plain", "wild", "small", "large", "money", "few", "flag", "micros", "day", "text", "code", "group"]
    with open(tmp_path / "a.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([*names, "at"])
        for line in zip(*(now[name] for name in names), strict=True):
            writer.writerow([*("" if value is None else value for value in line), T0 + timedelta(hours=1)])
    expected = seen(now)
    expected["text"] = [value or None for value in now["text"]]
    dataset = oracle.dataset(tmp_path / "*.csv", {name: KINDS[name] for name in names}, slice_by=("group",))
    layout = either.layout(replace(dataset, source=reference), EVER)
    profile = either.profile(dataset, layout, oracle.DAY)
    assert profile.faults == {}
    oracle.same_profile(profile, oracle.profile_cells(rows, expected, layout))


def test_a_large_csv_is_streamed_with_the_types_of_all_its_rows(
    engine: DuckDB, oracle: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("airflow_ml_monitor.profile.engines.embedded.duckdb_opening.SMALL_BYTES", 0)
    lines = ["at,x,y", *(f"2026-03-01 01:00:00,{i},{i % 7}" for i in range(30_000)), "2026-03-01 02:00:00,7.5,"]
    (tmp_path / "a.csv").write_text("\n".join(lines))
    dataset = oracle.dataset(tmp_path / "a.csv", {"x": Kind.NUMERIC, "y": Kind.NUMERIC})
    profile = engine.profile(dataset, engine.layout(dataset, EVER), oracle.DAY)
    assert profile.faults == {}
    assert profile.rows[WHOLE] == 30_001
    assert np.nanmax(profile.cells[WHOLE, "x"].high) == 29_999


def test_slices_are_exact_sums_of_the_fine_buckets(
    either: DuckDB, oracle: ModuleType, now: dict[str, list[Any]], reference: pa.Table
) -> None:
    # With one slice value for all rows, the slice's cells are the whole's, joined eight at a time.
    one = {**now, "group": ["north"] * SIZE}
    dataset = oracle.dataset(arrow(one), KINDS, slice_by=("group",))
    layout = either.layout(replace(dataset, source=reference), EVER)
    profile = either.profile(dataset, layout, oracle.DAY)
    assert profile.rows[(("group", "north"),)] == profile.rows[WHOLE] == SIZE
    for name in ("plain", "wild", "large", "zoned"):
        fine, coarse = profile.cells[WHOLE, name], profile.cells[(("group", "north"),), name]
        oracle.same_cells(fine.coarsened(GRID // SLICE_GRID), coarse)


def test_a_dataset_without_slices_is_profiled(either: DuckDB, oracle: ModuleType, now: dict[str, list[Any]]) -> None:
    dataset = oracle.dataset(arrow(now), {"plain": Kind.NUMERIC, "text": Kind.CATEGORICAL})
    profile = either.profile(dataset, either.layout(dataset, EVER), oracle.DAY)
    assert set(profile.cells) == {(WHOLE, "plain"), (WHOLE, "text")}


def test_a_slice_may_be_the_model_version(either: DuckDB, oracle: ModuleType) -> None:
    from airflow_ml_monitor.profile.dataset import Column, Dataset, Role

    table = pa.table({"at": [oracle.NOON] * 60, "v": ["a", "b"] * 30, "x": [float(i) for i in range(60)]})
    columns = (Column("v", Kind.CATEGORICAL, Role.VERSION), Column("x"))
    dataset = Dataset("d", table, columns, "at", slice_by=("v",))
    profile = either.profile(dataset, either.layout(dataset, EVER), oracle.DAY)
    assert profile.rows == {WHOLE: 60, (("v", "a"),): 30, (("v", "b"),): 30}
    assert profile.versions == {"a": 30, "b": 30}


@pytest.mark.parametrize(
    "name",
    [
        "rows",
        "x",
        "d",
        "lambda",
        "qualify",
        "pivot",
        "bucket",
        "value",
        "name",
        "day",
        "select",
        "a b",
        'a"b',
        "a%b",
        "Größe",
        "a.b",
    ],
)
def test_a_column_may_have_any_name(either: DuckDB, oracle: ModuleType, name: str) -> None:
    table = pa.table({"at": [oracle.NOON] * 40, name: [float(i) for i in range(40)], "name of": ["u", "v"] * 20})
    dataset = oracle.dataset(table, {name: Kind.NUMERIC, "name of": Kind.CATEGORICAL}, slice_by=("name of",))
    profile = either.profile(dataset, either.layout(dataset, EVER), oracle.DAY)
    assert profile.faults == {}
    assert profile.cells[WHOLE, name].rows == 40


def test_half_floats_and_pandas_categories_are_read(either: DuckDB, oracle: ModuleType) -> None:
    frame = pd.DataFrame(
        {"at": [oracle.NOON] * 40, "x": np.arange(40, dtype=np.float16), "c": pd.Categorical(["u", "v"] * 20)}
    )
    dataset = oracle.dataset(frame, {"x": Kind.NUMERIC, "c": Kind.CATEGORICAL})
    layout = either.layout(dataset, EVER)
    assert layout["c"].categories == ("u", "v")
    assert either.profile(dataset, layout, oracle.DAY).faults == {}


def test_an_unseen_value_of_a_few_valued_column_goes_to_other(either: DuckDB, oracle: ModuleType) -> None:
    def table(values: list[float]) -> pa.Table:
        return pa.table({"at": [oracle.NOON] * len(values), "x": values})

    dataset = oracle.dataset(table([1.0, 2.0, 2.0, 2.5, 7.0]), {"x": Kind.NUMERIC})
    layout = either.layout(replace(dataset, source=table([1.0, 2.0, 3.0] * 20)), EVER)
    cells = either.profile(dataset, layout, oracle.DAY).cells[WHOLE, "x"]
    assert dict(zip(cells.bucket.tolist(), cells.count.tolist(), strict=True)) == {OTHER: 2, 0: 1, 1: 2}
    assert (cells.low[0], cells.high[0]) == (2.5, 7.0)


def test_an_empty_window_has_no_rows_and_no_fault(
    either: DuckDB, oracle: ModuleType, now: dict[str, list[Any]]
) -> None:
    from airflow_ml_monitor.keys import Window

    dataset = oracle.dataset(arrow(now), KINDS, slice_by=("group",))
    empty = Window(oracle.DAY.start + timedelta(days=9), oracle.DAY.end + timedelta(days=9))
    profile = either.profile(dataset, either.layout(dataset, EVER), empty)
    assert set(profile.rows.values()) == {0}
    assert profile.newest is None
    assert all(cells.rows == 0 for cells in profile.cells.values())
    assert profile.faults == {}


def test_binnings_of_a_million_categories_stay_small(engine: DuckDB, oracle: ModuleType) -> None:
    # Every value once: none may have a bucket, and none leaves the engine.
    values = [f"person-{i}" for i in range(30_000)]
    table = pa.table({"at": [oracle.NOON] * len(values), "c": values})
    dataset = oracle.dataset(table, {"c": Kind.CATEGORICAL})
    layout = engine.layout(dataset, EVER)
    assert layout["c"] == Binning("c", Kind.CATEGORICAL)
    cells = engine.profile(dataset, layout, oracle.DAY).cells[WHOLE, "c"]
    assert cells.at(OTHER) == cells.rows == 30_000
