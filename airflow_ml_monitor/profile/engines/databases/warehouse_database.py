"""A warehouse as a database of tables. Its statements are generated, and were not run on a server of its kind.

It has no transaction in which all statements see one moment, but for Redshift: what a call reads is asked for its rows'
digest before the first statement and after the last, and a change between them is an error.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, ClassVar, Final

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, NoSuchModuleError
from sqlalchemy.sql import quoted_name, visitors
from sqlalchemy.sql.functions import grouping_sets

from airflow_ml_monitor.errors import NoSource, ScanError, SpecError
from airflow_ml_monitor.profile.dataset import Dataset, Kind
from airflow_ml_monitor.profile.engines.databases.database import NOTHING_SHARED, Database
from airflow_ml_monitor.profile.engines.databases.place import Place, place
from airflow_ml_monitor.profile.engines.databases.portable import BY_RANK, parted
from airflow_ml_monitor.profile.engines.databases.sql_opening import inside
from airflow_ml_monitor.profile.engines.databases.warehouse import (
    WarehouseCompiler,
    WarehouseDialect,
    structured,
)
from airflow_ml_monitor.profile.engines.databases.warehouse_rows import rows_of
from airflow_ml_monitor.profile.engines.databases.warehouse_types import column_type
from airflow_ml_monitor.profile.engines.databases.warehouse_values import filled, text_literal
from airflow_ml_monitor.profile.engines.databases.warehouse_words import Words
from airflow_ml_monitor.profile.engines.opening import Opening
from airflow_ml_monitor.profile.engines.scan import Array, time_column
from airflow_ml_monitor.profile.label_source import Several
from airflow_ml_monitor.profile.queries.dialect import row_hash
from airflow_ml_monitor.profile.queries.query import Expression, text
from airflow_ml_monitor.profile.table import Table

_MARKS: Final = "ml_monitor_marks"


@dataclass(frozen=True, slots=True, kw_only=True)
class Vendor:
    """What a warehouse is asked otherwise, besides the words of its statements.

    package: what is installed for its SQLAlchemy URL. columns: the query of a table's columns: name, type, digits,
    digits after the point; of {table}, {schema} as texts, {place} as it is written before a name. here: what names the
    schema where a table's name has none; '' where the connection's database is it. session: what is said first, with
    {seconds} or {milliseconds} of the timeout. instants: names of types of times that carry their zone. holds_moment:
    whether a transaction sees one moment. hooked: the SQLAlchemy driver that connects, where the URL does not say it.
    The others: see Database.
    """

    name: str
    package: str
    words: Words
    columns: str
    here: str
    session: tuple[str, ...] = ()
    instants: frozenset[str] = frozenset()
    holds_moment: bool = False
    hooked: str = ""
    coded: frozenset[str] = frozenset({"FLOAT", "DOUBLE"})
    refused_several: frozenset[Several] = frozenset({Several.MEAN})


class Warehouse(Database):
    """A database by its vendor's words."""

    is_proven = False
    # Of some 25 letters each, in a text of a megabyte at most.
    most_numbers = 30_000
    instead: ClassVar = BY_RANK

    def __init__(self, vendor: Vendor) -> None:
        self.vendor = vendor
        self.name, self.extra = vendor.name, ""
        self.plain = WarehouseDialect(vendor.words, WarehouseCompiler)
        self.coded, self.refused_several = vendor.coded, vendor.refused_several

    def engine(self, url: sa.URL) -> sa.Engine:
        """See Database. ScanError where the vendor's own package is not installed."""
        named = url.set(drivername=self.vendor.hooked) if self.vendor.hooked else url
        try:
            found = sa.create_engine(named, poolclass=sa.pool.NullPool)
        except (NoSuchModuleError, ModuleNotFoundError) as error:
            raise ScanError(
                f"{self.name} is reached by a package of its own, which is not installed: pip install "
                f"{self.vendor.package!r}"
            ) from error
        # Values stand in the text: a driver that is given none leaves it as it is.
        return found.execution_options(no_parameters=True)

    @contextmanager
    def snapshot(self, connection: sa.Connection, timeout: timedelta) -> Iterator[None]:
        """See Database. ScanError where a table changed while it was read, and no transaction holds a moment."""
        if self.vendor.holds_moment:
            connection.execution_options(isolation_level="SERIALIZABLE", postgresql_readonly=True)
        seconds = max(1, round(timeout.total_seconds()))
        marks: dict[str, Any] = {}
        connection.info[_MARKS] = marks
        try:
            for statement in self.vendor.session:
                self._asked(connection, statement.format(seconds=seconds, milliseconds=1000 * seconds))
            yield
            if any(self._asked(connection, statement) != before for statement, before in marks.items()):
                raise ScanError("a table changed while it was read; run the task again")
        finally:
            connection.rollback()

    def _asked(self, connection: sa.Connection, statement: str) -> list[tuple[Any, ...]]:
        with self.said():
            result = connection.exec_driver_sql(statement)
            return [tuple(row) for row in result] if result.returns_rows else []

    def found(self, connection: sa.Connection, table: Table) -> Place:
        """See Database; names as the warehouse keeps them, in Snowflake mostly in capitals."""
        schema = table.schema or self._here(connection)
        asked = self.vendor.columns.format(
            table=text_literal(table.name), schema=text_literal(schema), place=f"`{schema}`"
        )
        columns = [
            {"name": name, "type": column_type(written, (digits, after), self.vendor.instants)}
            for name, written, digits, after in self._asked(connection, asked)
        ]
        if not columns:
            raise NoSource(f"there is no table {table}")
        there = place(table.name, schema, columns)
        return replace(there, table=there.table.alias(quoted_name("stored", True)))

    def _here(self, connection: sa.Connection) -> str:
        """The schema where a table's name has none. SpecError where there is none, either."""
        told = connection.engine.url.database
        if self.vendor.here:
            # By itself: Redshift answers it where no other table is asked.
            [[told]] = self._asked(connection, f"SELECT {self.vendor.here}")
        if not told:
            raise SpecError("names no schema, nor does its connection; write schema.table", field="source.table")
        return str(told)

    def types(self, connection: sa.Connection, place: Place, chosen: Sequence[str], opening: Opening) -> dict[str, str]:
        """See Database; a date that is asked as a time is one. Notes what the rows are before they are read."""
        found = super().types(connection, place, chosen, opening)
        owner = opening.owner
        timed = {c.name for c in owner.columns if c.kind is Kind.DATETIME} if isinstance(owner, Dataset) else set()
        for name in {*timed, time_column(owner)} & found.keys():
            found[name] = "TIMESTAMP" if found[name] == "DATE" else found[name]
        if chosen and not self.vendor.holds_moment:
            statement = filled(self._digest(place, chosen, opening, found), self.plain, NOTHING_SHARED)
            connection.info[_MARKS][statement] = self._asked(connection, statement)
        return found

    def _digest(self, place: Place, chosen: Sequence[str], opening: Opening, types: Mapping[str, str]) -> sa.SelectBase:
        """Rows, and the sum of their hashes, of what is opened."""
        lines = row_hash(*(self.told(place.table.c[name], place.columns[name]) for name in chosen))
        owner, at = opening.owner, time_column(opening.owner)
        where: Expression = sa.true()
        if isinstance(owner, Dataset) and at in types:
            read = self.read(place.table.c[at], place.columns[at], types[at])
            where = inside(read, types[at], owner.zone, opening.window)
        counted = sa.select(sa.func.count(), sa.func.sum(sa.cast(lines, sa.Numeric)))
        return counted.select_from(place.table).where(where)

    def listed(self, connection: sa.Connection, name: str, table: pa.Table) -> sa.CTE:
        """See Database; in the text of the statement."""
        written = rows_of(table, self.vendor.words).replace(":", r"\:")
        named: Iterator[sa.ColumnClause[Any]] = (sa.column(quoted_name(column, True)) for column in table.column_names)
        return sa.select(*named).select_from(sa.text(f"({written}) AS brought")).cte(name)

    def read(self, column: Expression, kind: Any, arrived: str) -> Expression:
        """See Database."""
        if isinstance(kind, sa.Date) and arrived == "TIMESTAMP":
            return sa.cast(column, sa.TIMESTAMP)
        if arrived == "BOOLEAN" and "BOOLEAN" in self.coded:
            # It has no text there.
            return sa.case((column, sa.literal(1, sa.BigInteger)), (sa.not_(column), sa.literal(0, sa.BigInteger)))
        return text(column) if isinstance(kind, sa.CHAR | sa.Uuid) else column

    def told(self, column: Expression, kind: Any) -> Expression:
        """See Database."""
        if isinstance(kind, sa.JSON | sa.ARRAY):
            return structured(column)
        if isinstance(kind, sa.Boolean) and "BOOLEAN" in self.coded:
            return text(self.read(column, kind, "BOOLEAN"))
        return text(column)

    def filled(
        self, statement: sa.SelectBase, dialect: sa.Dialect, shared: Mapping[str, Any] = NOTHING_SHARED
    ) -> tuple[str, Mapping[str, Any]]:
        """See Database; nothing is bound."""
        return filled(statement, dialect, shared), {}

    def built(self, connection: sa.Connection, statement: sa.SelectBase) -> sa.SelectBase:
        """See Database; where grouping sets are of columns alone, those of expressions are one statement each."""
        return parted(statement) if self.vendor.words.groups_columns_alone and _groups_more(statement) else statement

    def arrays(
        self, statement: sa.SelectBase, rows: Sequence[Sequence[Any]], description: Sequence[Any]
    ) -> dict[str, Array]:
        """See Database; by the statement's own names: a warehouse may write them otherwise."""
        names = [(column.name, *more[1:]) for column, more in zip(statement.selected_columns, description, strict=True)]
        return super().arrays(statement, rows, names)

    def is_out_of_range(self, error: DBAPIError) -> bool:
        """See Database; there is no other form."""
        return False

    def refusal(self, error: DBAPIError) -> ScanError:
        """See Database; what a warehouse says may quote the data."""
        code = getattr(error.orig, "sqlstate", None) or getattr(error.orig, "errno", None) or "no code"
        if "overflow" in str(error.orig).lower():
            return ScanError(
                f"{self.name} stops where a number is out of range ({code}); read the column through a view that "
                "leaves such numbers out"
            )
        return ScanError(
            f"{self.name} gave up with {type(error.orig).__name__} ({code}); the statement, and why, is in its query "
            "history. Statements for it are generated and were not run on a server of its kind: please report it"
        )


def _groups_more(statement: sa.SelectBase) -> bool:
    """Whether grouping sets are of more than columns."""
    if not isinstance(statement, sa.Select):
        return False
    parts = [part for clause in statement._group_by_clauses for part in visitors.iterate(clause)]
    if not any(isinstance(part, grouping_sets) for part in parts):
        return False
    return any(isinstance(part, sa.Case | sa.Cast | sa.BinaryExpression) for part in parts)
