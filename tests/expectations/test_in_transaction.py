"""Rules in the database: one transaction, few statements, no row that leaves it, and the traps that wait there."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable
from datetime import timedelta
from types import ModuleType
from typing import Any

import pytest
import sqlalchemy as sa

from airflow_ml_monitor.errors import ScanError
from airflow_ml_monitor.expectations.in_database import run_in_place
from airflow_ml_monitor.expectations.outcome import By, Outcome, Ruling
from airflow_ml_monitor.profile.engines.databases.sql import SQL

pytestmark = [pytest.mark.servers, pytest.mark.usefixtures("great_expectations")]

ONLY_WEB = {"type": "comparison", "column": {"name": "channel"}, "operator": "==", "parameter": "web"}


def rule(kind: str, **kwargs: Any) -> dict[str, Any]:
    return {"type": f"expect_{kind}", "kwargs": kwargs}


def sql(query: str) -> dict[str, Any]:
    return {"type": "unexpected_rows_expectation", "kwargs": {"unexpected_rows_query": query}}


def of(column: str, kind: str, *each: dict[str, Any]) -> list[dict[str, Any]]:
    return [rule(kind, column=column, **one) for one in each]


def written(warehouse: Any, *rules: dict[str, Any], **place: Any) -> tuple[list[str], dict[str, Outcome]]:
    """The statements that rules lead to, and their outcomes."""
    texts: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        texts.append(f"{statement} {parameters}")

    with warehouse.place(**place) as found:
        sa.event.listen(sa.Engine, "before_cursor_execute", note)
        try:
            return texts, run_in_place(warehouse.loaded(*rules), found)
        finally:
            sa.event.remove(sa.Engine, "before_cursor_execute", note)


@pytest.mark.slow
def test_a_suite_of_more_aggregates_than_a_select_may_have_is_asked_in_a_few(warehouse: Any) -> None:
    columns = tuple(f"f{i}" for i in range(600))
    warehouse.run(
        f"CREATE TABLE wide (at timestamptz, {' float8, '.join(columns)} float8)",
        f"INSERT INTO wide SELECT '2026-03-01 10:00+00', {', '.join(['i'] * 600)} FROM generate_series(1, 60) AS i",  # noqa: S608
    )
    kinds = ("min", "max", "mean")
    asked = [rule(f"column_{kind}_to_be_between", column=c, min_value=1) for c in columns for kind in kinds]
    asked += [rule("column_values_to_be_between", column=c, min_value=2) for c in columns[:100]]
    texts, found = written(warehouse, *asked, name="wide", columns=columns)
    assert {(o.status, o.checked, o.unexpected) for o in found.values()} == {
        (Ruling.PASS, 60, None),
        (Ruling.FAIL, 60, 1),
    }
    assert sum(o.status is Ruling.PASS for o in found.values()) == len(asked) - 100 == 1800
    looking = [text for text in texts if " FROM " in text.replace(chr(10), " ")]
    assert len(looking) < 40
    assert len(looking) == len(set(looking))


def test_all_statements_see_one_moment_of_the_table(warehouse: Any) -> None:
    warehouse.run(
        "CREATE TABLE moving (at timestamptz, x integer)",
        "INSERT INTO moving SELECT '2026-03-01 10:00+00', i FROM generate_series(1, 50) AS i",
    )
    asked = [
        rule("table_row_count_to_equal", value=50),
        rule("column_values_to_be_unique", column="x"),
        rule("column_max_to_be_between", column="x", max_value=50),
    ]
    with warehouse.place(name="moving", columns=("x",)) as place:
        warehouse.run("INSERT INTO moving VALUES ('2026-03-01 11:00+00', 50), ('2026-03-01 11:00+00', 99)")
        found = run_in_place(warehouse.loaded(*asked), place)
    assert [o.status for o in found.values()] == [Ruling.PASS] * 3
    again = warehouse.told(*asked, name="moving", columns=("x",))
    assert [o.status for o in again.values()] == [Ruling.FAIL] * 3


def test_a_rule_that_the_database_refuses_is_an_error_with_its_name_and_leaves_the_others_alone(
    warehouse: Any,
) -> None:
    healthy = [
        rule("column_mean_to_be_between", column="x", min_value=0),
        rule("column_values_to_be_between", column="high", max_value=20),
        rule("column_values_to_be_unique", column="id"),
    ]
    sick = [
        rule("column_mean_to_be_between", column="flag", min_value=0),
        rule("column_values_to_match_regex", column="x", regex="1"),
        rule("column_values_to_match_regex", column="channel", regex="(("),
        rule("column_values_to_be_between", column="channel", min_value=0),
        rule("column_sum_to_be_between", column="channel", min_value=0),
        sql("SELECT nothing FROM {batch}"),
    ]
    texts, found = written(warehouse, *sick, *healthy)
    outcomes = list(found.values())
    assert [o.status for o in outcomes[: len(sick)]] == [Ruling.ERROR] * len(sick)
    told = [o.reason.partition(" could not be evaluated ")[2] for o in outcomes[: len(sick)]]
    assert told[:3] == ["(UndefinedFunction)", "(UndefinedFunction)", "(InvalidRegularExpression)"]
    assert all(told)
    assert found.items() >= warehouse.told(*healthy).items()
    # Failed levels are gone through again, and no statement is.
    assert len(texts) - texts.count("") == len({t for t in texts if "SAVEPOINT" not in t}) + sum(
        "SAVEPOINT" in t for t in texts
    )


def test_what_a_frame_would_not_see_in_a_name_is_no_reason_for_an_error(warehouse: Any) -> None:
    warehouse.run(
        'CREATE SCHEMA "Odd.Schema"',
        'CREATE TABLE "Odd.Schema"."Ümläut ""%"" Table" (at timestamptz, "Größe %" real, "select" text, '
        '"A" int, b int)',
        'INSERT INTO "Odd.Schema"."Ümläut ""%"" Table" SELECT \'2026-03-01 10:00+00\', i, i % 3, i, -i '
        "FROM generate_series(1, 9) AS i",
    )
    columns = ("Größe %", "select", "A", "b")
    found = warehouse.told(
        rule("column_max_to_be_between", column="Größe %", max_value=9),
        rule("column_values_to_be_unique", column="Größe %"),
        rule("column_values_to_be_in_set", column="select", value_set=["0", "1", "2"]),
        rule("column_min_to_be_between", column="A", min_value=1),
        rule("column_max_to_be_between", column="b", max_value=-1),
        rule("compound_columns_to_be_unique", column_list=["select", "A"]),
        name='"Odd.Schema"."Ümläut ""%"" Table"',
        columns=columns,
    )
    assert [(o.status, o.checked) for o in found.values()] == [(Ruling.PASS, 9)] * 6, found


def test_no_value_neither_passes_nor_fails_there(warehouse: Any) -> None:
    warehouse.run("CREATE TABLE hollow (at timestamptz, x float8, c text)")
    rules = [
        *of("x", "column_values_to_be_between", {"min_value": 0}),
        *of("x", "column_mean_to_be_between", {"min_value": 0}),
        *of("x", "column_min_to_be_between", {"min_value": 0}),
        *of("x", "column_stdev_to_be_between", {"min_value": 0}),
        *of("x", "column_quantile_values_to_be_between",
            {"quantile_ranges": {"quantiles": [0.5], "value_ranges": [[0, 1]]}}),
        *of("c", "column_distinct_values_to_be_in_set", {"value_set": ["a"]}),
        *of("c", "column_values_to_be_unique", {}),
        *of("c", "column_most_common_value_to_be_in_set", {"value_set": ["a"]}),
    ]  # fmt: skip
    for _ in range(2):
        found = warehouse.told(*rules, name="hollow", columns=("x", "c"))
        assert {o.status for o in found.values()} == {Ruling.NOTHING}, found
        # And of a column that holds none.
        warehouse.run(
            "INSERT INTO hollow VALUES ('2026-03-01 10:00+00', 'NaN', NULL), ('2026-03-01 10:00+00', NULL, NULL)"
        )
    of_rows = [
        rule("table_row_count_to_be_between", min_value=5),
        rule("column_values_to_not_be_null", column="c"),
        rule(
            "column_values_to_be_between", column="x", min_value=0, row_condition=ONLY_WEB | {"column": {"name": "c"}}
        ),
    ]
    found = warehouse.told(*of_rows, name="hollow", columns=("x", "c"))
    assert [o.status for o in found.values()] == [Ruling.FAIL, Ruling.FAIL, Ruling.NOTHING]


def test_a_bound_by_another_clock_is_an_error_and_no_verdict(warehouse: Any) -> None:
    warehouse.run(
        "CREATE TABLE clocks (at timestamptz, plain timestamp)",
        "INSERT INTO clocks VALUES ('2026-03-01 10:00+00', '2026-03-01 10:00')",
    )
    kinds = ("column_max_to_be_between", "column_values_to_be_between")
    for column, right, wrong in (("at", "T09:00:00+00:00", "T09:00:00"), ("plain", "T09:00:00", "T09:00:00+00:00")):
        for kind in kinds:
            [bad] = warehouse.told(
                rule(kind, column=column, min_value=f"2026-03-01{wrong}"), name="clocks", columns=("at", "plain")
            ).values()
            assert (bad.status, "zone" in bad.reason) == (Ruling.ERROR, True)
            [good] = warehouse.told(
                rule(kind, column=column, min_value=f"2026-03-01{right}"), name="clocks", columns=("at", "plain")
            ).values()
            assert good.status is Ruling.PASS, good


def test_rows_and_long_lists_of_values_stay_in_the_database(warehouse: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("airflow_ml_monitor.expectations.transaction.MOST_VALUES", 300)
    taken: list[int] = []
    fetched = sa.CursorResult.fetchmany
    monkeypatch.setattr(
        sa.CursorResult, "fetchmany", lambda *given: [taken.append(len(rows := fetched(*given))), rows][1]
    )
    asked = [
        *of("id", "column_kl_divergence_to_be_less_than",
            {"partition_object": {"values": ["id-1"], "weights": [1.0]}, "threshold": 0.1}),
        *of("channel", "column_distinct_values_to_be_in_set", {"value_set": ["web"]}),
        sql("SELECT * FROM {batch}"),
        sql("SELECT * FROM events"),
    ]  # fmt: skip
    found = warehouse.told(*asked)
    many, few, rows, beyond = found.values()
    assert (many.status, few.status, rows.status) == (Ruling.ERROR, Ruling.FAIL, Ruling.FAIL)
    assert "values out of the database; ask for them with a rule on values" in many.reason
    assert max(taken) <= 301
    assert (beyond.status, beyond.by) == (Ruling.ERROR, By.COLUMNS)
    assert "names no {batch}" in beyond.reason


def test_a_statement_that_takes_too_long_ends_the_suite_at_once(warehouse: Any) -> None:
    warehouse.run(
        "CREATE FUNCTION slowly(x integer) RETURNS integer VOLATILE LANGUAGE sql AS 'SELECT x FROM pg_sleep(0.5)'",
        "CREATE VIEW late AS SELECT at, high::integer AS high FROM events WHERE id <> 'id-1'",
    )
    engine = SQL(lambda _connection: sa.make_url(warehouse.url), timeout=timedelta(milliseconds=300))
    asked = warehouse.loaded(sql("SELECT slowly(high) FROM {batch}"), rule("column_values_to_be_unique", column="high"))
    texts: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        texts.append(statement)

    with engine.in_place(warehouse.dataset("late", "high"), warehouse.day) as place:
        sa.event.listen(sa.Engine, "before_cursor_execute", note)
        try:
            with pytest.raises(ScanError, match="statement_timeout"):
                run_in_place(asked, place)
        finally:
            sa.event.remove(sa.Engine, "before_cursor_execute", note)
    assert sum("slowly" in text for text in texts) == 1


def test_nothing_can_be_written_and_no_connection_is_left(warehouse: Any) -> None:
    warehouse.run(
        "CREATE TABLE log (n integer)",
        "CREATE FUNCTION noted() RETURNS integer VOLATILE LANGUAGE sql AS 'INSERT INTO log VALUES (1) RETURNING n'",
    )
    [found] = warehouse.told(sql("SELECT noted() FROM {batch}")).values()
    assert (found.status, "ReadOnlySqlTransaction" in found.reason) == (Ruling.ERROR, True)
    engine = sa.create_engine(warehouse.url)
    with engine.connect() as connection:
        others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        assert connection.exec_driver_sql(others).scalar() == 0
    engine.dispose()


def test_no_value_of_the_rows_leaves_the_room(
    warehouse: Any, builders: Callable[[str], ModuleType], capfd: pytest.CaptureFixture[str]
) -> None:
    engine = builders("expectations/test_engine.py")
    warehouse.run(
        "CREATE TABLE people (at timestamptz, c text)",
        f"INSERT INTO people SELECT '2026-03-01 10:00+00', '{engine.CANARY}' FROM generate_series(1, 40)",  # noqa: S608
    )
    leaky = [
        *(one for one in engine.leaky("c") if "unexpected_rows" not in one["type"]),
        sql("SELECT * FROM {batch}"),
        sql("SELECT c::integer FROM {batch}"),
        sql("SELECT 1 FROM {batch} WHERE c::integer > 1"),
        rule("column_values_to_match_like_pattern", column="c", like_pattern="z"),
    ]
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        found = warehouse.told(*leaky, name="people", columns=("c",))
    finally:
        root.setLevel(level)
        root.removeHandler(handler)
    assert {Ruling.FAIL, Ruling.ERROR} <= {o.status for o in found.values()}
    assert "InvalidTextRepresentation" in repr(found)
    printed = "".join(capfd.readouterr())
    assert all("canary" not in text for text in (repr(found), stream.getvalue(), printed))
