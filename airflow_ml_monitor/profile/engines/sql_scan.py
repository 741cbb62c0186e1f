"""A scan by statements in a database, in one transaction that only reads: what leaves it are counts and sums."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql import quoted_name, visitors

from airflow_ml_monitor.errors import ScanError
from airflow_ml_monitor.profile import query
from airflow_ml_monitor.profile.ellipsoid import Ellipsoid
from airflow_ml_monitor.profile.engines import postgres, sql_distances, sql_products
from airflow_ml_monitor.profile.engines.scan import Array, Build, Scan
from airflow_ml_monitor.profile.engines.sql_types import arrow_type
from airflow_ml_monitor.profile.layout import Binning
from airflow_ml_monitor.profile.outlying import Moments
from airflow_ml_monitor.profile.traces import Traces

if TYPE_CHECKING:
    import pandas as pd

_OUT_OF_RANGE: Final = ("22003", "22012")
"""Numeric value out of range, division by zero."""
_UNKNOWN_WORDS: Final = "42"
"""What PostgreSQL does not understand, or who is not allowed to read; no value of the data is in such messages."""
_FORBIDDEN: Final = "42501"
_BATCH_ROWS: Final = 50_000
_CANCELLED: Final = "57014"
_INTEGERS: Final = (20, 21, 23, 26, 16)
_FLOATS: Final = (700, 701, 1700)
"""PostgreSQL's numbers of its types; booleans and decimals among them."""


@dataclass(frozen=True, slots=True)
class SQLScan(Scan):
    """A transaction, and the tables that are open in it or were brought, by their names in statements."""

    connection: sa.Connection
    tables: dict[str, sa.CTE] = field(default_factory=dict)

    def register(self, name: str, table: pa.Table) -> None:
        # An array a column: a table of a thousand rows is no longer a statement than one of two.
        columns = zip(table.column_names, table.columns, table.schema.types, strict=True)
        arrays = (sa.literal(column.to_pylist(), sa.ARRAY(_sql_type(kind))) for _, column, kind in columns)
        named: list[sa.ColumnClause[Any]] = [sa.column(quoted_name(column, True)) for column in table.column_names]
        listed = sa.func.unnest(*arrays).table_valued(*named, name="listed").render_derived()
        self.tables[name] = sa.select(*listed.c).cte(name)

    def rows(self, build: Build, *about: Hashable) -> list[tuple[Any, ...]]:
        return self._ran(build(*about))[0]

    def masked(self, build: Build, *about: Hashable) -> dict[str, Array]:
        rows, description = self._ran(build(*about))
        columns = zip(*rows, strict=True) if rows else [()] * len(description)
        return {name: _array(values, kind) for values, (name, kind, *_) in zip(columns, description, strict=True)}

    def frame(self, build: Build, *about: Hashable) -> pd.DataFrame:
        rows, description = self._ran(build(*about))
        schema = pa.schema([(name, arrow_type(self.types["source"].get(name, "VARCHAR"))) for name, *_ in description])
        table = arrow_rows(rows, schema)
        for i, part in enumerate(table.schema):
            if pa.types.is_decimal(part.type):
                table = table.set_column(i, part.name, table.column(i).cast(pa.float64()))
        found: pd.DataFrame = table.to_pandas(date_as_object=False)
        return found

    def row_traces(self, binnings: tuple[Binning, ...], event_time: str, ellipsoid: Ellipsoid | None) -> Traces:
        """By statements: no row leaves the database."""
        products = sql_products.products(self, binnings, event_time)
        scatter = sql_products.scatter(self, binnings, products, ellipsoid, event_time)
        distances = sql_distances.counted(self, binnings, event_time, ellipsoid)
        return Traces(products=products, distances=distances, scatter=scatter)

    def moments(self, binnings: tuple[Binning, ...], event_time: str) -> Moments:
        return sql_distances.moments(self, binnings, event_time)

    def fetched(self, name: str, columns: Sequence[str]) -> pa.Table:
        """Columns of a source, whole, a part at a time."""
        schema = pa.schema([(column, arrow_type(self.types[name][column])) for column in columns])
        text, values = self._filled(sa.select(*query.source(*columns, name=name).c), postgres.PLAIN)
        parts = []
        with said():
            streaming = self.connection.execution_options(stream_results=True, max_row_buffer=_BATCH_ROWS)
            result = streaming.exec_driver_sql(text, values)
            while rows := result.fetchmany(_BATCH_ROWS):
                parts.append(arrow_rows(rows, schema))
        return pa.concat_tables([schema.empty_table(), *parts])

    def _ran(self, statement: sa.SelectBase) -> tuple[list[tuple[Any, ...]], Sequence[Any]]:
        """A statement's rows, and what the driver says of its columns."""
        with said():
            try:
                with self.connection.begin_nested():
                    return self._fetched(statement, postgres.PLAIN)
            except DBAPIError as error:
                if state(error) not in _OUT_OF_RANGE:
                    raise
            return self._fetched(statement, postgres.GUARDED)

    def _fetched(self, statement: sa.SelectBase, dialect: sa.Dialect) -> tuple[list[tuple[Any, ...]], Sequence[Any]]:
        result = self.connection.exec_driver_sql(*self._filled(statement, dialect))
        description = result.cursor.description if result.cursor else ()
        return [tuple(row) for row in result], description

    def _filled(self, statement: sa.SelectBase, dialect: sa.Dialect) -> tuple[str, Mapping[str, Any]]:
        """A statement's text over the tables that it names, and what is bound to it."""
        named: dict[str, set[str]] = {}
        for part in visitors.iterate(statement):
            if isinstance(part, sa.TableClause):
                named.setdefault(str(part.name), set()).update(str(column.name) for column in part.c)
        for name in sorted(named.keys() & self.tables.keys()):
            table = self.tables[name]
            statement = statement.add_cte(_narrowed(table, named[name]) if name in self.types else table)
        compiled = statement.compile(dialect=dialect)
        wanted = {name: value for name, value in self.shared.items() if name in compiled.binds}
        return str(compiled), compiled.construct_params(wanted)


def _narrowed(table: sa.CTE, wanted: set[str]) -> sa.CTE:
    """With the columns alone that a statement names: the text of a thousand takes longer to write than to run."""
    rows: Any = table.element
    every = list(rows.selected_columns)
    columns = [column for column in every if str(column.key) in wanted] or every[:1]
    narrow: sa.CTE = rows.with_only_columns(*columns, maintain_column_froms=True).cte(table.name)
    return narrow.prefix_with("NOT MATERIALIZED")


def arrow_rows(rows: Sequence[Sequence[Any]], schema: pa.Schema) -> pa.Table:
    """Rows as Arrow; what Arrow has no type for as text."""
    columns = zip(*rows, strict=True) if rows else [()] * len(schema)
    arrays = []
    for column, kind in zip(columns, schema.types, strict=True):
        values: Sequence[Any] = column
        if pa.types.is_string(kind):
            values = [x if x is None or isinstance(x, str) else str(x) for x in values]
        elif pa.types.is_floating(kind):
            values = [None if x is None else float(x) for x in values]
        arrays.append(pa.array(values, kind))
    return pa.Table.from_arrays(arrays, schema=schema)


@contextmanager
def said() -> Iterator[None]:
    """What the database raises, in our words; never chained: its message may quote a value of the data."""
    try:
        yield
    except DBAPIError as error:
        code = state(error)
        told = str(error.orig).strip().splitlines()[:1]
        if code == _FORBIDDEN:
            raise ScanError(
                f"PostgreSQL refused the statement: {' '.join(told)}; grant SELECT on the whole table, or name a view"
            ) from None
        if code.startswith(_UNKNOWN_WORDS):
            raise ScanError(f"PostgreSQL refused the statement ({code}): {' '.join(told)}") from None
        if code == _CANCELLED:
            raise ScanError(
                "the statement was cancelled, or took longer than statement_timeout; is there an index on the event "
                "time, or is the timeout too short?"
            ) from None
        raise ScanError(f"PostgreSQL gave up with {type(error.orig).__name__} ({code or 'no code'})") from None


def state(error: DBAPIError) -> str:
    """The SQLSTATE; '' where the server was not asked."""
    return str(getattr(error.orig, "pgcode", None) or getattr(error.orig, "sqlstate", None) or "")


def _sql_type(kind: pa.DataType) -> sa.types.TypeEngine[Any]:
    if pa.types.is_timestamp(kind):
        return sa.TIMESTAMP(timezone=kind.tz is not None)
    if pa.types.is_boolean(kind):
        return sa.Boolean()
    if pa.types.is_integer(kind):
        return sa.BigInteger()
    return sa.Double() if pa.types.is_null(kind) or pa.types.is_floating(kind) else sa.String()


def _array(values: Sequence[Any], kind: int) -> Array:
    """A column as numpy has it, NULL masked."""
    missing = np.fromiter((value is None for value in values), bool, len(values))
    if kind in _INTEGERS:
        plain: Array = np.array([0 if value is None else int(value) for value in values], np.int64)
    elif kind in _FLOATS:
        plain = np.array([0.0 if value is None else float(value) for value in values], np.float64)
    else:
        plain = np.array(values, object)
    return np.ma.MaskedArray(plain, missing) if missing.any() else plain
