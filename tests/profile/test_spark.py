"""Spark against the oracle and DuckDB, by the laws of tables: one session of two threads, in this process.

Of another release: pip install --no-deps --target=DIR "pyspark==3.5.*" "py4j==0.10.9.7", and PYTHONPATH=DIR.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from airflow_ml_monitor.errors import ScanError
from airflow_ml_monitor.keys import EVER, WHOLE, Window
from airflow_ml_monitor.profile.dataset import Dataset, Kind
from airflow_ml_monitor.profile.engines.embedded.duckdb import DuckDB
from airflow_ml_monitor.profile.engines.opening import declared
from airflow_ml_monitor.profile.kernel.batch_cells import MOST_VALUES

pytestmark = [pytest.mark.spark, pytest.mark.filterwarnings("ignore")]

LAWS = {
    "test_tables_agree": (
        "test_without_second_moments_cells_are_the_same_and_nothing_is_told_of_columns_together",
        "test_every_type_is_cut_like_numpy_cuts_it",
        "test_arithmetic_out_of_range_is_infinite_or_nothing_and_ends_no_scan",
        "test_a_fault_reads_as_it_does_of_a_file",
        "test_texts_are_told_apart_letter_by_letter",
        "test_labels_find_their_predictions_letter_by_letter",
        "test_a_column_may_have_any_name",
        "test_a_replay_beside_the_rows_differs_where_it_does",
        "test_a_role_beside_features_is_read_alike",
    ),
    "test_among": ("test_parts_by_value_hold_their_rows_alone_and_add_up_to_the_whole",),
    "test_tables_ledger": ("test_a_label_table_that_is_not_there_yet_holds_no_label",),
    "test_drawn_rows": ("test_rows_of_tables_are_drawn_there",),
}
PAIRS = [
    ("binary", "implicit"),
    ("binary", "censored"),
    ("regression", "mean"),
    ("regression and features", "explicit"),
    ("multilabel", "explicit"),
    ("ranking", "explicit"),
]
"""Whose statements have every word; each pair costs some seconds."""


@pytest.fixture(scope="module")
def there(spark_home: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    return spark_home(tmp_path_factory.mktemp("spark"), master="local[2]")


@pytest.fixture(scope="module")
def ledger(builders: Callable[[str], ModuleType]) -> ModuleType:
    return builders("profile/test_tables_ledger.py")


@pytest.fixture(scope="module")
def predictions(ledger: ModuleType, oracle: ModuleType) -> Any:
    return inspect.unwrap(ledger.predictions)(oracle)


@pytest.fixture(scope="module")
def labels(ledger: ModuleType, predictions: Any) -> Any:
    return inspect.unwrap(ledger.labels)(predictions)


@pytest.mark.parametrize(("place", "law"), [(place, law) for place, laws in LAWS.items() for law in laws])
def test_a_law_of_tables_holds(
    request: pytest.FixtureRequest, builders: Callable[[str], ModuleType], place: str, law: str
) -> None:
    asked = getattr(builders(f"profile/{place}.py"), law)
    asked(**{name: request.getfixturevalue(name) for name in inspect.signature(asked).parameters})


@pytest.mark.parametrize(("kind", "source"), PAIRS)
def test_entries_are_those_of_the_same_rows_in_memory(
    there: Any, oracle: ModuleType, ledger: ModuleType, predictions: Any, labels: Any, kind: str, source: str
) -> None:
    ledger.test_entries_are_those_of_the_same_rows_in_memory(there, oracle, predictions, labels, kind, source)


def test_what_is_seen_before_the_first_run_is_what_duckdb_sees(
    there: Any, oracle: ModuleType, ledger: ModuleType, predictions: Any, labels: Any
) -> None:
    task, columns, label = ledger.TASKS["binary"]
    rows = Dataset("p", predictions, (*columns, ledger.GROUP), "at", entity_key=("id",), slice_by=("group",))
    truth = replace(oracle.labelled_by(labels), label=label)
    here = DuckDB(small=-1)
    mine, theirs = there.preview(rows), here.preview(rows)
    assert (mine.rows, mine.span, sorted(mine.steps)) == (theirs.rows, theirs.span, sorted(theirs.steps))
    assert there.look(rows, EVER, ("score", "group")) == here.look(rows, EVER, ("score", "group"))
    assert there.label_values(task, truth) == here.label_values(task, truth)
    mine, theirs = (asdict(engine.arrivals(rows, task, truth)) for engine in (there, here))
    for name in ("median", "p99"):
        # Quantiles of so many days, interpolated.
        assert mine.pop(name) == pytest.approx(theirs.pop(name), rel=1e-9)
    assert mine == theirs
    again = replace(rows, source=predictions.append_column("truth", pa.array(np.arange(predictions.num_rows) % 2)))
    layout = here.layout(rows, EVER)
    found, expected = (engine.reference_entries(again, task, layout, "truth", EVER) for engine in (there, here))
    assert ledger.as_rows(found).keys() == ledger.as_rows(expected).keys()


def test_a_table_without_rows_has_none_and_no_fault(there: Any, oracle: ModuleType) -> None:
    before = pa.table({"at": [oracle.NOON] * 40, "x": np.arange(40) % 30 / 7, "name": ["a", "b"] * 20})
    dataset = oracle.dataset(before.slice(0, 0), {"x": Kind.NUMERIC, "name": Kind.CATEGORICAL}, slice_by=("name",))
    layout = DuckDB().layout(replace(dataset, source=before), EVER)
    profile = there.profile(dataset, layout, oracle.DAY)
    assert (profile.faults, set(profile.rows.values()), profile.newest) == ({}, {0}, None)
    assert all(cells.rows == 0 for cells in profile.cells.values())
    assert set(profile.cells) == set(there.profile(replace(dataset, source=before), layout, oracle.DAY).cells)


def test_rows_of_lowest_hash_are_kept_and_add(there: Any, oracle: ModuleType, builders: Any) -> None:
    kept = builders("profile/test_lowest_rows.py")
    frame, noon = kept.rows(oracle.DAY).assign(score=0.5), oracle.DAY.start + timedelta(hours=12)
    dataset = kept.declared(frame)
    layout = DuckDB().layout(dataset, EVER)
    windows = oracle.DAY, Window(oracle.DAY.start, noon), Window(noon, oracle.DAY.end)
    whole, *halves = (kept.sample_of(there, dataset, layout, window) for window in windows)
    kept.check_is_of(whole, frame, layout)
    assert kept.content(halves[0] + halves[1]) == kept.content(whole)


def test_rows_that_a_contract_asks_for_arrive_as_they_are(there: Any, oracle: ModuleType, builders: Any) -> None:
    agree = builders("profile/test_cells_agree.py")
    kinds = {"zoned": Kind.DATETIME, "micros": Kind.DATETIME, "day": Kind.DATETIME, "text": Kind.CATEGORICAL}
    dataset = oracle.dataset(agree.arrow(agree.columns(1)), {"plain": Kind.NUMERIC, **kinds})
    found, expected = (engine.frame(dataset, oracle.DAY, 1000) for engine in (there, DuckDB()))
    for name in expected:
        mine, theirs = (frame[name].map(str).sort_values().tolist() for frame in (found, expected))
        assert mine == theirs, name
    assert len(there.frame(dataset, oracle.DAY, 7)) == 7


def test_more_new_values_than_an_executor_remembers_are_counted_by_a_statement(there: Any, oracle: ModuleType) -> None:
    size = MOST_VALUES + 5_000
    names = [f"n{i}" for i in range(size)] + ["often"] * 50 + ["seldom"] * 19 + ["known"] * 30
    table = pa.table({"at": [oracle.NOON] * len(names), "name": names, "x": np.arange(len(names)) % 7, "key": names})
    kinds = {"name": Kind.CATEGORICAL, "x": Kind.NUMERIC, "key": Kind.CATEGORICAL}
    dataset = oracle.dataset(table, kinds)
    past = pa.table({"name": ["known"] * 40, "x": np.arange(40) % 7, "key": [f"n{i}" for i in range(40)]})
    layout = DuckDB().layout(replace(dataset, source=past), EVER)
    profile = there.profile(dataset, layout, oracle.DAY)
    assert layout["key"].categories == ()
    assert profile.traces.unseen == {"name": {"often": 50}, "key": {"often": 50, "known": 30}}
    assert profile.cells[WHOLE, "key"].count.tolist() == [len(names)]
    assert profile.cells[WHOLE, "name"].count.tolist() == [size + 69, 30]


def test_a_file_that_is_written_anew_gives_its_window_another_name_and_ends_a_scan(
    there: Any, oracle: ModuleType, tmp_path: Path
) -> None:
    def write(day: int, rows: int) -> None:
        at = [oracle.DAY.start + timedelta(days=day, minutes=i) for i in range(rows)]
        pq.write_table(pa.table({"at": at, "x": np.arange(rows)}), tmp_path / f"{day}.parquet")

    write(0, 50)
    write(1, 50)
    dataset = oracle.dataset(str(tmp_path), {"x": Kind.NUMERIC})
    days = [oracle.DAY, Window(oracle.DAY.end, oracle.DAY.end + timedelta(days=1))]
    before = there.fingerprints(dataset, days)
    assert before[0] == there.fingerprints(dataset, days[:1])[0] != before[1]
    write(1, 60)
    after = there.fingerprints(dataset, days)
    assert [a == b for a, b in zip(before, after, strict=True)] == [True, False]
    there_dataset = replace(dataset, source=there.table(dataset.source))
    with (
        pytest.raises(ScanError, match="changed while being read"),
        there.engine._opened(source=declared(there_dataset, oracle.DAY)),
    ):
        write(0, 51)
    assert there.fingerprints(replace(dataset, source=str(tmp_path / "nowhere")), days) == ["absent"] * 2


def test_a_view_is_named_by_its_rows_and_the_session_is_as_it_was(there: Any, oracle: ModuleType) -> None:
    from pyspark.sql import SparkSession

    session = SparkSession.getActiveSession()
    assert session is not None
    session.conf.set("spark.sql.session.timeZone", "America/New_York")
    frame = session.sql("SELECT id AS x, TIMESTAMP_NTZ '2026-03-01 12:00:00' AS at FROM range(100)")
    dataset = oracle.dataset(frame, {"x": Kind.NUMERIC})
    engine = there.engine
    assert engine.layout(dataset, EVER)["x"].centre == 49.5
    [name] = engine.fingerprints(dataset, [oracle.DAY])
    assert engine.fingerprints(replace(dataset, source=frame.where("x < 100")), [oracle.DAY]) == [name]
    assert engine.fingerprints(replace(dataset, source=frame.where("x < 99")), [oracle.DAY]) != [name]
    assert session.conf.get("spark.sql.session.timeZone") == "America/New_York"
    assert not [view for view in session.catalog.listTables() if view.name.startswith("ml_monitor")]
