"""A scan by statements in a database, in one transaction that only reads: what leaves it are counts and sums."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Final

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql import visitors

from airflow_ml_monitor.keys import WHOLE
from airflow_ml_monitor.profile.engines.databases import sql_distances, sql_products
from airflow_ml_monitor.profile.engines.databases.database import Database
from airflow_ml_monitor.profile.engines.databases.sql_types import arrow_type
from airflow_ml_monitor.profile.engines.scan import Array, Build, ByColumn, Scan
from airflow_ml_monitor.profile.engines.statement_cells import by_statements
from airflow_ml_monitor.profile.kernel.outlying import Moments
from airflow_ml_monitor.profile.layout import MINUS_INF, NAN, NULL, PLUS_INF, Binning
from airflow_ml_monitor.profile.queries import query
from airflow_ml_monitor.profile.traces import Traces
from airflow_ml_monitor.profile.wanted import Wanted

if TYPE_CHECKING:
    import pandas as pd

_BATCH_ROWS: Final = 50_000
_DAY: Final = 86_400_000_000
_NO_VALUE: Final = (NULL, NAN, MINUS_INF, PLUS_INF)
"""Buckets of rows that have no u."""


@dataclass(frozen=True, slots=True)
class SQLScan(Scan):
    """A transaction, and the tables that are open in it or were brought, by their names in statements."""

    is_confined: ClassVar[bool] = True
    connection: sa.Connection
    database: Database
    tables: dict[str, sa.CTE] = field(default_factory=dict)

    def register(self, name: str, table: pa.Table) -> None:
        listed = self.database.listed(self.connection, name, table)
        if listed is not None:
            self.tables[name] = listed

    def rows(self, build: Build, *about: Hashable) -> list[tuple[Any, ...]]:
        return self._ran(self._built(build, *about))[0]

    def masked(self, build: Build, *about: Hashable) -> dict[str, Array]:
        statement = self._built(build, *about)
        return self.database.arrays(statement, *self._ran(statement))

    def frame(self, build: Build, *about: Hashable) -> pd.DataFrame:
        rows, description = self._ran(self._built(build, *about))
        schema = pa.schema([(name, arrow_type(self.types["source"].get(name, "VARCHAR"))) for name, *_ in description])
        table = arrow_rows(rows, schema)
        for i, part in enumerate(table.schema):
            if pa.types.is_decimal(part.type):
                table = table.set_column(i, part.name, table.column(i).cast(pa.float64()))
        found: pd.DataFrame = table.to_pandas(date_as_object=False)
        return found

    def cut(self, wanted: Wanted) -> tuple[ByColumn, Traces]:
        """By statements: no row leaves the database."""
        cells, noted = by_statements(self, wanted, self.database.most_sets)
        together, event_time = wanted.together, wanted.event_time
        if not together:
            return cells, noted
        lacking = {b.column for b in together if any(cells[WHOLE, b.column].at(bucket) for bucket in _NO_VALUE)}
        products, scatter = sql_products.products(self, together, lacking, event_time), None
        if self.database.draws_rows:
            scatter = sql_products.scatter(self, together, products, wanted.ellipsoid, event_time)
        distances = sql_distances.counted(self, wanted, lacking, most_numbers=self.database.most_numbers)
        return cells, replace(noted, products=products, distances=distances, scatter=scatter)

    def moments(self, binnings: tuple[Binning, ...], event_time: str) -> Moments:
        return sql_distances.moments(self, binnings, event_time)

    def fetched(self, name: str, columns: Sequence[str]) -> pa.Table:
        """Columns of a source, whole, a part at a time."""
        schema = pa.schema([(column, arrow_type(self.types[name][column])) for column in columns])
        text, values = self._filled(sa.select(*query.source(*columns, name=name).c), self.database.plain)
        parts = []
        with self.database.said():
            streaming = self.connection.execution_options(stream_results=True, max_row_buffer=_BATCH_ROWS)
            result = streaming.exec_driver_sql(text, values)
            while rows := result.fetchmany(_BATCH_ROWS):
                parts.append(arrow_rows(rows, schema))
        return pa.concat_tables([schema.empty_table(), *parts])

    def _built(self, build: Build, *about: Hashable) -> sa.SelectBase:
        """A statement in the words of the database."""
        return self.database.built(self.connection, self.database.instead.get(build, build)(*about))

    def _ran(self, statement: sa.SelectBase) -> tuple[list[tuple[Any, ...]], Sequence[Any]]:
        """A statement's rows, and what the driver says of its columns."""
        database = self.database
        with database.said():
            try:
                with database.savepoint(self.connection):
                    return self._fetched(statement, database.plain)
            except DBAPIError as error:
                if database.guarded is None or not database.is_out_of_range(error):
                    raise
            return self._fetched(statement, database.guarded)

    def _fetched(self, statement: sa.SelectBase, dialect: sa.Dialect) -> tuple[list[tuple[Any, ...]], Sequence[Any]]:
        result = self.connection.exec_driver_sql(*self._filled(statement, dialect))
        description = result.cursor.description if result.cursor else ()
        return [self.database.returned(row, dialect) for row in result], description

    def _filled(self, statement: sa.SelectBase, dialect: sa.Dialect) -> tuple[str, Mapping[str, Any]]:
        """A statement's text over the tables that it names, and what is bound to it."""
        named: dict[str, set[str]] = {}
        for part in visitors.iterate(statement):
            if isinstance(part, sa.TableClause):
                named.setdefault(str(part.name), set()).update(str(column.name) for column in part.c)
        for name in sorted(named.keys() & self.tables.keys()):
            table = self.tables[name]
            statement = statement.add_cte(_narrowed(table, named[name]) if name in self.types else table)
        return self.database.filled(statement, dialect, self.shared)


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
        elif pa.types.is_boolean(kind):
            values = [None if x is None else bool(x) for x in values]
        elif pa.types.is_date(kind):
            # SQLite's moments are microseconds.
            values = [x // _DAY if isinstance(x, int) else x for x in values]
        arrays.append(pa.array(values, kind))
    return pa.Table.from_arrays(arrays, schema=schema)
