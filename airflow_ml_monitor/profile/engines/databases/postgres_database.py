"""PostgreSQL 14 or newer as a database of tables: its snapshot, where its tables are, what its errors mean."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta
from typing import Any, Final

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import pg_catalog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql import quoted_name

from airflow_ml_monitor.errors import NoSource, ScanError
from airflow_ml_monitor.profile.engines.databases import postgres
from airflow_ml_monitor.profile.engines.databases.database import Database, masked
from airflow_ml_monitor.profile.engines.databases.place import Place, place
from airflow_ml_monitor.profile.engines.databases.sql_types import has_any_size, is_read_as_text, sql_type
from airflow_ml_monitor.profile.engines.scan import Array
from airflow_ml_monitor.profile.queries.query import Expression, text
from airflow_ml_monitor.profile.table import Table

_ROW_NAMES: Final = ("tableoid", "ctid", "xmin")
"""Of a stored row: its table (one of several, where it is partitioned), its place in it, and who wrote it."""
_OLDEST: Final = (14, 0)
"""The first release that hashes records."""

_OUT_OF_RANGE: Final = ("22003", "22012")
"""Numeric value out of range, division by zero."""
_UNKNOWN_WORDS: Final = "42"
"""What PostgreSQL does not understand, or who is not allowed to read; no value of the data is in such messages."""
_FORBIDDEN: Final = "42501"
_CANCELLED: Final = "57014"
_INTEGERS: Final = (20, 21, 23, 26, 16)
_FLOATS: Final = (700, 701, 1700)
"""PostgreSQL's numbers of its types; booleans and decimals among them."""

_LARGEST: Final = sa.literal_column("1.7976931348623157e308", sa.Numeric)
_ZERO: Final = sa.literal_column("0", sa.Numeric)
_SMALLEST: Final = sa.literal_column("1e-307", sa.Numeric)


class Postgres(Database):
    """PostgreSQL, whose statements PLAIN and GUARDED of postgres.py write."""

    name = "PostgreSQL"
    extra = "postgres"
    plain = postgres.PLAIN
    guarded = postgres.GUARDED
    answers_rules = True
    draws_rows = True
    # Each has a hash table, and they share out the memory of one; GROUPING tells at most 31 apart.
    most_sets = 16

    @contextmanager
    def snapshot(self, connection: sa.Connection, timeout: timedelta) -> Iterator[None]:
        """By REPEATABLE READ, READ ONLY. A timeout that the connection's user has of its own stands."""
        options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        with connection.execution_options(**options).begin():
            if (connection.dialect.server_version_info or _OLDEST) < _OLDEST:
                raise ScanError(f"the database is older than PostgreSQL {_OLDEST[0]}")
            own = sa.func.current_setting("statement_timeout")
            milliseconds = str(round(timeout.total_seconds() * 1000))
            limit = sa.case((own == "0", milliseconds), else_=own)
            # Drivers read doubles as text: all their digits, whatever a role prefers. To compile the ledger's statement
            # takes longer than to run it.
            settings = {"TimeZone": "UTC", "extra_float_digits": "1", "jit": "off", "statement_timeout": limit}
            with self.said():
                connection.execute(sa.select(*(sa.func.set_config(k, v, True) for k, v in settings.items())))
            yield

    def found(self, connection: sa.Connection, table: Table) -> Place:
        """See Database; where its name has no schema by the search path."""
        every, schemas = pg_catalog.pg_class, pg_catalog.pg_namespace
        told = sa.select(schemas.c.nspname, every.c.relkind).join(schemas, every.c.relnamespace == schemas.c.oid)
        told = told.where(every.c.relname == table.name, every.c.relkind.in_(["r", "p", "m", "v", "f"]))
        in_schema = schemas.c.nspname == table.schema if table.schema else sa.func.pg_table_is_visible(every.c.oid)
        with self.said():
            there = connection.execute(told.where(in_schema)).first()
            if there is None:
                raise NoSource(f"there is no table {table}")
            with warnings.catch_warnings():
                # Of types that SQLAlchemy does not know, at every look; here they are of no kind that is read.
                warnings.simplefilter("ignore", sa.exc.SAWarning)
                columns = sa.inspect(connection).get_columns(table.name, schema=there.nspname)
        is_stored = there.relkind in ("r", "p", "m")
        return place(table.name, there.nspname, columns, _ROW_NAMES if is_stored else ())

    def listed(self, connection: sa.Connection, name: str, table: pa.Table) -> sa.CTE:
        """By arrays: a table of a thousand rows is no longer a statement than one of two."""
        columns = zip(table.columns, table.schema.types, strict=True)
        arrays = (sa.literal(column.to_pylist(), sa.ARRAY(sql_type(kind))) for column, kind in columns)
        named: list[sa.ColumnClause[Any]] = [sa.column(quoted_name(column, True)) for column in table.column_names]
        listed = sa.func.unnest(*arrays).table_valued(*named, name="listed").render_derived()
        return sa.select(*listed.c).cte(name)

    def read(self, column: Expression, kind: Any, arrived: str) -> Expression:
        """See Database."""
        if has_any_size(kind):
            # What is beyond a double is as good as infinite; a decimal still, so that keys stay exact.
            infinite, none = (sa.cast(sa.literal(name, sa.String), sa.Numeric) for name in ("Infinity", "NaN"))
            huge, tiny = sa.func.abs(column) > _LARGEST, sa.func.abs(column) < _SMALLEST
            return sa.case((column == none, none), (huge, infinite * sa.func.sign(column)), (tiny, _ZERO), else_=column)
        return text(column) if is_read_as_text(kind) else column

    def parted(self, at: Expression, cuts: Sequence[datetime]) -> Expression:
        """See Database."""
        kind = sa.TIMESTAMP(timezone=cuts[0].tzinfo is not None)
        return sa.func.width_bucket(sa.cast(at, kind), sa.literal(cuts, sa.ARRAY(kind)))

    def savepoint(self, connection: sa.Connection) -> AbstractContextManager[Any]:
        """See Database; after an error the transaction would answer nothing."""
        return connection.begin_nested()

    def arrays(
        self, statement: sa.SelectBase, rows: Sequence[Sequence[Any]], description: Sequence[Any]
    ) -> dict[str, Array]:
        """See Database; the driver says of what type a column is."""
        columns = zip(*rows, strict=True) if rows else [()] * len(description)
        return {
            name: masked(values, int if kind in _INTEGERS else float if kind in _FLOATS else object)
            for values, (name, kind, *_) in zip(columns, description, strict=True)
        }

    def is_out_of_range(self, error: DBAPIError) -> bool:
        """See Database."""
        return state(error) in _OUT_OF_RANGE

    def refusal(self, error: DBAPIError) -> ScanError:
        """See Database."""
        code = state(error)
        told = " ".join(str(error.orig).strip().splitlines()[:1])
        if code == _FORBIDDEN:
            return ScanError(
                f"PostgreSQL refused the statement: {told}; grant SELECT on the whole table, or name a view"
            )
        if code.startswith(_UNKNOWN_WORDS):
            return ScanError(f"PostgreSQL refused the statement ({code}): {told}")
        if code == _CANCELLED:
            return ScanError(
                "the statement was cancelled, or took longer than statement_timeout; is there an index on the event "
                "time, or is the timeout too short?"
            )
        return ScanError(f"PostgreSQL gave up with {type(error.orig).__name__} ({code or 'no code'})")


def state(error: DBAPIError) -> str:
    """The SQLSTATE; '' where the server was not asked."""
    return str(getattr(error.orig, "pgcode", None) or getattr(error.orig, "sqlstate", None) or "")


POSTGRES: Final = Postgres()
