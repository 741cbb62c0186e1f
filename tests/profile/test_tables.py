"""Tables of PostgreSQL: what only it has, what names their rows, and what is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from types import ModuleType
from typing import Any

import pytest
import sqlalchemy as sa

from airflow_ml_monitor.errors import ScanError, SpecError
from airflow_ml_monitor.keys import EVER, WHOLE, Window
from airflow_ml_monitor.profile.dataset import Kind
from airflow_ml_monitor.profile.engines.databases.sql import SQL
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
    engine = SQL(lambda _connection: sa.make_url("mssql://u:hunter2@account/db"))
    with pytest.raises(SpecError, match="connection 'w' is of mssql") as raised:
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
