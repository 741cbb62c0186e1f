"""Tables of SQLite, whose columns hold whatever they were given."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import sqlalchemy as sa

from airflow_ml_monitor.errors import ScanError, SpecError, WrongType
from airflow_ml_monitor.keys import EVER, WHOLE
from airflow_ml_monitor.profile.dataset import Kind
from airflow_ml_monitor.profile.engines.databases import sqlite
from airflow_ml_monitor.profile.engines.databases.sql import SQL
from airflow_ml_monitor.profile.layout import NULL, PLUS_INF, Binning, Layout
from airflow_ml_monitor.profile.table import Table

X = Layout((Binning("x", Kind.NUMERIC),))


@pytest.fixture
def filled(tmp_path: Path) -> Callable[..., SQL]:
    """The engine over a file with one table, `t`."""

    def made(columns: str, *rows: tuple[Any, ...]) -> SQL:
        place = tmp_path / "a file ?#% .db"
        connection = sqlite3.connect(place)
        with connection:
            connection.execute(f"CREATE TABLE t ({columns})")
            connection.executemany(f"INSERT INTO t VALUES ({', '.join('?' * len(rows[0]))})", rows)  # noqa: S608
        connection.close()
        return SQL(lambda _connection: sa.URL.create("sqlite", database=str(place)))

    return made


def test_a_stray_text_among_numbers_is_a_fault_of_its_window_alone(
    filled: Callable[..., SQL], oracle: ModuleType
) -> None:
    rows = [(f"2026-03-0{day} 10:00:00", x) for day in (1, 2) for x in (1.5, 2.5, None)]
    engine = filled("at TIMESTAMP, x REAL", *rows, ("2026-03-02 11:00:00", "12,5"))
    dataset = oracle.dataset(Table("w", "t"), {"x": Kind.NUMERIC})
    first, second = (engine.profile(dataset, X, day) for day in oracle.DAYS[:2])
    assert first.faults == {}
    assert first.cells[WHOLE, "x"].at(NULL) == 1
    assert second.faults == {"x": "column 'x' arrived as VARCHAR, declared numeric"}
    assert second.traces.forms["x"]["decimal comma"] == 1


@pytest.mark.parametrize(
    ("texts", "rows"),
    [
        (("2026-03-01", "2026-03-01 23:59:59.999999", "2026-03-02 00:00:00", None), 2),
        (("2026-03-01T00:00:00+02:00", "2026-03-01T01:00:00Z", "2026-03-02T01:30:00+02:00"), 2),
    ],
)
def test_times_that_are_texts_are_times(
    filled: Callable[..., SQL], oracle: ModuleType, texts: tuple[str | None, ...], rows: int
) -> None:
    engine = filled("at TEXT, x", *((text, 1.0) for text in texts))
    profile = engine.profile(oracle.dataset(Table("w", "t"), {"x": Kind.NUMERIC}), X, oracle.DAY)
    assert (profile.faults, profile.rows[WHOLE]) == ({}, rows)


@pytest.mark.parametrize("wrong", ["yesterday", 1772323200, "2026-03-01 10:00:00+00:00"])
def test_what_is_no_time_in_every_row_is_none(filled: Callable[..., SQL], oracle: ModuleType, wrong: Any) -> None:
    engine = filled("at TIMESTAMP, x REAL", ("2026-03-01 10:00:00", 1.0), (wrong, 2.0))
    dataset = oracle.dataset(Table("w", "t"), {"x": Kind.NUMERIC})
    with pytest.raises(WrongType, match="event time"):
        engine.frame(dataset, oracle.DAY, 10)
    assert "event time" in engine.profile(dataset, X, oracle.DAY).faults[""]


def test_infinity_large_integers_and_unsigned_zeros_are_kept(filled: Callable[..., SQL], oracle: ModuleType) -> None:
    values = [float("inf"), 2**62 + 1, -0.0, 0.0, 1e308, 1e308]
    engine = filled("at TIMESTAMP, x", *(("2026-03-01 10:00:00", x) for x in values))
    cells = engine.profile(oracle.dataset(Table("w", "t"), {"x": Kind.NUMERIC}), X, oracle.DAY).cells[WHOLE, "x"]
    assert (cells.at(PLUS_INF), cells.at(0), cells.rows) == (1, 2, 6)
    assert cells.high[cells.count == 3].tolist() == [1e308]


def test_an_order_of_texts_that_takes_two_for_one_is_not_asked(filled: Callable[..., SQL], oracle: ModuleType) -> None:
    names = ("a", "A", "a ", "a") * 20
    engine = filled("at TIMESTAMP, c TEXT COLLATE NOCASE", *(("2026-03-01 10:00:00", name) for name in names))
    dataset = oracle.dataset(Table("w", "t"), {"c": Kind.CATEGORICAL}, slice_by=("c",), entity_key=("c",))
    layout = engine.layout(dataset, EVER)
    profile = engine.profile(dataset, layout, oracle.DAY)
    assert layout["c"].categories == ("A", "a", "a ")
    assert [profile.rows[(("c", name),)] for name in layout["c"].categories] == [20, 40, 20]
    assert profile.duplicates == 77


def test_a_build_without_mathematics_is_given_the_functions_it_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    class Bare(sqlite3.Connection):
        """As a build without SQLITE_ENABLE_MATH_FUNCTIONS."""

        def execute(self, statement: str, *more: Any) -> sqlite3.Cursor:
            if statement.startswith("SELECT floor(1.0)") or "ln(1.0)" in statement or "sqrt(1.0)" in statement:
                raise sqlite3.OperationalError("no such function")
            return super().execute(statement, *more)

    plain, bare = sqlite3.connect(":memory:"), sqlite3.connect(":memory:", factory=Bare)
    try:
        sqlite.equip(plain)
        sqlite.equip(bare)
        asked = "SELECT floor(x), ln(x), sqrt(x) FROM (SELECT column1 AS x FROM (VALUES (2.5), (-1.5), (0.0), (NULL)))"
        assert bare.cursor().execute(asked).fetchall() == plain.cursor().execute(asked).fetchall()
    finally:
        plain.close()
        bare.close()


def test_a_database_that_is_no_file_is_refused(tmp_path: Path, oracle: ModuleType) -> None:
    dataset = oracle.dataset(Table("w", "t"), {"x": Kind.NUMERIC})
    with pytest.raises(SpecError, match="names no file"):
        SQL(lambda _connection: sa.make_url("sqlite://")).layout(dataset, EVER)
    away = SQL(lambda _connection: sa.URL.create("sqlite", database=str(tmp_path / "nowhere.db")))
    with pytest.raises(ScanError, match="cannot be reached: unable to open"):
        away.layout(dataset, EVER)
    assert not (tmp_path / "nowhere.db").exists()
