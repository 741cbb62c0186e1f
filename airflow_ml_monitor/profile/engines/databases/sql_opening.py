"""How tables are opened under their names: one snapshot, which columns, read as which types."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql import quoted_name

from airflow_ml_monitor.errors import NoSource, ScanError
from airflow_ml_monitor.keys import EVER, Window
from airflow_ml_monitor.profile.dataset import Dataset, Kind
from airflow_ml_monitor.profile.engines import memory
from airflow_ml_monitor.profile.engines.databases.database import Database, moment
from airflow_ml_monitor.profile.engines.databases.place import Place
from airflow_ml_monitor.profile.engines.databases.sql_scan import SQLScan
from airflow_ml_monitor.profile.engines.label_types import COUNTED
from airflow_ml_monitor.profile.engines.opening import Opening
from airflow_ml_monitor.profile.engines.scan import NOTHING, NUMBERS, TIMES, Source, in_terms, is_any
from airflow_ml_monitor.profile.label_source import LabelSource
from airflow_ml_monitor.profile.queries.query import Expression, number, size, text, whole

_NO_LABELS: Final = {"null": '"NULL"', "bool": "BOOLEAN", "timestamp[us, tz=UTC]": "TIMESTAMP WITH TIME ZONE"}


@contextmanager
def snapshot(database: Database, engine: sa.Engine, connection: str, timeout: timedelta) -> Iterator[sa.Connection]:
    """A transaction that only reads; see Database."""
    try:
        opened = engine.connect()
    except DBAPIError as error:
        # A driver's words on connecting name the server and the user, never the password or a row.
        told = " ".join(str(error.orig).split())
        raise ScanError(f"the database of connection {connection!r} cannot be reached: {told}") from None
    try:
        with database.snapshot(opened, timeout):
            yield opened
    finally:
        opened.close()


def opened(connection: sa.Connection, database: Database, sources: Mapping[str, Opening]) -> SQLScan:
    """Tables under their names."""
    types, arrived, tables = {}, {}, {}
    absent = {}
    for name, opening in sources.items():
        try:
            place = database.found(connection, opening.owner.source)
        except NoSource:
            if name != "labels" or not isinstance(opening.owner, LabelSource):
                raise
            absent[name] = memory.no_labels(opening.owner)
            continue
        arrived[name] = place.arrived
        chosen = [column for column in opening.widened(arrived[name]).columns if column in place.columns]
        found = database.types(connection, place, chosen, opening)
        coded = {c for c in _categories(opening.owner) if found.get(c) in database.coded}
        types[name] = {column: "VARCHAR" if column in coded else found[column] for column in chosen}
        if (flag := _flag(opening.owner)) in types[name]:
            types[name][flag] = "BOOLEAN" if is_any(found[flag], COUNTED) else found[flag]
        tables[name] = _Reading(database, place, found).rows(opening, chosen, coded).cte(name)
    for name, rows in absent.items():
        types[name] = arrived[name] = {part.name: _NO_LABELS.get(str(part.type), "VARCHAR") for part in rows.schema}
    scan = SQLScan(connection, database, types=types, arrived=arrived, tables=tables)
    for name, rows in absent.items():
        scan.register(name, rows)
    return scan


def inside(column: Expression, arrived: str, zone: str, window: Window) -> Expression:
    """Rows whose time lies in a window; every row if that is EVER, or the column holds no time."""
    if window == EVER or arrived not in TIMES:
        return sa.true()
    start, end = (moment(in_terms(at, arrived, zone)) for at in (window.start, window.end))
    return sa.and_(column >= start, column < end)


@dataclass(frozen=True, slots=True)
class _Reading:
    """A table, and the types that its columns are read as."""

    database: Database
    place: Place
    types: Mapping[str, str]

    def rows(self, opening: Opening, chosen: Sequence[str], coded: Collection[str]) -> sa.Select[Any]:
        owner, flag = opening.owner, _flag(opening.owner)
        read = []
        for name in chosen:
            column = self._code(name) if name in coded else self._column(name)
            if name == flag and is_any(self.types[name], NUMBERS):
                column = column != whole(0)
            elif name in opening.counted and self.types[name] == "BOOLEAN":
                column = sa.cast(column, sa.Integer)
            read.append(column.label(quoted_name(name, True)))
        rows = sa.select(*read or [whole(1).label(NOTHING)]).select_from(self.place.table)
        types = {**{name: self.types[name] for name in chosen}, **dict.fromkeys(coded, "VARCHAR")}
        only = opening.only({column.name: column.element for column in read}, types)
        rows = rows if only is None else rows.where(only)
        if isinstance(owner, LabelSource) or owner.event_time not in self.types:
            return rows
        at, arrived = self._column(owner.event_time), self.types[owner.event_time]
        return rows.where(inside(at, arrived, owner.zone, opening.window))

    def _column(self, name: str) -> Expression:
        return self.database.read(self.place.table.c[name], self.place.columns[name], self.types[name])

    def _code(self, name: str) -> Expression:
        """The text of a category that is a number there, or true or false."""
        column = self._column(name)
        if self.types[name] == "BOOLEAN":
            named = ((column == whole(i), sa.literal(value, sa.String)) for i, value in enumerate(("false", "true")))
            return sa.case(*named, else_=text(column))
        # A missing value makes a column of whole codes float elsewhere: 7.0 is still the category '7'.
        x = sa.cast(column, sa.Double)
        is_whole = sa.and_(size(x) < number(9e15), x == sa.func.floor(x, type_=sa.Double))
        return sa.case((is_whole, text(sa.cast(x, sa.BigInteger))), else_=text(column))


def _flag(owner: Source) -> str | None:
    """The column of a label source that is read as true or false."""
    return owner.censored if isinstance(owner, LabelSource) else None


def _categories(owner: Source) -> list[str]:
    return [c.name for c in owner.columns if c.kind is Kind.CATEGORICAL] if isinstance(owner, Dataset) else []
