"""How tables are opened under their names: one snapshot, which columns, read as which types."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import pg_catalog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql import quoted_name

from airflow_ml_monitor.errors import NoSource, ScanError
from airflow_ml_monitor.keys import EVER, Window
from airflow_ml_monitor.profile.dataset import Dataset, Kind
from airflow_ml_monitor.profile.engines import memory
from airflow_ml_monitor.profile.engines.label_types import COUNTED
from airflow_ml_monitor.profile.engines.opening import Opening
from airflow_ml_monitor.profile.engines.scan import NOTHING, NUMBERS, TIMES, Source, in_terms, is_any
from airflow_ml_monitor.profile.engines.sql_scan import SQLScan, said
from airflow_ml_monitor.profile.engines.sql_types import has_any_size, is_read_as_text, type_name
from airflow_ml_monitor.profile.label_source import LabelSource
from airflow_ml_monitor.profile.query import Expression, number, size, text, whole
from airflow_ml_monitor.profile.table import Table

ROW_NAMES: Final = ("tableoid", "ctid", "xmin")
"""Of a stored row: its table (one of several, where it is partitioned), its place in it, and who wrote it."""
_LARGEST: Final = sa.literal_column("1.7976931348623157e308", sa.Numeric)
_NO_LABELS: Final = {"null": '"NULL"', "bool": "BOOLEAN", "timestamp[us, tz=UTC]": "TIMESTAMP WITH TIME ZONE"}
_ZERO: Final = sa.literal_column("0", sa.Numeric)
_SMALLEST: Final = sa.literal_column("1e-307", sa.Numeric)


@contextmanager
def snapshot(engine: sa.Engine, connection: str, timeout: timedelta) -> Iterator[sa.Connection]:
    """A transaction that only reads, and in which all statements see one moment of the database, by UTC's clock."""
    options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    try:
        opened = engine.connect()
    except DBAPIError as error:
        # A driver's words on connecting name the server and the user, never the password or a row.
        told = " ".join(str(error.orig).split())
        raise ScanError(f"the database of connection {connection!r} cannot be reached: {told}") from None
    try:
        with opened.execution_options(**options).begin():
            own = sa.func.current_setting("statement_timeout")
            milliseconds = str(round(timeout.total_seconds() * 1000))
            limit = sa.case((own == "0", milliseconds), else_=own)
            # Drivers read doubles as text: all their digits, whatever a role prefers. To compile the ledger's statement
            # takes longer than to run it: a day of 200,000 rows is 0.5 s without, 2.2 s with.
            settings = {"TimeZone": "UTC", "extra_float_digits": "1", "jit": "off", "statement_timeout": limit}
            with said():
                opened.execute(sa.select(*(sa.func.set_config(k, v, True) for k, v in settings.items())))
            yield opened
    finally:
        opened.close()


@dataclass(frozen=True, slots=True)
class Place:
    """Where a table was found. columns: their types, in order. is_stored: its rows lie here, and are no view's."""

    table: sa.TableClause
    columns: Mapping[str, Any]
    is_stored: bool

    @property
    def arrived(self) -> dict[str, str]:
        return {name: type_name(kind) for name, kind in self.columns.items()}


def found(connection: sa.Connection, table: Table) -> Place:
    """A table or view, by its name; where that has no schema by the search path. NoSource where there is none."""
    every, schemas = pg_catalog.pg_class, pg_catalog.pg_namespace
    told = sa.select(schemas.c.nspname, every.c.relkind).join(schemas, every.c.relnamespace == schemas.c.oid)
    told = told.where(every.c.relname == table.name, every.c.relkind.in_(["r", "p", "m", "v", "f"]))
    in_schema = schemas.c.nspname == table.schema if table.schema else sa.func.pg_table_is_visible(every.c.oid)
    with said():
        place = connection.execute(told.where(in_schema)).first()
        if place is None:
            raise NoSource(f"there is no table {table}")
        with warnings.catch_warnings():
            # Of types that SQLAlchemy does not know, at every look; here they are of no kind that is read.
            warnings.simplefilter("ignore", sa.exc.SAWarning)
            columns = sa.inspect(connection).get_columns(table.name, schema=place.nspname)
    kinds = {str(column["name"]): column["type"] for column in columns}
    is_stored = place.relkind in ("r", "p", "m")
    named = [*kinds, *(ROW_NAMES if is_stored else ())]
    clause = sa.table(
        quoted_name(table.name, True),
        *(sa.column(quoted_name(name, True)) for name in named),
        schema=quoted_name(place.nspname, True),
    )
    return Place(clause, kinds, is_stored)


def opened(connection: sa.Connection, sources: Mapping[str, Opening]) -> SQLScan:
    """Tables under their names."""
    types, arrived, tables = {}, {}, {}
    absent = {}
    for name, opening in sources.items():
        try:
            place = found(connection, opening.owner.source)
        except NoSource:
            if name != "labels" or not isinstance(opening.owner, LabelSource):
                raise
            absent[name] = memory.no_labels(opening.owner)
            continue
        arrived[name] = place.arrived
        chosen = [column for column in opening.widened(arrived[name]).columns if column in place.columns]
        coded = {c for c in _categories(opening.owner) if arrived[name].get(c) in ("FLOAT", "DOUBLE")}
        types[name] = {column: "VARCHAR" if column in coded else arrived[name][column] for column in chosen}
        if (flag := _flag(opening.owner)) in types[name]:
            types[name][flag] = "BOOLEAN" if is_any(arrived[name][flag], COUNTED) else arrived[name][flag]
        tables[name] = _read(place, opening, chosen, coded).cte(name)
    for name, rows in absent.items():
        types[name] = arrived[name] = {part.name: _NO_LABELS.get(str(part.type), "VARCHAR") for part in rows.schema}
    scan = SQLScan(connection, types=types, arrived=arrived, tables=tables)
    for name, rows in absent.items():
        scan.register(name, rows)
    return scan


def inside(column: Expression, arrived: str, zone: str, window: Window) -> Expression:
    """Rows whose time lies in a window; every row if that is EVER, or the column holds no time."""
    if window == EVER or arrived not in TIMES:
        return sa.true()
    start, end = (moment(in_terms(at, arrived, zone)) for at in (window.start, window.end))
    return sa.and_(column >= start, column < end)


def moment(at: datetime) -> Expression:
    """A time with its type."""
    return sa.literal(at, sa.TIMESTAMP(timezone=at.tzinfo is not None))


def _read(place: Place, opening: Opening, chosen: Sequence[str], coded: Collection[str]) -> sa.Select[Any]:
    owner, table = opening.owner, place.table
    flag = _flag(owner)
    read = []
    for name in chosen:
        column = _column(table.c[name], place.columns[name], name in coded)
        if name == flag and is_any(place.arrived[name], NUMBERS):
            column = column != whole(0)
        elif name in opening.counted and place.arrived[name] == "BOOLEAN":
            column = sa.cast(column, sa.Integer)
        read.append(column.label(quoted_name(name, True)))
    rows = sa.select(*read or [whole(1).label(NOTHING)]).select_from(table)
    if isinstance(owner, LabelSource) or owner.event_time not in place.columns:
        return rows
    arrived = place.arrived[owner.event_time]
    return rows.where(inside(table.c[owner.event_time], arrived, owner.zone, opening.window))


def _column(column: Expression, kind: Any, is_coded: bool) -> Expression:
    """How a column is read, where not as it is."""
    if is_coded:
        # A missing value makes a column of whole codes float elsewhere: 7.0 is still the category '7'.
        x = sa.cast(column, sa.Double)
        is_whole = sa.and_(size(x) < number(9e15), x == sa.func.floor(x, type_=sa.Double))
        return sa.case((is_whole, text(sa.cast(x, sa.BigInteger))), else_=text(column))
    if has_any_size(kind):
        # What is beyond a double is as good as infinite; a decimal still, so that keys stay exact.
        infinite, none = (sa.cast(sa.literal(name, sa.String), sa.Numeric) for name in ("Infinity", "NaN"))
        huge, tiny = sa.func.abs(column) > _LARGEST, sa.func.abs(column) < _SMALLEST
        return sa.case((column == none, none), (huge, infinite * sa.func.sign(column)), (tiny, _ZERO), else_=column)
    return text(column) if is_read_as_text(kind) else column


def _flag(owner: Source) -> str | None:
    """The column of a label source that is read as true or false."""
    return owner.censored if isinstance(owner, LabelSource) else None


def _categories(owner: Source) -> list[str]:
    return [c.name for c in owner.columns if c.kind is Kind.CATEGORICAL] if isinstance(owner, Dataset) else []
