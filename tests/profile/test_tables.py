"""Tables of PostgreSQL against the oracle: every type, odd names, what names their rows, and what is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from types import ModuleType
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import sqlalchemy as sa

from airflow_ml_monitor.errors import ScanError, SpecError
from airflow_ml_monitor.keys import EVER, WHOLE, Window
from airflow_ml_monitor.profile.dataset import Kind
from airflow_ml_monitor.profile.engines.duckdb import DuckDB
from airflow_ml_monitor.profile.engines.sql import SQL
from airflow_ml_monitor.profile.layout import GRID
from airflow_ml_monitor.profile.table import Table

pytestmark = pytest.mark.servers


@pytest.fixture(scope="module")
def there(
    builders: Callable[[str], ModuleType], empty_database: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Any]:
    """The engine of tables, which brings what it is given in memory into a database first."""
    with empty_database("postgresql", tmp_path_factory.mktemp("tables")) as url:
        yield builders("profile/database_tables.py").InDatabase(url)


@pytest.fixture
def run(there: Any) -> Iterator[Callable[..., None]]:
    """Runs statements in the database, each in a transaction of its own."""
    engine = sa.create_engine(there.url)

    def statements(*texts: str) -> None:
        for text in texts:
            with engine.begin() as connection:
                connection.exec_driver_sql(text.replace("%", "%%"))

    yield statements
    engine.dispose()


def test_every_type_is_cut_like_numpy_cuts_it(
    there: Any, oracle: ModuleType, rows: ModuleType, builders: Callable[[str], ModuleType]
) -> None:
    agree = builders("profile/test_cells_agree.py")
    now, before = agree.columns(2), agree.arrow(agree.columns(1))
    dataset = oracle.dataset(agree.arrow(now), agree.KINDS, slice_by=("group", "flag"))
    layout = there.layout(replace(dataset, source=before), EVER)
    profile = there.profile(dataset, layout, oracle.DAY)
    assert profile.faults == {}
    oracle.same_profile(profile, oracle.profile_cells(rows, agree.seen(now), layout))
    # What is no cell, as the other engine has it.
    same = DuckDB(small=-1).profile(dataset, layout, oracle.DAY)
    assert (profile.traces.hours, profile.traces.unseen) == (same.traces.hours, same.traces.unseen)
    assert (profile.newest, profile.duplicates) == (same.newest, same.duplicates)
    assert profile.traces.columns == {**same.traces.columns, **OF_OTHER_NAME}
    np.testing.assert_allclose(profile.traces.products.matrix, same.traces.products.matrix, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(profile.traces.products.sums, same.traces.products.sums, rtol=1e-9, atol=1e-9)


OF_OTHER_NAME = {
    "unsigned": "DECIMAL(20,0)",
    "few": "SMALLINT",
    **dict.fromkeys(("seconds", "millis", "nanos"), "TIMESTAMP"),
    "zoned_nanos": "TIMESTAMP WITH TIME ZONE",
}
"""Types that PostgreSQL has not."""


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
    oracle.same_profile(profile, oracle.profile_cells(rows, {"x": wild}, layout))


def test_types_that_only_the_database_has_are_read_as_what_they_are(
    there: Any, oracle: ModuleType, run: Callable[..., None]
) -> None:
    run(
        'CREATE SCHEMA "Odd.Schema"',
        "CREATE TYPE mood AS ENUM ('good', 'bad')",
        "CREATE DOMAIN percent AS numeric(5,2) CHECK (VALUE <= 100)",
        'CREATE TABLE "Odd.Schema"."Ümläut ""%"" Table" (at timestamptz, padded char(8), feeling mood, id uuid, '
        'share percent, anything numeric, "Größe %" real, code double precision)',
        'INSERT INTO "Odd.Schema"."Ümläut ""%"" Table" SELECT \'2026-03-01 10:00+00\', '
        "CASE i % 2 WHEN 0 THEN 'even' ELSE 'odd' END, (CASE i % 2 WHEN 0 THEN 'good' ELSE 'bad' END)::mood, "
        "md5((i % 2)::text)::uuid, i, CASE i WHEN 1 THEN 1e300 WHEN 2 THEN 1e400 WHEN 3 THEN 1e-400 "
        "WHEN 4 THEN 'NaN' WHEN 5 THEN -1e400 ELSE i END, i, i % 3 FROM generate_series(1, 60) AS i",
    )
    kinds = dict.fromkeys(("padded", "feeling", "id", "code"), Kind.CATEGORICAL)
    kinds |= dict.fromkeys(("share", "anything", "Größe %"), Kind.NUMERIC)
    source = Table("warehouse", '"Odd.Schema"."Ümläut ""%"" Table"')
    dataset = oracle.dataset(source, kinds, entity_key=("share",))
    layout = there.layout(dataset, EVER)
    assert layout["padded"].categories == ("even", "odd")
    assert layout["feeling"].categories == ("bad", "good")
    assert layout["code"].categories == ("0", "1", "2")
    profile = there.profile(dataset, layout, oracle.DAY)
    assert (profile.faults, profile.duplicates) == ({}, 0)
    assert dict(profile.traces.columns)["share"] == "DECIMAL"
    anything = profile.cells[WHOLE, "anything"]
    special = {int(b): int(n) for b, n in zip(anything.bucket, anything.count, strict=True) if b < -1000}
    assert sorted(special.values()) == [1, 1, 1]  # NaN and both infinities
    assert anything.rows == 60
    before = there.fingerprints(dataset, [oracle.DAY])
    run('DELETE FROM "Odd.Schema"."Ümläut ""%"" Table" WHERE share = 7')
    assert there.fingerprints(dataset, [oracle.DAY]) != before


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
        assert of_table.traces.candidates == of_file.traces.candidates


def test_a_table_that_is_not_there_is_a_fault_and_has_a_name(there: Any, oracle: ModuleType) -> None:
    dataset = oracle.dataset(Table("warehouse", "scores.nowhere"), {"x": Kind.NUMERIC})
    layout = there.layout(replace(dataset, source=pa.table({"x": [1.0, 2.0] * 20})), EVER)
    assert "no table scores.nowhere of connection 'warehouse'" in there.profile(dataset, layout, oracle.DAY).faults[""]
    assert len(set(there.fingerprints(dataset, [oracle.DAY, EVER]))) == 1


def test_a_window_has_another_name_after_any_change_of_its_rows_alone(
    there: Any, oracle: ModuleType, run: Callable[..., None]
) -> None:
    run(
        "CREATE TABLE growing (at timestamptz, x integer)",
        "INSERT INTO growing SELECT '2026-03-01'::timestamptz + i * interval '1 hour', i FROM generate_series(0, 71) i",
        "CREATE VIEW seen AS SELECT at, x FROM growing",
    )
    days = [Window(oracle.DAY.start + timedelta(days=i), oracle.DAY.end + timedelta(days=i)) for i in range(3)]
    for name in ("growing", "seen"):
        dataset = oracle.dataset(Table("warehouse", name), {"x": Kind.NUMERIC})
        before = there.fingerprints(dataset, days)
        assert before == [there.fingerprints(dataset, [day])[0] for day in days]
        assert len(set(before)) == 3
        for change in (
            "INSERT INTO growing VALUES ('2026-03-02 05:00+00', 5)",
            "UPDATE growing SET x = x + 1 WHERE at = '2026-03-02 07:00+00'",
            "DELETE FROM growing WHERE at = '2026-03-02 09:00+00'",
        ):
            run(change)
            after = there.fingerprints(dataset, days)
            assert [a == b for a, b in zip(before, after, strict=True)] == [True, False, True], (name, change)
            before = after
        run("INSERT INTO growing VALUES ('2026-03-02 09:00+00', 9)")
    whole = there.fingerprints(dataset, [EVER])
    run("DROP VIEW seen", "ALTER TABLE growing ADD COLUMN y integer DEFAULT 7", "CREATE VIEW seen AS TABLE growing")
    assert there.fingerprints(dataset, [EVER]) != whole


def test_nothing_is_written_and_a_statement_that_takes_too_long_is_given_up(
    there: Any, oracle: ModuleType, run: Callable[..., None]
) -> None:
    run(
        "CREATE FUNCTION slow() RETURNS integer VOLATILE LANGUAGE sql AS 'SELECT 1 FROM pg_sleep(0.3)'",
        "CREATE VIEW late AS SELECT now() AS at, slow() AS x",
        "CREATE TABLE log (n integer)",
        "CREATE FUNCTION noted() RETURNS integer VOLATILE LANGUAGE sql AS 'INSERT INTO log VALUES (1) RETURNING n'",
        "CREATE VIEW sly AS SELECT now() AS at, noted() AS x",
    )
    engine = SQL(lambda _connection: sa.make_url(there.url), timeout=timedelta(milliseconds=200))
    with pytest.raises(ScanError, match="statement_timeout"):
        engine.layout(oracle.dataset(Table("w", "late"), {"x": Kind.NUMERIC}), EVER)
    # A role's own timeout stands.
    run(f"ALTER DATABASE {sa.make_url(there.url).database} SET statement_timeout = '20s'")
    engine.layout(oracle.dataset(Table("w", "late"), {"x": Kind.NUMERIC}), EVER)
    with pytest.raises(ScanError, match="PostgreSQL gave up with ReadOnlySqlTransaction"):
        engine.layout(oracle.dataset(Table("w", "sly"), {"x": Kind.NUMERIC}), EVER)


def test_other_databases_are_refused_before_anything_is_read(oracle: ModuleType) -> None:
    engine = SQL(lambda _connection: sa.make_url("snowflake://u:hunter2@account/db"))
    with pytest.raises(SpecError, match="connection 'w' is of snowflake") as raised:
        engine.layout(oracle.dataset(Table("w", "t"), {"x": Kind.NUMERIC}), EVER)
    assert "hunter2" not in str(raised.value)


def test_a_statement_over_a_wide_table_names_the_columns_alone_that_it_reads(
    there: Any, oracle: ModuleType, run: Callable[..., None]
) -> None:
    every = [f"f{i}" for i in range(300)]
    run(
        f"CREATE TABLE wide (at timestamptz, {' float8, '.join(every)} float8)",
        f"INSERT INTO wide SELECT '2026-03-01 10:00+00', {', '.join(['i'] * 300)} FROM generate_series(1, 60) AS i",  # noqa: S608
    )
    dataset = oracle.dataset(Table("warehouse", "wide"), dict.fromkeys(every, Kind.NUMERIC))
    written: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        written.append(statement)

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    try:
        layout = there.layout(dataset, EVER)
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", note)
    assert len(layout.binnings) == 300
    # That of the columns' types, and of what rows tell together, name them all.
    assert any('"f7"' in text and '"f8"' not in text for text in written)
