"""MariaDB 10.6 or newer as a database of tables: its snapshot, where its tables are, what its errors mean."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql import quoted_name

from airflow_ml_monitor.errors import NoSource, ScanError, SpecError
from airflow_ml_monitor.profile.dataset import Dataset, Kind
from airflow_ml_monitor.profile.engines.databases import mariadb
from airflow_ml_monitor.profile.engines.databases.database import Database
from airflow_ml_monitor.profile.engines.databases.place import Place, place
from airflow_ml_monitor.profile.engines.databases.portable import BY_RANK, parted
from airflow_ml_monitor.profile.engines.opening import Opening
from airflow_ml_monitor.profile.queries.query import Expression
from airflow_ml_monitor.profile.table import Table
from airflow_ml_monitor.profile.task import TaskKind

_OLDEST: Final = (10, 6)
"""The first release that reads a table from JSON."""
_SNAPSHOTS: Final = frozenset({"INNODB", "COLUMNSTORE", "MYROCKS", "ROCKSDB"})
"""Storage engines whose tables are seen as of one moment."""
_JOIN_BYTES: Final = 64 * 2**20
"""For the keys of a join, by which it is made; without them it is made row by row, and a day takes minutes."""
_OUT_OF_RANGE: Final = 1690
_FORBIDDEN: Final = (1044, 1142, 1143, 1370)
_UNKNOWN_WORDS: Final = (1054, 1064, 1146, 1305, 1356)
_CANCELLED: Final = (1317, 1969, 3024)
_FLAGS: Final = frozenset({Kind.BOOLEAN, Kind.CATEGORICAL})


class MariaDB(Database):
    """MariaDB, whose statements PLAIN and GUARDED of mariadb.py write."""

    name = "MariaDB"
    extra = "mariadb"
    plain = mariadb.PLAIN
    guarded = mariadb.GUARDED
    instead = BY_RANK
    draws_rows = True
    coded = frozenset({"FLOAT", "DOUBLE", "BOOLEAN"})
    # Its statement names one part many times, and MariaDB works it out as often: minutes for a hundred thousand rows.
    refused_tasks = frozenset({TaskKind.RANKING})

    @contextmanager
    def snapshot(self, connection: sa.Connection, timeout: timedelta) -> Iterator[None]:
        """By START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY. A timeout that the connection's user has of its own
        stands."""
        told, own = self._asked(connection, "SELECT VERSION(), @@max_statement_time")
        release = tuple(int(part) for part in str(told).split("-")[0].split(".")[:2])
        if "mariadb" not in str(told).lower() or release < _OLDEST:
            raise ScanError(
                f"the database is {told}; tables are read in MariaDB {'.'.join(map(str, _OLDEST))} or newer"
            )
        limit = float(own) or timeout.total_seconds()
        with self.said():
            # By letter, whatever a column's order of texts. Differences of unsigned numbers may be below 0.
            connection.exec_driver_sql(f"SET NAMES utf8mb4 COLLATE {mariadb.EXACT}")
            connection.exec_driver_sql(
                "SET SESSION sql_mode = 'NO_UNSIGNED_SUBTRACTION', time_zone = '+00:00', "
                f"max_statement_time = {limit:.6f}, join_cache_level = 8, join_buffer_space_limit = {_JOIN_BYTES}, "
                f"join_buffer_size = {_JOIN_BYTES // 4}"
            )
            connection.exec_driver_sql("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            connection.exec_driver_sql("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
        try:
            yield
        finally:
            connection.rollback()

    def _asked(self, connection: sa.Connection, statement: str) -> Sequence[Any]:
        with self.said():
            row: Sequence[Any] = connection.exec_driver_sql(statement).one()
        return row

    def found(self, connection: sa.Connection, table: Table) -> Place:
        """See Database; its schema is a database of the server. ScanError where it has no snapshot."""
        tables = sa.table(
            "tables",
            sa.column("table_schema"),
            sa.column("table_name"),
            sa.column("engine"),
            schema="information_schema",
        )
        schema = sa.literal(table.schema) if table.schema else sa.func.database()
        told = sa.select(tables.c.table_schema, tables.c.table_name, tables.c.engine)
        told = told.where(tables.c.table_schema == schema, tables.c.table_name == table.name)
        with self.said():
            there = connection.execute(told).first()
            if there is None:
                raise NoSource(f"there is no table {table}")
            columns = sa.inspect(connection).get_columns(there.table_name, schema=there.table_schema)
        if there.engine and there.engine.upper() not in _SNAPSHOTS:
            raise ScanError(
                f"table {table} is kept by {there.engine}, whose rows change while they are read; convert it to InnoDB"
            )
        return place(there.table_name, there.table_schema, columns)

    def types(self, connection: sa.Connection, place: Place, chosen: Sequence[str], opening: Opening) -> dict[str, str]:
        """See Database; BOOLEAN is TINYINT(1) there, and is meant where the spec declares no number."""
        found = super().types(connection, place, chosen, opening)
        owner = opening.owner
        flags = {c.name for c in owner.columns if c.kind in _FLAGS} if isinstance(owner, Dataset) else set()
        for name in flags & found.keys():
            kind = place.columns[name]
            if isinstance(kind, mysql.TINYINT) and kind.display_width == 1:
                found[name] = "BOOLEAN"
        return found

    def listed(self, connection: sa.Connection, name: str, table: pa.Table) -> sa.CTE:
        """By JSON: a table of a thousand rows is no longer a statement than one of two."""
        columns: list[Any] = []
        for at, (column, kind) in enumerate(zip(table.column_names, table.schema.types, strict=True)):
            named = connection.dialect.identifier_preparer.quote_identifier(column).replace(":", r"\:")
            columns.append(f"{named} {_json_type(table.column(column), kind)} PATH '$[{at}]'")
        rows = [[_json(x) for x in row] for row in zip(*(c.to_pylist() for c in table.columns), strict=True)]
        document = sa.bindparam("document", json.dumps(rows), sa.String, unique=True)
        written = f"JSON_TABLE(:document, '$[*]' COLUMNS ({', '.join(columns)})) AS listed"
        chosen: Iterator[sa.ColumnClause[Any]] = (sa.column(quoted_name(column, True)) for column in table.column_names)
        # The offset has it held, with an index by which it is joined.
        return sa.select(*chosen).select_from(sa.text(written).bindparams(document)).offset(0).cte(name)

    def read(self, column: Expression, kind: Any, arrived: str) -> Expression:
        """See Database."""
        return mariadb.exact_text(column) if arrived == "VARCHAR" else column

    def built(self, connection: sa.Connection, statement: sa.SelectBase) -> sa.SelectBase:
        """See Database; it knows the zones that somebody has loaded."""
        for zone in mariadb.zones(statement):
            known = connection.scalar(sa.select(sa.func.convert_tz("2026-01-01", zone, "+00:00")))
            if known is None:
                raise SpecError(
                    f"the server does not know {zone!r}, by whose clock times are read: CONVERT_TZ would be NULL; "
                    "load its zones (mariadb-tzinfo-to-sql), or keep the times as TIMESTAMP",
                    field="zone",
                )
        return parted(statement)

    def bound(self, value: Any) -> Any:
        """See Database; times by UTC's clock, as the driver writes them without their zone."""
        if isinstance(value, datetime) and value.tzinfo:
            return value.astimezone(UTC).replace(tzinfo=None)
        return value

    def returned(self, row: Sequence[Any], dialect: sa.Dialect) -> tuple[Any, ...]:
        """See Database."""
        if dialect is not self.guarded:
            return tuple(row)
        infinite = {mariadb.LARGEST: float("inf"), -mariadb.LARGEST: float("-inf")}
        return tuple(infinite.get(x, x) if isinstance(x, float) else x for x in row)

    def is_out_of_range(self, error: DBAPIError) -> bool:
        """See Database."""
        return _code(error) == _OUT_OF_RANGE

    def refusal(self, error: DBAPIError) -> ScanError:
        """See Database."""
        code = _code(error)
        told = str(error.orig.args[1]) if error.orig and len(error.orig.args) > 1 else ""
        if code in _FORBIDDEN:
            return ScanError(f"MariaDB refused the statement: {told}; grant SELECT on the whole table, or name a view")
        if code in _CANCELLED:
            return ScanError(
                "the statement was cancelled, or took longer than max_statement_time; is there an index on the event "
                "time, or is the timeout too short?"
            )
        if code in _UNKNOWN_WORDS:
            return ScanError(f"MariaDB refused the statement ({code}): {told}")
        return ScanError(f"MariaDB gave up with {type(error.orig).__name__} ({code or 'no code'})")


def _code(error: DBAPIError) -> int:
    args = error.orig.args if error.orig else ()
    return int(args[0]) if args and isinstance(args[0], int) else 0


def _json(value: Any) -> Any:
    if isinstance(value, datetime):
        return (value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value).isoformat(" ")
    return int(value) if isinstance(value, bool) else value


def _json_type(column: pa.ChunkedArray, kind: pa.DataType) -> str:
    if pa.types.is_timestamp(kind):
        return "DATETIME(6)"
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind):
        return "BIGINT"
    if pa.types.is_null(kind) or pa.types.is_floating(kind):
        return "DOUBLE"
    longest = max((len(x) for x in column.to_pylist() if x), default=1)
    size = f"VARCHAR({longest})" if longest <= 16_000 else "LONGTEXT"
    return f"{size} CHARACTER SET utf8mb4 COLLATE {mariadb.EXACT}"


MARIADB: Final = MariaDB()
