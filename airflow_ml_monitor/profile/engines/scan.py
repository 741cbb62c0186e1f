"""One snapshot of one or two sources, under their names, in a connection of its own."""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

import duckdb
import numpy as np
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from airflow_ml_monitor.errors import MissingColumn, NoSource, ScanError, WrongType
from airflow_ml_monitor.keys import EVER, Window
from airflow_ml_monitor.profile.dataset import Column, Dataset, Kind
from airflow_ml_monitor.profile.engines import files, memory
from airflow_ml_monitor.profile.label_source import LabelSource

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from sqlalchemy.sql.compiler import SQLCompiler

Array = np.ndarray[Any, Any]

ABSENT: Final = -2_000_000
"""Stands for a NULL that grouping sets put where a key does not take part."""

ROW_NUMBER: Final = "file_row_number"
"""The virtual column that serves as key where a file has none."""

SMALL_BYTES: Final = 8 * 2**20
"""Files of so many bytes together are read once, into memory; larger ones are streamed by every statement."""

_DIALECT: sa.Dialect = postgresql.dialect(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]

INTEGERS: Final = frozenset(
    ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT")
)
NUMBERS: Final = INTEGERS | {"FLOAT", "DOUBLE", "DECIMAL", '"NULL"'}
TIMES: Final = frozenset(("TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "DATE", '"NULL"'))
_ACCEPTED: Final = {Kind.NUMERIC: NUMBERS, Kind.BOOLEAN: INTEGERS | {"BOOLEAN", '"NULL"'}, Kind.DATETIME: TIMES}
"""DuckDB's types by which a kind may arrive; categories may be any."""

_PLAIN_TIMES: Final = {
    "TIMESTAMP_S": "TIMESTAMP",
    "TIMESTAMP_MS": "TIMESTAMP",
    "TIMESTAMP_NS": "TIMESTAMP",
    "TIMESTAMPTZ_NS": "TIMESTAMP WITH TIME ZONE",
}

Source = Dataset | LabelSource


@lru_cache(maxsize=512)
def _compiled(build: Callable[..., sa.SelectBase], about: tuple[Hashable, ...], _written: str) -> SQLCompiler:
    """A statement's text. Building and compiling one takes longer than running it on a small window.

    _written: the arguments as they write themselves; 1 and True are equal, and make two statements.
    """
    return build(*about).compile(dialect=_DIALECT)


@dataclass(frozen=True, slots=True)
class Opening:
    """A source to open, for which of its columns, and for which window (labels: always all of it)."""

    owner: Source
    columns: tuple[str, ...]
    window: Window = EVER


@dataclass(frozen=True, slots=True)
class Scan:
    """A connection, the columns' types by source, and values for the parameters that all statements share."""

    connection: duckdb.DuckDBPyConnection
    types: Mapping[str, Mapping[str, str]]
    shared: dict[str, Any] = field(default_factory=dict)

    def rows(self, build: Callable[..., sa.SelectBase], *about: Hashable) -> list[tuple[Any, ...]]:
        """A statement's rows. build, about: the function that writes it, and its arguments."""
        found: list[tuple[Any, ...]] = self._ran(build, about, lambda result: result.fetchall())
        return found

    def masked(self, build: Callable[..., sa.SelectBase], *about: Hashable) -> dict[str, Array]:
        """A statement's columns, NULL masked."""
        found: dict[str, Array] = self._ran(build, about, lambda result: result.fetchnumpy())
        return found

    def columns(self, build: Callable[..., sa.SelectBase], *about: Hashable) -> dict[str, Array]:
        """A statement's columns; a missing integer is ABSENT, a missing float NaN."""
        found = {}
        for name, column in self.masked(build, *about).items():
            missing = np.nan if column.dtype.kind == "f" else ABSENT
            if isinstance(column, np.ma.MaskedArray) and column.dtype.kind in "fiu":
                column = column.filled(missing)
            found[name] = np.asarray(column)
        return found

    def frame(self, build: Callable[..., sa.SelectBase], *about: Hashable) -> pd.DataFrame:
        """A statement's rows as pandas has them."""
        found: pd.DataFrame = self._ran(build, about, lambda result: result.fetch_df())
        return found

    def arrow(self, build: Callable[..., sa.SelectBase], *about: Hashable) -> pa.Table:
        """A statement's rows as Arrow has them."""
        return self._ran(build, about, None)

    def _ran(
        self,
        build: Callable[..., sa.SelectBase],
        about: tuple[Hashable, ...],
        fetch: Callable[[duckdb.DuckDBPyConnection], Any] | None,
    ) -> Any:
        """What `fetch` takes of a statement's result; None: an Arrow table."""
        compiled = _compiled(build, about, repr(about))
        wanted = {name: value for name, value in self.shared.items() if name in compiled.binds}
        filled = compiled.construct_params(wanted)
        bound = [filled[name] for name in compiled.positiontup or ()]
        try:
            if fetch is None:
                return self.connection.sql(str(compiled), params=bound).to_arrow_table()
            return fetch(self.connection.execute(str(compiled), bound))
        except (duckdb.BinderException, duckdb.CatalogException) as error:
            raise ScanError(f"DuckDB does not understand the statement: {error}") from error
        except duckdb.Error as error:
            # Not chained: DuckDB's message may quote a value of the data.
            raise ScanError(f"DuckDB gave up with {type(error).__name__}; is the file whole?") from None

    def terms(self, name: str, owner: Source, moment: datetime) -> datetime:
        """An instant as the time column of a source understands it: aware, or naive in the declared zone."""
        column = time_column(owner)
        if "TIME ZONE" in self.types[name].get(column, ""):
            return moment
        return moment.astimezone(ZoneInfo(owner.zone)).replace(tzinfo=None)

    def within(self, dataset: Dataset, window: Window) -> str:
        """Confine statements to a window: the column to compare with its bounds, or '' where every row counts."""
        if window == EVER:
            return ""
        self.need_time("source", dataset)
        self.shared["start"] = self.terms("source", dataset, window.start)
        self.shared["end"] = self.terms("source", dataset, window.end)
        return dataset.event_time

    def need_time(self, name: str, owner: Source) -> None:
        """Raise MissingColumn or WrongType unless a source's time column holds times."""
        column = time_column(owner)
        meaning = "event time" if isinstance(owner, Dataset) else "label time"
        arrived = self.types[name].get(column)
        if arrived is None:
            raise MissingColumn(f"column {column!r} ({meaning}) is missing")
        if arrived not in TIMES:
            raise WrongType(f"column {column!r} ({meaning}) arrived as {arrived}, not as a time")

    def faults(self, columns: Sequence[Column]) -> dict[str, str]:
        """Columns of the dataset that are absent or of another type, with the reason."""
        found = {}
        for column in columns:
            arrived = self.types["source"].get(column.name)
            accepted = _ACCEPTED.get(column.kind)
            if arrived is None:
                found[column.name] = f"column {column.name!r} is missing"
            elif accepted and not is_any(arrived, accepted):
                found[column.name] = f"column {column.name!r} arrived as {arrived}, declared {column.kind}"
        return found


def is_any(arrived: str, types: frozenset[str]) -> bool:
    """Whether a type of DuckDB's is one of some; DECIMAL(18,3) is a DECIMAL, INTEGER[] no INTEGER."""
    return not arrived.endswith("]") and arrived.split("(")[0] in types


def time_column(owner: Source) -> str:
    """The event time of a dataset, the label time of a label source; '' without one."""
    return owner.event_time if isinstance(owner, Dataset) else owner.label_time or ""


def is_absent(source: Any) -> bool:
    """True if no file is where a source should be."""
    return isinstance(source, (str, os.PathLike)) and not files.files_of(source)


def declared(dataset: Dataset, window: Window) -> Opening:
    """A dataset with all columns that the spec names."""
    names = [*(c.name for c in dataset.columns), dataset.event_time, *dataset.entity_key]
    return Opening(dataset, tuple(dict.fromkeys(names)), window)


@contextmanager
def opened(connection: duckdb.DuckDBPyConnection, sources: Mapping[str, Opening]) -> Iterator[Scan]:
    """Open sources under their names; ScanError if one changed while it was read. Closes the connection."""
    try:
        connection.execute("SET TimeZone = 'UTC'")
        before = [_named(opening) for opening in sources.values()]
        yield Scan(connection, {name: _open(connection, name, opening) for name, opening in sources.items()})
        if before != [_named(opening) for opening in sources.values()]:
            changed = ", ".join(opening.owner.name for opening in sources.values())
            raise ScanError(f"{changed} changed while being read; run the task again")
    finally:
        connection.close()


def _named(opening: Opening) -> str:
    if not isinstance(opening.owner.source, (str, os.PathLike)):
        return memory.fingerprint(opening.owner.source)
    return files.fingerprint(_files(opening))


def _files(opening: Opening) -> tuple[files.File, ...]:
    owner, every = opening.owner, files.files_of(opening.owner.source)
    if isinstance(owner, LabelSource):
        return every
    return files.holding(every, owner.event_time, owner.zone, opening.window)


def _open(connection: duckdb.DuckDBPyConnection, name: str, opening: Opening) -> dict[str, str]:
    """Give a source its name in the connection, with the types of its columns; NoSource where there is none."""
    try:
        rows, is_small = _rows(connection, name, opening)
        arrived = _types(connection, f"FROM {rows}")
        read = {column: arrived[column] for column in opening.columns if column in arrived}
        named = _categorical(opening.owner)
        casts = [_cast(c, t, c in named) for c, t in read.items()] or ["1 AS nothing"]
        form = "TABLE" if is_small else "VIEW"
        connection.execute(f"CREATE TEMP {form} {name} AS SELECT {', '.join(casts)} FROM {rows}")  # noqa: S608
        return _types(connection, name)
    except duckdb.Error as error:
        # Not chained: DuckDB's message may quote the data.
        raise NoSource(f"the source of {opening.owner.name!r} cannot be read: {type(error).__name__}") from None


def _categorical(owner: Source) -> set[str]:
    return {c.name for c in owner.columns if c.kind is Kind.CATEGORICAL} if isinstance(owner, Dataset) else set()


def plain_times(rows: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """The same rows, with times of other precisions than microseconds as such."""
    types = zip(rows.columns, map(str, rows.types), strict=True)
    return rows.project(", ".join(_cast(name, arrived, False) for name, arrived in types))


def _cast(column: str, arrived: str, is_category: bool) -> str:
    """How a column is read, where not as it is."""
    name = _quoted(column)
    if arrived in _PLAIN_TIMES:
        # Times of other precisions than microseconds lack most functions.
        return f"CAST({name} AS {_PLAIN_TIMES[arrived]}) AS {name}"
    if is_category and arrived in ("FLOAT", "DOUBLE"):
        # A missing value makes a column of whole codes float: 7.0 is still the category '7'.
        is_whole, code = f"abs({name}) < 9e15 AND {name} = floor({name})", f"CAST(CAST({name} AS BIGINT) AS VARCHAR)"
        return f"CASE WHEN {is_whole} THEN {code} ELSE CAST({name} AS VARCHAR) END AS {name}"
    return name


def _types(connection: duckdb.DuckDBPyConnection, rows: str) -> dict[str, str]:
    return {row[0]: str(row[1]) for row in connection.execute(f"DESCRIBE {rows}").fetchall()}


def _rows(connection: duckdb.DuckDBPyConnection, name: str, opening: Opening) -> tuple[str, bool]:
    """(what to select from, whether it is small enough to be kept in memory)."""
    owner = opening.owner
    if not isinstance(owner.source, (str, os.PathLike)):
        connection.register(f"{name}_in_memory", memory.table(owner.source, opening.columns))
        return f"{name}_in_memory", False
    every = files.files_of(owner.source)
    if not every:
        raise NoSource(f"no file matches the source of {owner.name!r}")
    # Without a file for the window, any file tells the columns.
    chosen = _files(opening) or every[-1:]
    paths = ", ".join(_literal(file.path) for file in chosen)
    is_small = sum(file.size for file in chosen) <= SMALL_BYTES
    if not chosen[0].is_parquet:
        return _csv(connection, paths, is_small), is_small
    options = "" if files.are_alike(chosen) else ", union_by_name = true"
    options += ", file_row_number = true" if ROW_NUMBER in opening.columns else ""
    return f"read_parquet([{paths}]{options})", is_small


def _csv(connection: duckdb.DuckDBPyConnection, paths: str, is_small: bool) -> str:
    """CSV files with types that all their rows bear out: a stray text is a column's fault, not the scan's end."""
    options = "header = true, union_by_name = true"
    whole = f"read_csv([{paths}], {options}, sample_size = -1)"
    if is_small:
        return whole
    # Found once, not again by every statement.
    types = ", ".join(f"{_literal(c)}: {_literal(t)}" for c, t in _types(connection, f"FROM {whole}").items())
    return f"read_csv([{paths}], {options}, types = {{{types}}})"


def _quoted(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
