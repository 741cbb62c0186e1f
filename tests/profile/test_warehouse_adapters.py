"""How warehouses are asked besides their statements: sessions, changes while they are read, values in texts, errors."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from types import ModuleType
from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import registry

from airflow_ml_monitor.errors import ScanError, SpecError
from airflow_ml_monitor.keys import EVER
from airflow_ml_monitor.profile.dataset import Kind
from airflow_ml_monitor.profile.engines.databases import sql_distances
from airflow_ml_monitor.profile.engines.databases.database import Database
from airflow_ml_monitor.profile.engines.databases.sql import SQL
from airflow_ml_monitor.profile.engines.databases.sql_types import type_name
from airflow_ml_monitor.profile.engines.databases.warehouse_types import column_type
from airflow_ml_monitor.profile.engines.databases.warehouse_values import literal
from airflow_ml_monitor.profile.engines.databases.warehouses import WAREHOUSES
from airflow_ml_monitor.profile.engines.opening import declared
from airflow_ml_monitor.profile.table import Table

NAMES = [*WAREHOUSES]
ENDED_AFTER_A_MINUTE = {
    "snowflake": "STATEMENT_TIMEOUT_IN_SECONDS = 60",
    "redshift": "SET statement_timeout TO 60000",
    "trino": "SET SESSION query_max_execution_time = '60s'",
    "databricks": "SET STATEMENT_TIMEOUT = 60",
}


@pytest.fixture
def there(request: pytest.FixtureRequest, builders: Callable[[str], ModuleType], pretended: ModuleType) -> Any:
    return builders("profile/database_tables.py").InDatabase(pretended.pretend(request.param), pretended.bring)


def numbers(oracle: ModuleType) -> pa.Table:
    return pa.table({"at": [oracle.NOON] * 60, "x": [float(i) for i in range(60)]})


@pytest.mark.parametrize("name", NAMES)
def test_a_session_reads_clocks_by_utc_and_gives_a_statement_up(
    name: str, oracle: ModuleType, pretended: ModuleType
) -> None:
    url = sa.make_url(pretended.pretend(name))
    pretended.bring(str(url), numbers(oracle), "numbers")
    engine = SQL(lambda _connection: url, timeout=timedelta(minutes=1))
    engine.layout(oracle.dataset(Table("w", "numbers"), {"x": Kind.NUMERIC}), EVER)
    sent = pretended.SENT[str(url.query["file"])]
    told = " ".join(sent[: len(WAREHOUSES[name].vendor.session)])
    if name != "bigquery":  # its statements have no session
        assert "UTC" in told
        assert ENDED_AFTER_A_MINUTE[name] in told


@pytest.mark.parametrize("there", ["snowflake", "trino"], indirect=True)
def test_rows_that_change_while_they_are_read_are_an_error(
    there: Any, oracle: ModuleType, pretended: ModuleType
) -> None:
    dataset = oracle.dataset(there.table(numbers(oracle)), {"x": Kind.NUMERIC})
    file = str(sa.make_url(there.url).query["file"])

    def change(which: str) -> None:
        with pretended.opened(file) as held:
            held.execute(f"UPDATE {dataset.source.name} SET x = -1 WHERE {which}")  # noqa: S608

    with there.engine._opened(source=declared(dataset, oracle.DAY)):
        pass
    with (
        pytest.raises(ScanError, match="changed while it was read; run the task again"),
        there.engine._opened(source=declared(dataset, oracle.DAY)),
    ):
        change("x = 7")
    yesterday = declared(dataset, oracle.DAYS[3])
    with there.engine._opened(source=yesterday):
        # Of another window's rows nothing is read.
        change("x = 8")


def test_what_is_not_installed_is_named(pretended: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, warehouse in WAREHOUSES.items():
        monkeypatch.delitem(registry.impls, name, raising=False)
        if name == "redshift":
            monkeypatch.delitem(registry.impls, "redshift.ml_monitor", raising=False)
            continue
        with pytest.raises(ScanError, match=r"not installed: pip install '\S+'") as raised:
            warehouse.engine(sa.make_url(f"{name}://me:hunter2@account/database"))
        assert warehouse.vendor.package in str(raised.value)
        assert "hunter2" not in str(raised.value)


def test_redshift_is_reached_by_the_driver_of_postgresql(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow_ml_monitor.profile.engines.databases.redshift import RedshiftDialect

    monkeypatch.setitem(registry.impls, "redshift.ml_monitor", lambda: RedshiftDialect)
    engine = WAREHOUSES["redshift"].engine(sa.make_url("redshift://me@cluster:5439/dev"))
    assert isinstance(engine.dialect, RedshiftDialect)
    assert engine.dialect.driver == "psycopg2"
    assert engine.dialect.create_connect_args(engine.url)[1]["host"] == "cluster"


@pytest.mark.parametrize("there", ["bigquery"], indirect=True)
def test_a_table_without_a_schema_is_refused_before_anything_is_read(there: Any, oracle: ModuleType) -> None:
    nowhere = sa.make_url(there.url.replace("/main?", "?"))
    engine = SQL(lambda _connection: nowhere)
    with pytest.raises(SpecError, match=r"names no schema, nor does its connection; write schema\.table"):
        engine.layout(oracle.dataset(Table("w", "numbers"), {"x": Kind.NUMERIC}), EVER)


@pytest.mark.parametrize("name", NAMES)
def test_what_a_warehouse_says_of_a_row_is_not_told(name: str) -> None:
    error = sa.exc.DBAPIError("SELECT 1", {}, Exception("Numeric value 'Jane Doe' is not recognized"))
    told = str(WAREHOUSES[name].refusal(error))
    assert "Jane" not in told
    assert "not run on a server of its kind" in told


def test_where_arithmetic_stops_the_remedy_is_told() -> None:
    error = sa.exc.DBAPIError("SELECT 1", {}, Exception("Floating point error: double overflow: 4e200 * 4e200"))
    told = str(WAREHOUSES["bigquery"].refusal(error))
    assert "through a view that leaves such numbers out" in told
    assert "4e200" not in told


@pytest.mark.parametrize("name", NAMES)
def test_a_text_is_the_same_text_there_whatever_it_holds(name: str, pretended: ModuleType) -> None:
    odd = [
        "",
        "it's",
        "'; DROP TABLE x --",
        "back\\slash",
        "\\'",
        "100 %",
        "%s",
        "two\nlines\t",
        "${x}",
        ":y",
        "ä😀",
        "''",
    ]
    words = WAREHOUSES[name].vendor.words
    chosen = ", ".join(f"{literal(text, sa.String(), words)} AS v{i}" for i, text in enumerate(odd))
    with pretended.opened(":memory:") as held:
        assert held.execute(pretended.translated(f"SELECT {chosen}", name)).fetchone() == tuple(odd)


@pytest.mark.parametrize(
    ("warehouse", "written", "size", "name"),
    [
        ("snowflake", "NUMBER", (38, 0), "BIGINT"),
        ("snowflake", "NUMBER", (12, 2), "DECIMAL(12,2)"),
        ("snowflake", "TIMESTAMP_LTZ", (None, None), "TIMESTAMP WITH TIME ZONE"),
        ("snowflake", "TIMESTAMP_NTZ", (None, None), "TIMESTAMP"),
        ("snowflake", "VARIANT", (None, None), "JSON"),
        ("bigquery", "NUMERIC(10, 2)", (None, None), "DECIMAL(10,2)"),
        ("bigquery", "TIMESTAMP", (None, None), "TIMESTAMP WITH TIME ZONE"),
        ("bigquery", "DATETIME", (None, None), "TIMESTAMP"),
        ("bigquery", "ARRAY<STRING>", (None, None), "VARCHAR[]"),
        ("bigquery", "STRUCT<a INT64, b STRING>", (None, None), "JSON"),
        ("redshift", "character varying", (None, None), "VARCHAR"),
        ("redshift", "timestamp with time zone", (None, None), "TIMESTAMP WITH TIME ZONE"),
        ("redshift", "timestamp without time zone", (None, None), "TIMESTAMP"),
        ("redshift", "double precision", (53, None), "DOUBLE"),
        ("trino", "timestamp(6) with time zone", (None, None), "TIMESTAMP WITH TIME ZONE"),
        ("trino", "array(varchar(20))", (None, None), "VARCHAR[]"),
        ("trino", "row(a bigint)", (None, None), "JSON"),
        ("trino", "decimal(20,0)", (None, None), "DECIMAL(20,0)"),
        ("databricks", "timestamp", (None, None), "TIMESTAMP WITH TIME ZONE"),
        ("databricks", "timestamp_ntz", (None, None), "TIMESTAMP"),
        ("databricks", "map<string,int>", (None, None), "JSON"),
        ("databricks", "geography(4326)", (None, None), "UNKNOWN"),
    ],
)
def test_a_type_of_a_catalogue_has_the_name_that_it_has_elsewhere(
    warehouse: str, written: str, size: tuple[Any, Any], name: str
) -> None:
    assert type_name(column_type(written, size, WAREHOUSES[warehouse].vendor.instants)) == name


def test_no_more_numbers_are_brought_than_a_statement_may_hold(
    builders: Callable[[str], ModuleType], oracle: ModuleType, pretended: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    shapes, bring = builders("profile/test_outlying.py"), builders("profile/database_tables.py")
    there = bring.InDatabase(pretended.pretend("trino"), pretended.bring)
    brought: list[int] = []
    plain = sql_distances._shapes

    def noted(ellipsoid: Any, patterns: list[int]) -> pa.Table:
        brought.append(len(patterns))
        return plain(ellipsoid, patterns)

    monkeypatch.setattr(sql_distances, "_shapes", noted)
    monkeypatch.setattr(type(WAREHOUSES["trino"]), "most_numbers", 40)
    dataset = oracle.dataset(shapes.with_holes(3), shapes.KINDS)
    layout = there.layout(oracle.dataset(shapes.rows(1), shapes.KINDS), EVER)
    found = there.profile(dataset, layout, oracle.DAY).traces.distances
    assert sum(found.values()) == len(shapes.with_holes(3))
    assert max(brought) * 15 <= 40 < sum(brought) * 15
    assert Database.most_numbers > 40


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("snowflake", 'SELECT LIST_SORT("t"."x") FROM "t"', "LIST_SORT is no function of snowflake"),
        ("bigquery", "SELECT DATE_PART(`t`.`x`) FROM `t`", "DATE_PART is no function of bigquery"),
        ("redshift", 'SELECT "t"."x"::DOUBLE PRECISION FROM "t"', "says ::"),
        ("trino", 'SELECT "t"."x" * 0.5 FROM "t"', "0.5 has no type"),
        ("trino", 'SELECT "t"."x" / CAST("t"."y" AS DECIMAL(38, 0)) FROM "t"', "divides decimals"),
        ("trino", 'SELECT "t"."x" = CAST(\'NaN\' AS DOUBLE) FROM "t"', "never holds"),
        ("trino", 'SELECT 1 FROM "t" GROUP BY GROUPING SETS (("t"."x"), (FLOOR("t"."y")))', "of columns alone"),
        ("databricks", "SELECT t.`x` FROM `t`", "t stands without quotes"),
        ("databricks", "SELECT ROW_NUMBER() OVER (PARTITION BY `t`.`x`) FROM `t`", "row_number needs an order"),
        ("redshift", 'SELECT SUM("t"."x") OVER (ORDER BY "t"."y") FROM "t"', "needs a frame"),
        ("redshift", 'SELECT CAST("t"."x" AS VARCHAR) FROM "t"', "would end after 256 bytes"),
        ("redshift", 'SELECT COUNT(*) FILTER (WHERE "t"."x" > 0) FROM "t"', "says FILTER"),
        ("bigquery", "SELECT SUM(`t`.`x`) AS `pinball@0.5` FROM `t`", "is no name of a column"),
        (
            "bigquery",
            "SELECT 1 FROM `t` WHERE (`t`.`x`, `t`.`y`) IN (SELECT `u`.`x`, `u`.`y` FROM `u`)",
            "has one column",
        ),
    ],
)
def test_a_statement_against_the_rules_of_a_warehouse_is_seen(
    name: str, text: str, told: str, pretended: ModuleType
) -> None:
    with pytest.raises(AssertionError, match=told):
        pretended.checked(text, name)
