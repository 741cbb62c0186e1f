"""SQLite 3.35 or newer as a database of tables: its file, its snapshot, and what its columns really hold."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, NoSuchTableError

from airflow_ml_monitor.errors import NoSource, ScanError, SpecError
from airflow_ml_monitor.keys import EVER
from airflow_ml_monitor.profile.dataset import Dataset, Kind
from airflow_ml_monitor.profile.engines.databases import sqlite
from airflow_ml_monitor.profile.engines.databases.database import Database, moment
from airflow_ml_monitor.profile.engines.databases.place import Place, place
from airflow_ml_monitor.profile.engines.databases.portable import BY_RANK, parted
from airflow_ml_monitor.profile.engines.opening import Opening
from airflow_ml_monitor.profile.engines.scan import INTEGERS, NUMBERS, TIMES, in_terms, is_any, time_column
from airflow_ml_monitor.profile.queries.query import Expression, text, whole
from airflow_ml_monitor.profile.table import Table

_OLDEST: Final = (3, 35)
"""The first release that is told what to hold."""
_STEPS: Final = 20_000
"""Of its virtual machine, between two looks at the clock."""
_NUMBERS: Final = NUMBERS | {"BOOLEAN"}
_INSTANT: Final = ("*[+-][0-9][0-9]:[0-9][0-9]", "*Z")
"""How the text of a time ends that names its zone."""


class SQLite(Database):
    """A file of SQLite, which this process reads; sqlite.py's PLAIN writes its statements."""

    name = "SQLite"
    extra = ""
    plain = sqlite.PLAIN
    instead = BY_RANK
    draws_rows = True
    coded = frozenset({"FLOAT", "DOUBLE", "BOOLEAN"})

    def engine(self, url: sa.URL) -> sa.Engine:
        """See Database. SpecError where the URL names no file."""
        if not url.database or url.database.startswith(":memory:"):
            raise SpecError("names no file; write sqlite:////path/to/file.db", field="source.connection")
        place = f"file:{quote(str(Path(url.database).absolute()))}?mode=ro"

        def connect() -> sqlite3.Connection:
            return sqlite3.connect(place, uri=True, isolation_level=None, check_same_thread=False)

        return sa.create_engine("sqlite://", creator=connect, poolclass=sa.pool.NullPool)

    @contextmanager
    def snapshot(self, connection: sa.Connection, timeout: timedelta) -> Iterator[None]:
        """By a connection that cannot write, in one transaction."""
        if sqlite3.sqlite_version_info < _OLDEST:
            raise ScanError(
                f"tables are read by SQLite {'.'.join(map(str, _OLDEST))} or newer, and this Python has "
                f"{sqlite3.sqlite_version}"
            )
        driver: Any = connection.connection.driver_connection
        sqlite.equip(driver)
        until = time.monotonic() + timeout.total_seconds()

        def begin(*_: Any) -> None:
            nonlocal until
            until = time.monotonic() + timeout.total_seconds()

        driver.set_progress_handler(lambda: time.monotonic() > until, _STEPS)
        sa.event.listen(connection, "before_cursor_execute", begin)
        with self.said():
            connection.exec_driver_sql("PRAGMA case_sensitive_like = ON")
            connection.exec_driver_sql("BEGIN")
            # The moment that is seen is that of the first look.
            connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").all()
        try:
            yield
        finally:
            connection.exec_driver_sql("ROLLBACK")

    def found(self, connection: sa.Connection, table: Table) -> Place:
        """See Database."""
        schema = table.schema or "main"
        with self.said():
            try:
                columns = sa.inspect(connection).get_columns(table.name, schema=schema)
            except (NoSuchTableError, sa.exc.OperationalError) as error:
                raise NoSource(f"there is no table {table}") from error
        return place(table.name, schema, columns)

    def types(self, connection: sa.Connection, place: Place, chosen: Sequence[str], opening: Opening) -> dict[str, str]:
        """See Database; a column holds what it was given, whatever it was declared: one that holds a stray text is of
        texts, and a text that is a time in every row is a time. Asked of the window's rows."""
        owner, at = opening.owner, time_column(opening.owner)
        timed = (
            {at, *(c.name for c in owner.columns if c.kind is Kind.DATETIME)} if isinstance(owner, Dataset) else {at}
        )
        found = self._held(connection, place, [at] if at in place.columns else [], timed, sa.true())
        where: Expression = sa.true()
        if isinstance(owner, Dataset) and opening.window != EVER and found.get(at) in TIMES:
            start, end = (
                moment(in_terms(t, found[at], owner.zone)) for t in (opening.window.start, opening.window.end)
            )
            read = self.read(place.table.c[at], None, found[at])
            where = sa.and_(read >= start, read < end)
        rest = [name for name in chosen if name not in found]
        return {**self._held(connection, place, rest, timed, where), **found}

    def _held(
        self, connection: sa.Connection, place: Place, names: Sequence[str], timed: set[str], where: Expression
    ) -> dict[str, str]:
        if not names:
            return {}
        parts: list[Expression] = []
        for name in names:
            column = place.table.c[name]
            kind = sa.func.typeof(column, type_=sa.String)
            parts += [sa.func.sum(kind == held) for held in ("integer", "real", "text", "blob")]
            is_time = name in timed or place.arrived[name] in TIMES
            parts += [
                sa.func.count(sqlite.moment_of_text(column)) if is_time else whole(0),
                sa.func.sum(sa.or_(*(column.op("GLOB")(end) for end in _INSTANT))) if is_time else whole(0),
            ]
        compiled = sa.select(*parts).select_from(place.table).where(where).compile(dialect=self.plain)
        values = {name: self.bound(value) for name, value in compiled.params.items()}
        with self.said():
            row = connection.exec_driver_sql(str(compiled), values).one()
        counts = [int(x or 0) for x in row]
        told = (_Held(*counts[6 * i : 6 * i + 6]) for i in range(len(names)))
        return {name: held.type(place.arrived[name], name in timed) for name, held in zip(names, told, strict=True)}

    def listed(self, connection: sa.Connection, name: str, table: pa.Table) -> sa.CTE | None:
        """By a temporary table, which is none of the file."""
        quoted = connection.dialect.identifier_preparer.quote_identifier
        columns = ", ".join(quoted(column) for column in table.column_names)
        marks = ", ".join("?" * table.num_columns)
        rows = zip(*(column.to_pylist() for column in table.columns), strict=True)
        with self.said():
            connection.exec_driver_sql(f"DROP TABLE IF EXISTS temp.{quoted(name)}")
            connection.exec_driver_sql(f"CREATE TEMP TABLE {quoted(name)} ({columns})")
            if brought := [tuple(self.bound(x) for x in row) for row in rows]:
                connection.exec_driver_sql(f"INSERT INTO temp.{quoted(name)} VALUES ({marks})", brought)  # noqa: S608
        return None

    def read(self, column: Expression, kind: Any, arrived: str) -> Expression:
        """See Database. Texts by letter, whatever order their column has; that of an expression is none."""
        if arrived in TIMES:
            return sqlite.moment_of_text(column)
        return text(column).concat(sa.literal("", sa.String)) if arrived == "VARCHAR" else column

    def built(self, connection: sa.Connection, statement: sa.SelectBase) -> sa.SelectBase:
        """See Database."""
        return parted(statement)

    def bound(self, value: Any) -> Any:
        """See Database."""
        if isinstance(value, datetime):
            return sqlite.microseconds(value)
        return value

    def is_out_of_range(self, error: DBAPIError) -> bool:
        """See Database; what is out of range is infinite there."""
        return False

    def refusal(self, error: DBAPIError) -> ScanError:
        """See Database."""
        told = str(error.orig)
        if told == "interrupted":
            return ScanError("the statement took longer than the timeout; read a file with an index, or fewer rows")
        if told.startswith(("no such", "near ", "unable to open", "attempt to write", "file is not")):
            return ScanError(f"SQLite refused the statement: {told}")
        return ScanError(f"SQLite gave up with {type(error.orig).__name__}")


class _Held:
    """How many values of a column are what. moments: texts that are times; instants: of them those with a zone."""

    def __init__(self, integers: int, reals: int, texts: int, blobs: int, moments: int, instants: int) -> None:
        self.integers, self.reals, self.texts, self.blobs = integers, reals, texts, blobs
        self.moments, self.instants = moments, instants

    def type(self, declared: str, is_timed: bool) -> str:
        """DuckDB's name of what they are all together."""
        rows = self.integers + self.reals + self.texts + self.blobs
        strays = self.texts + self.blobs
        if declared in TIMES or (is_timed and declared == "VARCHAR"):
            if self.moments == rows and self.instants in (0, rows):
                plain = declared if declared == "DATE" else "TIMESTAMP"
                return "TIMESTAMP WITH TIME ZONE" if self.instants else plain
            return "VARCHAR" if strays else self._number()
        if is_any(declared, _NUMBERS):
            if strays:
                return "VARCHAR"
            return "DOUBLE" if self.reals and is_any(declared, INTEGERS) else declared
        if declared == "UNKNOWN":
            return (
                ('"NULL"' if not rows else "BLOB" if self.blobs else "VARCHAR")
                if strays or not rows
                else self._number()
            )
        return declared

    def _number(self) -> str:
        return "DOUBLE" if self.reals else "BIGINT"


SQLITE: Final = SQLite()
