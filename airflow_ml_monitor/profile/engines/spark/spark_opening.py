"""How Spark opens sources under their names: which columns, read as which types, of which window."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Any, Final, cast

import sqlalchemy as sa
from sqlalchemy.sql import quoted_name

from airflow_ml_monitor.errors import NoSource, ScanError, SpecError
from airflow_ml_monitor.profile.dataset import Dataset, Kind
from airflow_ml_monitor.profile.engines import memory
from airflow_ml_monitor.profile.engines.databases.sql_opening import inside
from airflow_ml_monitor.profile.engines.label_types import COUNTED
from airflow_ml_monitor.profile.engines.opening import Opening
from airflow_ml_monitor.profile.engines.scan import NOTHING, NUMBERS, Source, is_any, time_column
from airflow_ml_monitor.profile.engines.spark import spark_prints
from airflow_ml_monitor.profile.engines.spark.spark_scan import SparkScan, said, view
from airflow_ml_monitor.profile.engines.spark.spark_session import pinned, session_of
from airflow_ml_monitor.profile.engines.spark.spark_text import text_of
from airflow_ml_monitor.profile.engines.spark.spark_types import type_name
from airflow_ml_monitor.profile.label_source import LabelSource
from airflow_ml_monitor.profile.queries.query import Expression, number, size, text, whole
from airflow_ml_monitor.profile.spark_source import is_frame

_NO_LABELS: Final = {"null": '"NULL"', "bool": "BOOLEAN", "timestamp[us, tz=UTC]": "TIMESTAMP WITH TIME ZONE"}
_NUMBER = count()
_Types = dict[str, dict[str, str]]


@contextmanager
def session_for(*sources: Any) -> Iterator[Any]:
    """The session of sources that are joined, as statements need it; afterwards as it was."""
    sessions = [session_of(source) for source in sources]
    if any(session is not sessions[0] for session in sessions):
        raise SpecError(
            "labels and predictions are read by two Spark sessions, and cannot be joined; name one",
            field="labels.source",
        )
    with pinned(sessions[0]):
        yield sessions[0]


def rows_of(session: Any, source: Any, owner: str) -> Any:
    """A source's DataFrame. NoSource where nothing is there."""
    from pyspark.errors import AnalysisException

    if is_frame(source):
        return source
    try:
        if source.table:
            frame = session.table(source.table)
        else:
            frame = session.read.format(source.format).options(**source.options).load(source.path)
        # Connect asks its server now.
        _ = frame.schema
        return frame
    except AnalysisException as error:
        told = error.getErrorClass() or "it says no more"
        raise NoSource(f"Spark cannot read the source of {owner!r}, {source}: {told}") from None


@contextmanager
def opened(session: Any, sources: Mapping[str, Opening]) -> Iterator[SparkScan]:
    """Sources under their names; ScanError if the files of one changed while it was read."""
    views: list[str] = []
    scan = SparkScan(session, types={}, arrived={})
    try:
        before = {name: _open(scan, name, opening, views) for name, opening in sources.items()}
        yield scan
        for name, seen in before.items():
            owner = sources[name].owner
            if seen and seen != spark_prints.listing(session, rows_of(session, owner.source, owner.name)):
                raise ScanError(f"{owner.name} changed while being read; run the task again")
    finally:
        for made in views:
            session.catalog.dropTempView(made)


def _open(scan: SparkScan, name: str, opening: Opening, views: list[str]) -> spark_prints.Listing:
    """Give a source its name in a scan; its files, where it tells them. views: those that were made for it come in."""
    owner, types, arrived = opening.owner, cast(_Types, scan.types), cast(_Types, scan.arrived)
    try:
        frame = rows_of(scan.session, owner.source, owner.name)
    except NoSource:
        if name != "labels" or not isinstance(owner, LabelSource):
            raise
        rows = memory.no_labels(owner)
        scan.register(name, rows)
        types[name] = arrived[name] = {f.name: _NO_LABELS.get(str(f.type), "VARCHAR") for f in rows.schema}
        return ()
    files = () if is_frame(owner.source) else spark_prints.listing(scan.session, frame)
    plain, read = f"ml_monitor_{next(_NUMBER)}", f"ml_monitor_{next(_NUMBER)}"
    with said():
        arrived[name] = {f.name: type_name(f.dataType) for f in frame.schema.fields}
        types[name], statement = _reading(plain, opening, arrived[name])
        frame.createOrReplaceTempView(plain)
        views.append(plain)
        scan.session.sql(text_of(statement)).createOrReplaceTempView(read)
        views.append(read)
    scan.tables[name] = view(name, read)
    return files


def _reading(place: str, opening: Opening, arrived: Mapping[str, str]) -> tuple[dict[str, str], sa.Select[Any]]:
    """(types, statement) of a source's columns as they are read."""
    owner, flag = opening.owner, _flag(opening.owner)
    table = sa.table(place, *(sa.column(quoted_name(column, True)) for column in arrived))
    chosen = [column for column in opening.widened(arrived).columns if column in arrived]
    types, read = {}, []
    for name in chosen:
        types[name], column = _column(table.c[name], name, opening, arrived[name])
        read.append(column.label(quoted_name(name, True)))
    rows = sa.select(*read or [whole(1).label(NOTHING)]).select_from(table)
    if flag in types:
        types[flag] = "BOOLEAN" if is_any(arrived[flag], COUNTED) else arrived[flag]
    only = opening.only({column.name: column.element for column in read}, types)
    rows = rows if only is None else rows.where(only)
    if isinstance(owner, LabelSource) or owner.event_time not in arrived:
        return types, rows
    moment = table.c[owner.event_time]
    return types, rows.where(inside(moment, arrived[owner.event_time], owner.zone, opening.window))


def _column(column: Expression, name: str, opening: Opening, arrived: str) -> tuple[str, Expression]:
    """The type that a column is read as, and how."""
    if arrived == '"NULL"' and name in _times(opening.owner):
        # What holds nothing has no type, and no moment can be taken of it.
        return "TIMESTAMP", sa.cast(column, sa.TIMESTAMP())
    if arrived in ("FLOAT", "DOUBLE") and name in _categories(opening.owner):
        # A missing value makes a column of whole codes float elsewhere: 7.0 is still the category '7'.
        x = sa.cast(column, sa.Double)
        is_whole = sa.and_(size(x) < number(9e15), x == sa.cast(sa.func.floor(x), sa.Double))
        return "VARCHAR", sa.case((is_whole, text(sa.cast(x, sa.BigInteger))), else_=text(column))
    if name == _flag(opening.owner) and is_any(arrived, NUMBERS):
        return arrived, column != whole(0)
    if name in opening.counted and arrived == "BOOLEAN":
        return arrived, sa.cast(column, sa.Integer)
    return arrived, column


def _flag(owner: Source) -> str:
    """The column of a label source that is read as true or false."""
    return (owner.censored or "") if isinstance(owner, LabelSource) else ""


def _categories(owner: Source) -> Sequence[str]:
    return [c.name for c in owner.columns if c.kind is Kind.CATEGORICAL] if isinstance(owner, Dataset) else []


def _times(owner: Source) -> set[str]:
    """The columns that should hold times."""
    columns = owner.columns if isinstance(owner, Dataset) else ()
    return {time_column(owner), *(column.name for column in columns if column.kind is Kind.DATETIME)}
