"""Rows joined with their replay, value by value, against what Python says of the same pairs."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_ml_monitor.errors import MissingColumn
from airflow_ml_monitor.keys import EVER, Window
from airflow_ml_monitor.profile.dataset import Column, Dataset, Kind
from airflow_ml_monitor.profile.engines.embedded.duckdb import DuckDB
from airflow_ml_monitor.profile.replay import Replay

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
INF, NAN = math.inf, math.nan
ENGINE = DuckDB()


def differing(kind: Kind, here: pa.Array, there: pa.Array, zone: str = "") -> int:
    """How many of the pairs differ."""
    numbers = pa.array(range(len(here)))
    rows = pa.table({"id": numbers, "at": pa.array([AT] * len(here), pa.timestamp("us", "UTC")), "x": here})
    replay = Replay(pa.table({"id": numbers, "x": there}), zone=zone)
    dataset = Dataset("rows", rows, (Column("x", kind),), "at", entity_key=("id",), replay=replay)
    skew = ENGINE.skew(dataset, EVER)
    assert (skew.rows, skew.joined, skew.faults) == (len(here), len(here), {})
    return skew.differing["x"]


@pytest.mark.parametrize(
    ("here", "there", "is_same"),
    [
        (1.0, 1.0, True),
        (0.1, float(pa.scalar(0.1, pa.float32()).as_py()), True),
        (1e12, 1e12 * (1 + 0.9e-6), True),
        (1e12, 1e12 * (1 + 1.1e-6), False),
        (0.0, -0.0, True),
        (0.1 + 0.2 - 0.3, 0.0, True),
        (1e-9, 0.0, False),
        (1.0, -1.0, False),
        (INF, INF, True),
        (INF, -INF, False),
        (INF, 1.0, False),
        (1e308, -1e308, False),
        (NAN, NAN, True),
        (NAN, None, True),
        (None, None, True),
        (None, 0.0, False),
        (NAN, 0.0, False),
    ],
)
def test_numbers(here: float | None, there: float | None, is_same: bool) -> None:
    a, b = (pa.array([value], pa.float64()) for value in (here, there))
    assert (differing(Kind.NUMERIC, a, b), differing(Kind.NUMERIC, b, a)) == (not is_same, not is_same)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(*[st.one_of(st.none(), st.integers(-20, 20))] * 2), min_size=1, max_size=30))
def test_whole_numbers_of_any_type_are_the_same_if_they_are_equal(pairs: list[tuple[int | None, int | None]]) -> None:
    here = pa.array([a for a, _ in pairs], pa.int32())
    there = pa.array([None if b is None else Decimal(b) for _, b in pairs], pa.decimal128(12, 3))
    assert differing(Kind.NUMERIC, here, there) == sum(a != b for a, b in pairs)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(*[st.one_of(st.none(), st.sampled_from(["a", "b", "", "A", "é"]))] * 2), min_size=1))
def test_categories_are_compared_as_texts(pairs: list[tuple[str | None, str | None]]) -> None:
    here, there = (pa.array(side, pa.string()) for side in zip(*pairs, strict=True))
    assert differing(Kind.CATEGORICAL, here, there.dictionary_encode()) == sum(a != b for a, b in pairs)


def test_codes_that_a_missing_value_made_floats_are_the_codes() -> None:
    assert differing(Kind.CATEGORICAL, pa.array([7, 8, None]), pa.array([7.0, 9.0, NAN])) == 2
    assert differing(Kind.CATEGORICAL, pa.array([7, 8, None]), pa.array(["7", "9", None])) == 1
    assert differing(Kind.BOOLEAN, pa.array([True, False, None]), pa.array([1, 1, None])) == 1


def test_times_are_compared_as_moments() -> None:
    aware = pa.array([AT, AT + timedelta(seconds=1), None], pa.timestamp("us", "UTC"))
    lisbon = AT.astimezone(timezone(timedelta(hours=9))).replace(tzinfo=None)
    naive = pa.array([lisbon, lisbon, None], pa.timestamp("ms"))
    assert differing(Kind.DATETIME, aware, naive, zone="Asia/Tokyo") == 1
    assert differing(Kind.DATETIME, aware, naive) == 2
    assert differing(Kind.DATETIME, naive, naive, zone="UTC") == 0
    fine = pa.array([AT + timedelta(microseconds=400), AT, None], pa.timestamp("us", "UTC"))
    assert differing(Kind.DATETIME, aware, fine) == 1


def desk(rows: dict[str, Any], replay: dict[str, Any], **more: Any) -> Dataset:
    columns = (Column("x"), Column("c", Kind.CATEGORICAL))
    return Dataset("rows", pa.table(rows), columns, "at", replay=Replay(pa.table(replay), **more), entity_key=("id",))


def test_only_rows_of_the_window_with_one_partner_are_compared() -> None:
    at = [AT, AT, AT, AT, AT + timedelta(days=1)]
    rows = {"id": [1, 2, 3, 4, 5], "at": at, "x": [1.0, 2.0, 3.0, 4.0, 5.0], "c": ["a"] * 5}
    replay = {"key": ["1", "3", "3", "4", "5", "6"], "x": [0.0, 3.0, 3.0, 4.0, 0.0, 0.0], "c": ["a"] * 6}
    skew = ENGINE.skew(desk(rows, replay, key=("key",)), Window(AT, AT + timedelta(hours=1)))
    assert (skew.rows, skew.joined, skew.repeated) == (4, 2, 1)
    assert skew.differing == {"x": 1, "c": 0}
    assert skew.coverage == 0.5


def test_a_column_that_cannot_be_compared_says_why_and_the_others_are_compared() -> None:
    rows = {"id": [1, 2], "at": [AT, AT], "x": [1.0, 2.0], "c": ["a", "b"]}
    skew = ENGINE.skew(desk(rows, {"id": [1, 2], "x": ["one", "two"], "c": ["a", "c"]}), EVER)
    assert skew.differing == {"c": 1}
    assert skew.faults == {"x": "column 'x' arrived as VARCHAR, declared numeric in the replay"}
    without = ENGINE.skew(desk({**rows, "x": ["1", "2"]}, {"id": [1, 2], "x": [1.0, 2.0], "c": ["a", "b"]}), EVER)
    assert (without.differing, without.faults) == ({"c": 0}, {})
    with pytest.raises(MissingColumn, match="'id' \\(key\\) is missing in the replay of 'rows'"):
        ENGINE.skew(desk(rows, {"x": [1.0], "c": ["a"]}), EVER)


def test_files_and_tables_are_compared_alike(tmp_path: Path) -> None:
    rows = {"id": list(range(100)), "at": [AT] * 100, "x": [float(i) for i in range(100)], "c": ["a"] * 100}
    replay = {"id": list(range(90)), "x": [i + (i % 9 == 0) for i in range(90)], "c": ["a"] * 90}
    dataset = desk(rows, replay)
    for name, table in (("rows", rows), ("replay", replay)):
        pq.write_table(pa.table(table), tmp_path / f"{name}.parquet")
    filed = Dataset(
        "rows",
        tmp_path / "rows.parquet",
        dataset.columns,
        "at",
        entity_key=("id",),
        replay=Replay(tmp_path / "replay*"),
    )
    assert ENGINE.skew(filed, EVER) == ENGINE.skew(dataset, EVER)
    assert ENGINE.skew(dataset, EVER).differing["x"] == 10
