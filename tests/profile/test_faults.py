"""What arrived wrong becomes a fault with a reason; nothing that is said of it quotes the data."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from airflow_ml_monitor.errors import DataFault, MonitorError, ReferenceMismatch, ScanError, SpecError
from airflow_ml_monitor.keys import EVER, WHOLE
from airflow_ml_monitor.profile.dataset import Column, Dataset, Kind, Role
from airflow_ml_monitor.profile.engines import profile_scan
from airflow_ml_monitor.profile.engines.embedded.duckdb import DuckDB
from airflow_ml_monitor.profile.layout import Binning, Layout
from airflow_ml_monitor.profile.views import ColumnView, DatasetView

CANARY = "canary-7e57"
LAYOUT = Layout((Binning("x", Kind.NUMERIC), Binning("y", Kind.NUMERIC)))


@pytest.fixture(autouse=True)
def nothing_is_said(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    caplog.set_level(logging.DEBUG)
    yield
    said = caplog.text + "".join(capfd.readouterr())
    assert CANARY not in said


def xy(source: object, **more: object) -> Dataset:
    return Dataset("d", source, (Column("x"), Column("y")), "at", **more)  # type: ignore[arg-type]


def chain(error: BaseException | None) -> str:
    """Everything that a traceback would print of an exception and its causes."""
    text = ""
    while error is not None:
        text += f"{error!r} {error}"
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return text


def test_a_missing_column_is_its_own_fault_and_the_others_are_measured(either: DuckDB, oracle: ModuleType) -> None:
    profile = either.profile(xy(pa.table({"at": [oracle.NOON], "x": [1.0]})), LAYOUT, oracle.DAY)
    assert profile.faults == {"y": "column 'y' is missing"}
    assert profile.cells[WHOLE, "x"].rows == 1
    with pytest.raises(DataFault, match="column 'y' is missing"):
        ColumnView.of(profile, LAYOUT, "y")


@pytest.mark.parametrize(
    "arrived",
    [
        pa.array([CANARY]),
        pa.array([[1.0]]),
        pa.array([True]),
        pa.array([datetime(2026, 1, 1)]),
        pa.array([{"a": 1}]),
        pa.array([b"1"]),
    ],
    ids=["text", "list", "boolean", "time", "struct", "bytes"],
)
def test_a_column_of_another_type_is_a_fault(either: DuckDB, oracle: ModuleType, arrived: pa.Array) -> None:
    profile = either.profile(xy(pa.table({"at": [oracle.NOON], "x": [1.0], "y": arrived})), LAYOUT, oracle.DAY)
    assert set(profile.faults) == {"y"}
    assert profile.faults["y"].startswith("column 'y' arrived as ")
    assert profile.faults["y"].endswith(", declared numeric")
    assert CANARY not in str(profile.faults)


def test_a_column_of_nothing_but_null_is_no_fault(either: DuckDB, oracle: ModuleType) -> None:
    profile = either.profile(xy(pa.table({"at": [oracle.NOON], "x": [1.0], "y": pa.nulls(1)})), LAYOUT, oracle.DAY)
    assert profile.faults == {}


def test_a_canary_in_a_numeric_column_of_a_csv_is_that_columns_fault(
    either: DuckDB, oracle: ModuleType, tmp_path: Path
) -> None:
    # Behind any sample that a reader would take to guess the types.
    lines = ["at,x,y", *["2026-03-01 12:00:00,1.5,2"] * 30_000, f"2026-03-01 12:00:00,1.5,{CANARY}"]
    (tmp_path / "a.csv").write_text("\n".join(lines))
    profile = either.profile(xy(tmp_path / "a.csv"), LAYOUT, oracle.DAY)
    assert profile.faults == {"y": "column 'y' arrived as VARCHAR, declared numeric"}
    assert profile.cells[WHOLE, "x"].rows == 30_001


def test_a_canary_in_a_numeric_column_of_pandas_is_that_columns_fault(either: DuckDB, oracle: ModuleType) -> None:
    frame = pd.DataFrame({"at": [oracle.NOON] * 3, "x": [1.0, np.nan, 2.0], "y": [1, CANARY, None]})
    profile = either.profile(xy(frame), LAYOUT, oracle.DAY)
    assert profile.faults == {"y": "column 'y' arrived as VARCHAR, declared numeric"}
    assert profile.rows[WHOLE] == 3
    assert len(either.fingerprints(xy(frame), [oracle.DAY])[0]) == 24


@pytest.mark.parametrize("content", [b"", CANARY.encode(), b"PAR1" + CANARY.encode() * 9 + b"PAR1"])
def test_a_broken_parquet_file_is_the_datasets_fault(
    either: DuckDB, oracle: ModuleType, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "a.parquet").write_bytes(content)
    dataset = xy(tmp_path / "*.parquet")
    assert len(either.fingerprints(dataset, [oracle.DAY])[0]) == 24
    profile = either.profile(dataset, LAYOUT, oracle.DAY)
    assert set(profile.faults) == {""}
    assert profile.faults[""].startswith("the source of 'd' cannot be read: ")
    assert CANARY not in str(profile.faults)
    with pytest.raises(DataFault):
        DatasetView(profile)


def test_a_parquet_file_broken_in_its_middle_ends_in_words_of_ours(
    engine: DuckDB, oracle: ModuleType, tmp_path: Path
) -> None:
    table = pa.table({"at": [oracle.NOON] * 5000, "x": np.arange(5000.0), "y": [f"{CANARY}{i}" for i in range(5000)]})
    pq.write_table(table, tmp_path / "a.parquet", compression="snappy")
    content = bytearray((tmp_path / "a.parquet").read_bytes())
    content[100:2000] = b"\xff" * 1900
    (tmp_path / "a.parquet").write_bytes(bytes(content))
    dataset = Dataset("d", tmp_path / "a.parquet", (Column("x"), Column("y", Kind.CATEGORICAL)), "at")
    layout = Layout((Binning("x", Kind.NUMERIC), Binning("y", Kind.CATEGORICAL)))
    try:
        said = str(engine.profile(dataset, layout, oracle.DAY).faults)
    except MonitorError as error:
        said = chain(error)
    assert said != "{}"
    assert CANARY not in said


def test_a_source_that_holds_a_value_no_cast_can_take_ends_without_quoting_it(
    engine: DuckDB, oracle: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As if the type check had let text pass: what DuckDB says then quotes the text.
    monkeypatch.setattr("airflow_ml_monitor.profile.engines.scan.is_any", lambda *_: True)
    dataset = xy(pa.table({"at": [oracle.NOON], "x": [1.0], "y": [CANARY]}))
    with pytest.raises(ScanError, match="DuckDB gave up with ConversionException") as caught:
        engine.profile(dataset, LAYOUT, oracle.DAY)
    assert CANARY not in chain(caught.value)


def test_no_file_is_the_datasets_fault(either: DuckDB, oracle: ModuleType, tmp_path: Path) -> None:
    for source in (tmp_path / "none.parquet", tmp_path / "*.csv"):
        profile = either.profile(xy(source), LAYOUT, oracle.DAY)
        assert profile.faults == {"": "no file matches the source of 'd'"}
        assert profile.rows == {WHOLE: 0}


def test_a_file_without_rows_has_none(either: DuckDB, oracle: ModuleType, tmp_path: Path) -> None:
    empty = pa.table(
        {"at": pa.array([], pa.timestamp("us")), "x": pa.array([], pa.float64()), "y": pa.array([], pa.int8())}
    )
    pq.write_table(empty, tmp_path / "a.parquet")
    profile = either.profile(xy(tmp_path / "a.parquet"), LAYOUT, oracle.DAY)
    assert (profile.faults, profile.rows[WHOLE], profile.newest) == ({}, 0, None)


@pytest.mark.parametrize("at", [None, pa.array(["2026"]), pa.array([1])])
def test_an_event_time_that_is_missing_or_no_time_is_the_datasets_fault(
    either: DuckDB, oracle: ModuleType, at: pa.Array | None
) -> None:
    table = {"x": pa.array([1.0]), "y": pa.array([1.0]), **({} if at is None else {"at": at})}
    profile = either.profile(xy(pa.table(table)), LAYOUT, oracle.DAY)
    assert set(profile.faults) == {""}
    assert "column 'at' (event time)" in profile.faults[""]


def test_a_missing_entity_key_is_the_datasets_fault(either: DuckDB, oracle: ModuleType) -> None:
    table = pa.table({"at": [oracle.NOON], "x": [1.0], "y": [2.0]})
    profile = either.profile(xy(table, entity_key=("id",)), LAYOUT, oracle.DAY)
    assert profile.faults == {"": "column 'id' (entity key) is missing"}


def test_rows_beyond_the_first_of_a_key_are_counted(either: DuckDB, oracle: ModuleType) -> None:
    table = pa.table(
        {"at": [oracle.NOON] * 6, "x": [1.0] * 6, "y": [2.0] * 6, "a": [1, 1, 1, 2, 2, 3], "b": list("uuvuuu")}
    )
    for key, duplicates in ((("a",), 3), (("a", "b"), 2), (("b",), 4)):
        assert either.profile(xy(table, entity_key=key), LAYOUT, oracle.DAY).duplicates == duplicates


def test_a_source_changed_during_the_scan_is_an_error(
    engine: DuckDB, oracle: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.parquet"
    table = pa.table({"at": [oracle.NOON] * 2, "x": [1.0, 2.0], "y": [1, 2]})
    pq.write_table(table, path)
    scanned = profile_scan.profiled

    def touched(*given: object) -> object:
        found = scanned(*given)  # type: ignore[arg-type]
        os.utime(path, ns=(1, 1))
        return found

    monkeypatch.setattr(profile_scan, "profiled", touched)
    with pytest.raises(ScanError, match="d changed while being read; run the task again"):
        engine.profile(xy(path), LAYOUT, oracle.DAY)


def test_a_reference_must_have_every_declared_column(engine: DuckDB, oracle: ModuleType) -> None:
    with pytest.raises(ReferenceMismatch, match="column 'y' is missing"):
        engine.layout(xy(pa.table({"at": [oracle.NOON], "x": [1.0]})), EVER)
    late = pa.table({"at": [datetime(2030, 1, 1, tzinfo=UTC)], "x": [1.0], "y": [1.0]})
    with pytest.raises(ReferenceMismatch, match="no rows in the reference; widen its start and end"):
        engine.layout(xy(late), oracle.DAY)


def test_a_source_of_no_known_type_is_named(engine: DuckDB, oracle: ModuleType) -> None:
    with pytest.raises(SpecError, match="a source of type dict; give a path"):
        engine.profile(xy({"x": [CANARY]}), LAYOUT, oracle.DAY)


def test_a_delay_stratum_is_no_time() -> None:
    with pytest.raises(SpecError, match="the delay stratum 'x' is a time; declare it categorical, boolean or numeric"):
        Dataset("d", "s", (Column("x", Kind.DATETIME, Role.DELAY_STRATUM),), "at")


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_calls_leave_nothing_open_behind_and_a_child_process_makes_its_own_database(oracle: ModuleType) -> None:
    engine = DuckDB(small=0)
    dataset = xy(pa.table({"at": [oracle.NOON], "x": [1.0], "y": [2.0]}))
    first = engine.profile(dataset, LAYOUT, oracle.DAY)
    again = engine.profile(dataset, LAYOUT, oracle.DAY)
    assert first.rows == again.rows
    database = engine._database()
    with pytest.raises(duckdb.CatalogException):
        database.execute("FROM source")
    child = os.fork()
    if child == 0:  # pragma: no cover
        os._exit(0 if engine.profile(dataset, LAYOUT, oracle.DAY).rows == first.rows else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
