"""Tables of every database against the oracle, by one suite: counts exactly, sums within 1e-9 of Σ|d|."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import sqlalchemy as sa

from airflow_ml_monitor.errors import ScanError
from airflow_ml_monitor.keys import EVER, WHOLE, Window
from airflow_ml_monitor.profile.dataset import Column, Kind, Replay, Role
from airflow_ml_monitor.profile.engines.databases.sql import SQL
from airflow_ml_monitor.profile.engines.embedded.duckdb import DuckDB
from airflow_ml_monitor.profile.layout import GRID
from airflow_ml_monitor.profile.table import Table

pytestmark = pytest.mark.servers

ALIKE = {
    "few": "SMALLINT",
    **dict.fromkeys(("seconds", "millis", "nanos"), "TIMESTAMP"),
    "zoned_nanos": "TIMESTAMP WITH TIME ZONE",
}
OF_OTHER_NAME = {
    "postgresql": {"unsigned": "DECIMAL(20,0)"},
    "mysql": {"flag": "TINYINT"},
    "spark": {"few": "TINYINT", "unsigned": "DECIMAL(20,0)"},
    "sqlite": {"unsigned": "DECIMAL(20,0)", "zoned": "TIMESTAMP", "zoned_nanos": "TIMESTAMP"},
    "snowflake": {"small": "DOUBLE", "unsigned": "BIGINT", "few": "BIGINT"},
    "redshift": {"unsigned": "DECIMAL(20,0)", "few": "BIGINT"},
    "trino": {"unsigned": "DECIMAL(20,0)", "few": "BIGINT"},
    "bigquery": {"small": "DOUBLE", "unsigned": "DECIMAL(20,0)", "few": "BIGINT"},
    "databricks": {"small": "DOUBLE", "unsigned": "DECIMAL(20,0)", "few": "BIGINT"},
}
"""Types that a database has not."""
TWINS = ["a", "A", "a ", "ä", "Ä", "ss", "ß", "", " ", "😀", "é", "e\u0301"]
"""Texts of which orders of letters take some for one."""


@pytest.fixture
def run(there: Any) -> Iterator[Callable[..., None]]:
    """Runs statements in the database, each in a transaction of its own."""
    engine = sa.create_engine(there.url)

    def statements(*texts: str) -> None:
        for text in texts:
            with engine.begin() as connection:
                connection.exec_driver_sql(text.replace("%", "%%") if there.backend != "sqlite" else text)

    yield statements
    engine.dispose()


def test_without_second_moments_cells_are_the_same_and_nothing_is_told_of_columns_together(
    there: Any, oracle: ModuleType, builders: Callable[[str], ModuleType]
) -> None:
    agree = builders("profile/test_cells_agree.py")
    full = oracle.dataset(agree.arrow(agree.columns(2)), agree.KINDS, slice_by=("group",))
    bare = replace(full, second_moments=False)
    layout, plain = (there.layout(dataset, EVER) for dataset in (full, bare))
    assert layout.ellipsoid is not None
    assert plain == replace(layout, ellipsoid=None)
    # By a layout that has a shape, too: the field may be turned off later.
    for cut_by in (layout, plain):
        told, found = (there.profile(dataset, cut_by, oracle.DAY) for dataset in (full, bare))
        assert told.traces.products is not None
        assert found.traces == replace(told.traces, products=None, scatter=None, distances={})
        oracle.same_profile(found, told.cells)


def test_every_type_is_cut_like_numpy_cuts_it(
    there: Any, oracle: ModuleType, rows: ModuleType, builders: Callable[[str], ModuleType]
) -> None:
    agree = builders("profile/test_cells_agree.py")
    now, before = agree.columns(2), agree.arrow(agree.columns(1))
    dataset = oracle.dataset(agree.arrow(now), agree.KINDS, slice_by=("group", "flag"))
    layout = there.layout(replace(dataset, source=before), EVER)
    profile = there.profile(dataset, layout, oracle.DAY)
    assert profile.faults == {}
    seen = {name: [there.held(value) for value in values] for name, values in agree.seen(now).items()}
    oracle.same_profile(profile, oracle.profile_cells(rows, seen, layout))
    # What is no cell, as the other engine has it.
    same = DuckDB(small=-1).profile(replace(dataset, source=there.as_held(dataset.source)), layout, oracle.DAY)
    assert (profile.traces.hours, profile.traces.unseen) == (same.traces.hours, same.traces.unseen)
    assert (profile.newest, profile.duplicates) == (same.newest, same.duplicates)
    assert profile.traces.columns == {**same.traces.columns, **ALIKE, **OF_OTHER_NAME[there.backend]}
    np.testing.assert_allclose(profile.traces.products.matrix, same.traces.products.matrix, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(profile.traces.products.sums, same.traces.products.sums, rtol=1e-9, atol=1e-9)


def test_arithmetic_out_of_range_is_infinite_or_nothing_and_ends_no_scan(
    there: Any, oracle: ModuleType, rows: ModuleType
) -> None:
    wild = [1e200, -1e200, 1e308, 1e308, -1e308, 1e-200, 5e-324, 0.0, -0.0, float("inf"), float("nan"), None, 1.5] * 9
    table = pa.table({"at": [oracle.NOON] * len(wild), "x": pa.array(wild, pa.float64(), from_pandas=False)})
    dataset = oracle.dataset(table, {"x": Kind.NUMERIC})
    layout = DuckDB().layout(replace(dataset, source=pa.table({"x": np.linspace(-1, 1, 1001)})), EVER)
    profile = there.profile(dataset, layout, oracle.DAY)
    assert profile.faults == {}
    assert layout["x"].resolution == GRID
    oracle.same_profile(profile, oracle.profile_cells(rows, {"x": [there.held(x) for x in wild]}, layout))


def test_a_fault_reads_as_it_does_of_a_file(there: Any, oracle: ModuleType) -> None:
    def table(x: Any) -> pa.Table:
        return pa.table({"at": [oracle.NOON] * 40, "x": x, "spare": ["a", "b"] * 20})

    dataset = oracle.dataset(table([float(i) for i in range(40)]), {"x": Kind.NUMERIC})
    layout = there.layout(dataset, EVER)
    for wrong in (table([f"{i},5" for i in range(40)]), table([True, False] * 20).rename_columns(["at", "y", "spare"])):
        of_table = there.profile(replace(dataset, source=wrong), layout, oracle.DAY)
        of_file = DuckDB().profile(replace(dataset, source=wrong), layout, oracle.DAY)
        assert of_table.faults == of_file.faults != {}
        assert of_table.traces.forms == of_file.traces.forms
        # MariaDB's true and false are numbers.
        assert there.backend == "mysql" or of_table.traces.candidates == of_file.traces.candidates


def test_a_table_that_is_not_there_is_a_fault_and_has_a_name(there: Any, oracle: ModuleType) -> None:
    dataset = oracle.dataset(Table("warehouse", "scores.nowhere"), {"x": Kind.NUMERIC})
    layout = there.layout(replace(dataset, source=pa.table({"x": [1.0, 2.0] * 20})), EVER)
    assert "no table scores.nowhere of connection 'warehouse'" in there.profile(dataset, layout, oracle.DAY).faults[""]
    assert len(set(there.fingerprints(dataset, [oracle.DAY, EVER]))) == 1


def test_texts_are_told_apart_letter_by_letter(there: Any, oracle: ModuleType, rows: ModuleType) -> None:
    names, size = TWINS * 30, len(TWINS) * 30
    table = pa.table({"at": [oracle.NOON] * size, "name": names, "x": [float(i % 7) for i in range(size)]})
    kinds = {"name": Kind.CATEGORICAL, "x": Kind.NUMERIC}
    dataset = oracle.dataset(table, kinds, slice_by=("name",), entity_key=("name",))
    layout = there.layout(dataset, EVER)
    assert layout["name"].categories == tuple(sorted(TWINS))
    profile = there.profile(dataset, layout, oracle.DAY)
    oracle.same_profile(profile, oracle.profile_cells(rows, {"name": names, "x": table["x"].to_pylist()}, layout))
    assert profile.duplicates == size - len(TWINS)
    known = replace(layout, binnings=(replace(layout["name"], categories=("a",)),), slice_by=())
    unseen = there.profile(dataset, known, oracle.DAY)
    assert unseen.cells[WHOLE, "name"].at(0) == 30
    assert set(unseen.traces.unseen["name"]) == set(TWINS) - {"a"}


def test_labels_find_their_predictions_letter_by_letter(there: Any, oracle: ModuleType) -> None:
    scored = pa.table({"id": TWINS, "at": [oracle.NOON] * len(TWINS), "score": [0.2] * len(TWINS)})
    known = pa.table({"id": ["A", "ss", "a  "], "label": [1, 1, 1], "known_at": [oracle.NOON] * 3})
    batch = there.label_entries(
        oracle.request(oracle.predictions(scored), oracle.labelled_by(known), oracle.DAYS[3].end)
    )
    counts = oracle.as_rows(batch.entries.values())
    assert (sum(n for key, n in counts.items() if key[4] == 1), batch.orphans) == (2, 1)


def test_a_table_without_rows_has_none_and_no_fault(there: Any, oracle: ModuleType, builders: Any) -> None:
    agree = builders("profile/test_cells_agree.py")
    before = agree.arrow(agree.columns(1))
    dataset = oracle.dataset(before.slice(0, 0), agree.KINDS, slice_by=("group", "flag"))
    profile = there.profile(dataset, there.layout(replace(dataset, source=before), EVER), oracle.DAY)
    assert (profile.faults, set(profile.rows.values()), profile.newest) == ({}, {0}, None)
    assert all(cells.rows == 0 for cells in profile.cells.values())


def test_a_column_may_have_any_name(there: Any, oracle: ModuleType) -> None:
    names = ["rows", "x", "select", "a b", 'a"b', "a%b", "a:b", "a.b", "Größe", "bucket", "day"]
    table = pa.table({"at": [oracle.NOON] * 40, **{name: [float(i) for i in range(40)] for name in names}})
    dataset = oracle.dataset(table, dict.fromkeys(names, Kind.NUMERIC))
    profile = there.profile(dataset, there.layout(dataset, EVER), oracle.DAY)
    assert profile.faults == {}
    assert {profile.cells[WHOLE, name].rows for name in names} == {40}


def test_a_replay_beside_the_rows_differs_where_it_does(there: Any, oracle: ModuleType) -> None:
    at = oracle.NOON
    rows = pd.DataFrame({"id": range(50), "at": at, "x": np.linspace(0, 1, 50), "t": at, "c": ["u", "v"] * 25})
    again = rows.drop(columns="at").copy()
    again.loc[:2, "x"] += 0.5
    again.loc[7, "t"] += pd.Timedelta(seconds=1)
    again.loc[9, "c"] = "U"
    columns = {"x": Kind.NUMERIC, "t": Kind.DATETIME, "c": Kind.CATEGORICAL}
    brought = there.table(again)
    dataset = oracle.dataset(there.table(rows), columns, entity_key=("id",), replay=Replay(brought))
    skew = there.engine.skew(dataset, oracle.DAY)
    assert (skew.rows, skew.joined, skew.repeated, dict(skew.differing)) == (50, 50, 0, {"x": 3, "t": 1, "c": 1})


def test_all_statements_see_one_moment_and_none_can_write(
    there: Any, oracle: ModuleType, run: Callable[..., None]
) -> None:
    table = there.table(pa.table({"at": [oracle.NOON] * 30, "x": [float(i) for i in range(30)]}))
    with there.engine._snapshot("warehouse") as (connection, _):
        counted = sa.text(f"SELECT count(*) FROM {table.name}")  # noqa: S608
        before = connection.scalar(counted)
        if there.backend != "sqlite":
            # A file of SQLite is not written while it is read, unless it keeps a log beside.
            run(f"DELETE FROM {table.name} WHERE x < 10")  # noqa: S608
        assert connection.scalar(counted) == before == 30
        with pytest.raises(sa.exc.DBAPIError, match=r"(?i)read.?only"):
            connection.exec_driver_sql(f"DELETE FROM {table.name}")  # noqa: S608
    assert there.preview(oracle.dataset(table, {"x": Kind.NUMERIC})).rows == (30 if there.backend == "sqlite" else 20)


def test_a_statement_that_takes_too_long_is_given_up(there: Any, oracle: ModuleType, run: Callable[..., None]) -> None:
    if there.backend == "postgresql":
        pytest.skip("in test_tables.py, beside a role's own timeout")
    endless = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000000) SELECT count(*) FROM n"
    )
    slow = {"mysql": "SLEEP(0.5)", "sqlite": f"({endless})"}[there.backend]
    moment = {"mysql": "NOW()", "sqlite": "'2026-03-01 10:00:00'"}[there.backend]
    run(f"CREATE VIEW late AS SELECT {moment} AS at, {slow} AS x FROM (SELECT 1 AS y UNION ALL SELECT 2) AS t")  # noqa: S608
    engine = SQL(lambda _connection: sa.make_url(there.url), timeout=timedelta(milliseconds=200))
    with pytest.raises(ScanError, match="took longer than"):
        engine.layout(oracle.dataset(Table("w", "late"), {"x": Kind.NUMERIC}), EVER)


def test_a_window_has_another_name_after_any_change_of_its_rows_alone(
    there: Any, oracle: ModuleType, run: Callable[..., None]
) -> None:
    hours = pa.table({"at": [oracle.DAY.start + timedelta(hours=i) for i in range(72)], "x": list(range(72))})
    dataset = oracle.dataset(there.table(hours), {"x": Kind.NUMERIC})
    name = dataset.source.name
    days = [Window(oracle.DAY.start + timedelta(days=i), oracle.DAY.end + timedelta(days=i)) for i in range(3)]
    before = there.fingerprints(dataset, days)
    assert before == [there.fingerprints(dataset, [day])[0] for day in days]
    assert len(set(before)) == 3
    for change in (f"UPDATE {name} SET x = 99 WHERE x = 31", f"DELETE FROM {name} WHERE x = 33"):  # noqa: S608
        run(change)
        after = there.fingerprints(dataset, days)
        assert [a == b for a, b in zip(before, after, strict=True)] == [True, False, True], change
        before = after


def test_a_role_beside_features_is_read_alike(there: Any, oracle: ModuleType) -> None:
    columns = (Column("v", Kind.CATEGORICAL, Role.VERSION), Column("x"))
    table = pa.table({"at": [oracle.NOON] * 60, "v": ["a", "A"] * 30, "x": [float(i) for i in range(60)]})
    dataset = replace(oracle.dataset(table, {}), columns=columns)
    assert there.profile(dataset, there.layout(dataset, EVER), oracle.DAY).versions == {"a": 30, "A": 30}
