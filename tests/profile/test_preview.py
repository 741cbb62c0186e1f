"""A declared source before its first run: rows by the clock, labels that find their predictions."""

from datetime import UTC, datetime, timedelta

import duckdb
import numpy as np
import pandas as pd
import pytest

from airflow_ml_monitor.profile.dataset import Column, Dataset, Kind
from airflow_ml_monitor.profile.engines.embedded.duckdb import DuckDB
from airflow_ml_monitor.profile.engines.embedded.duckdb_opening import opened
from airflow_ml_monitor.profile.engines.opening import Opening
from airflow_ml_monitor.profile.label_source import LabelSource
from airflow_ml_monitor.profile.queries import preview_query
from airflow_ml_monitor.profile.queries.ledger_columns import KeyReading, LedgerColumns
from airflow_ml_monitor.profile.task import Task, TaskKind

BINARY = Task(TaskKind.BINARY)


def dataset(rows, zone="UTC"):
    return Dataset("d", rows, (Column("x"),), "at", zone, ("id",))


def test_rows_are_counted_by_quarters_of_an_hour_of_the_declared_zone():
    # 03:00 on the day on which Berlin's clocks go forward follows 01:59.
    times = pd.to_datetime(["2026-03-29 01:59", "2026-03-29 03:00", "2026-03-29 03:14", None])
    found = DuckDB().preview(dataset(pd.DataFrame({"at": times, "x": 1.0, "id": range(4)}), "Europe/Berlin"))
    expected = {datetime(2026, 3, 29, 0, 45, tzinfo=UTC): 1, datetime(2026, 3, 29, 1, 0, tzinfo=UTC): 2}
    assert dict(found.steps) == expected
    assert (found.rows, found.untimed, found.faults) == (4, 1, {})


def test_an_infinite_time_is_none(tmp_path):
    path = tmp_path / "rows.parquet"
    # Arrow knows no infinite times, DuckDB's files do.
    everything = "SELECT unnest(['infinity'::TIMESTAMP, '2026-03-02 10:20'::TIMESTAMP]) AS at, 1.0 AS x, 1 AS id"
    duckdb.sql(everything).write_parquet(str(path))
    found = DuckDB().preview(dataset(path))
    assert found.untimed == 1
    assert found.steps == ((datetime(2026, 3, 2, 10, 15, tzinfo=UTC), 1),)


@pytest.mark.parametrize("times", [None, "as text"])
def test_a_time_that_is_none_leaves_rows_without_a_place(times):
    found = DuckDB().preview(dataset(pd.DataFrame({"at": [times] * 3, "x": "a", "id": range(3)})))
    assert (found.rows, found.untimed, found.steps) == (3, 3, ())
    assert list(found.faults) == ["x"]


def test_columns_that_are_not_there_have_no_type():
    found = DuckDB().preview(dataset(pd.DataFrame({"x": [1.0], "y": [2]})), "y", "z")
    assert set(found.types) == {"x", "y"}


def label_rows(ids):
    return pd.DataFrame({"key": ids, "y": 1, "known": pd.Timestamp("2026-03-05")})


def source(rows, zone="UTC"):
    return LabelSource("l", rows, "y", ("key",), "known", zone)


@pytest.mark.parametrize(("mine", "theirs"), [(int, int), (int, str), (float, int), (int, float), (str, float)])
def test_arrivals_are_those_of_the_rows_whatever_the_types_of_the_keys(mine, theirs):
    # 0 and 1 have labels, 1 two of them; 8 and 9 are nobody's.
    predictions = pd.DataFrame({"id": pd.Series(range(4)).astype(mine), "at": pd.Timestamp("2026-03-02"), "x": 1.0})
    labels = label_rows(pd.Series([0, 1, 1, 8, 9]).astype(theirs))
    found = DuckDB().arrivals(dataset(predictions), BINARY, source(labels))
    counts = (found.predictions, found.labelled, found.orphans, found.labels, found.repeated)
    assert counts == (4, 2, 2, 4, 1)
    assert (found.median, found.p99, found.early) == (3.0, 3.0, 0.0)


def test_delays_are_taken_between_the_clocks_of_both_sides():
    at = pd.Timestamp("2026-03-02 12:00")
    predictions = pd.DataFrame({"id": range(4), "at": at, "x": 1.0})
    known = [at + timedelta(hours=h) for h in (0, 24, 48, 72)]
    labels = label_rows(range(4)).assign(known=known)
    # Noon in Auckland, 13 hours ahead that day, is 23:00 UTC of the day before.
    found = DuckDB().arrivals(dataset(predictions), BINARY, source(labels, "Pacific/Auckland"))
    assert found.median == pytest.approx(1.5 - 13 / 24)
    assert found.early == 0.25


def test_sources_without_times_have_no_delays():
    rows = pd.DataFrame({"id": [1], "at": [None], "x": 1.0})
    found = DuckDB().arrivals(dataset(rows), BINARY, source(label_rows([1]).drop(columns="known")))
    assert found.labelled == 1
    assert (found.median, found.p99, found.early) == (None, None, None)


def test_keys_that_are_picked_by_their_hash_are_the_same_on_both_sides():
    ids = np.arange(5_000)
    rows = pd.DataFrame({"id": ids.astype(float)})
    about = Opening(Dataset("d", rows, (), "", entity_key=("id",)), ("id",))
    labels = LabelSource("l", label_rows(ids.astype(str)), "y", ("key",))
    columns = LedgerColumns(
        Dataset("d", None, (), "", entity_key=("id",)), BINARY, keys=((KeyReading.WHOLE_AS_TEXT, KeyReading.TEXT),)
    )
    with opened(duckdb.connect(), {"source": about, "labels": Opening(labels, ("key", "y"))}) as scan:
        plain = LabelSource("l", None, "y", ("key",))
        [found] = scan.rows(preview_query.arrivals, columns, plain, (None, None), 10)
    assert found[:5] == (found[0], found[0], 0, found[0], 0)
    assert 400 < found[0] < 600


@pytest.mark.parametrize(
    ("values", "positive", "expected"),
    [([0, 1, 1, None], 1, (3, 2, 2)), (["no", "yes", "maybe"], "yes", (3, 1, 3)), ([True, False], True, (2, 1, 2))],
)
def test_labels_are_counted_by_what_the_task_calls_positive(values, positive, expected):
    labels = LabelSource("l", pd.DataFrame({"key": range(len(values)), "y": values}), "y", ("key",))
    assert DuckDB().label_values(Task(TaskKind.BINARY, positive), labels) == expected


def test_a_categorical_column_may_arrive_as_anything():
    rows = pd.DataFrame({"at": [pd.Timestamp("2026-03-02")], "x": [1.5], "id": [1]})
    declared = Dataset("d", rows, (Column("x", Kind.CATEGORICAL),), "at", entity_key=("id",))
    assert DuckDB().preview(declared).faults == {}
