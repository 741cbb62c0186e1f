"""How DuckDB opens a source under a name, in a connection of its own: files, columns, and what they are read as."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import duckdb
import sqlalchemy as sa
from sqlalchemy.sql import quoted_name

from airflow_ml_monitor.errors import NoSource, OutOfMemory, ScanError
from airflow_ml_monitor.keys import EVER
from airflow_ml_monitor.profile.dataset import Dataset, Kind
from airflow_ml_monitor.profile.engines import memory
from airflow_ml_monitor.profile.engines.embedded import files
from airflow_ml_monitor.profile.engines.embedded.duckdb_scan import TOO_LITTLE, DuckDBScan, one_thread
from airflow_ml_monitor.profile.engines.embedded.file import File
from airflow_ml_monitor.profile.engines.embedded.held import Held, partitions
from airflow_ml_monitor.profile.engines.opening import Opening
from airflow_ml_monitor.profile.engines.scan import NOTHING, ROW_NUMBER, TIMES, Source, in_terms, time_column
from airflow_ml_monitor.profile.label_source import LabelSource
from airflow_ml_monitor.profile.queries.dialect import DUCKDB
from airflow_ml_monitor.profile.queries.query import Expression

SMALL_BYTES: Final = 8 * 2**20
"""Files of so many bytes together are read once, into memory; larger ones are streamed by every statement."""

KEPT_ROWS: Final = 1_000_000
"""Up to so many rows that are drawn are held in memory, beyond them drawn again by every statement."""

_PLAIN_TIMES: Final = {
    "TIMESTAMP_S": "TIMESTAMP",
    "TIMESTAMP_MS": "TIMESTAMP",
    "TIMESTAMP_NS": "TIMESTAMP",
    "TIMESTAMPTZ_NS": "TIMESTAMP WITH TIME ZONE",
}


def is_absent(source: Any) -> bool:
    """True if no file is where a source should be."""
    return isinstance(source, (str, os.PathLike)) and not files.files_of(source)


@contextmanager
def opened(connection: duckdb.DuckDBPyConnection, sources: Mapping[str, Opening]) -> Iterator[DuckDBScan]:
    """Open sources under their names; ScanError if one changed while it was read. Closes the connection."""
    held = Held(connection)
    try:
        connection.execute("SET TimeZone = 'UTC'")
        before = [_named(opening) for opening in sources.values()]
        found = {name: _open(held, name, opening) for name, opening in sources.items()}
        types, arrived = ({name: each[i] for name, each in found.items()} for i in (0, 1))
        yield DuckDBScan(connection, types=types, arrived=arrived)
        if before != [_named(opening) for opening in sources.values()]:
            changed = ", ".join(opening.owner.name for opening in sources.values())
            raise ScanError(f"{changed} changed while being read; run the task again")
        if sum(size for _, size in before) > SMALL_BYTES:
            # DuckDB gives back what it freed when its threads end; else the process holds it for all that follows.
            with one_thread(connection):
                pass
    except (NoSource, ScanError):
        if held.failed:
            # What DuckDB could not read, its store did not give.
            raise held.failed from None
        raise
    finally:
        held.close()
        connection.close()


def _named(opening: Opening) -> tuple[str, int]:
    """(a name of what is read, the bytes of its files)."""
    if not isinstance(opening.owner.source, (str, os.PathLike)):
        return memory.fingerprint(opening.owner.source), 0
    chosen = _files(opening)
    return files.fingerprint(chosen), sum(file.size for file in chosen)


def _files(opening: Opening) -> tuple[File, ...]:
    owner, every = opening.owner, files.files_of(opening.owner.source)
    if isinstance(owner, LabelSource):
        return every
    return files.holding(every, owner.event_time, owner.zone, opening.window)


def _open(held: Held, name: str, opening: Opening) -> tuple[dict[str, str], dict[str, str]]:
    """Give a source its name in the connection: types of its opened columns, and of all. NoSource if there is none."""
    connection = held.connection
    try:
        opening = opening.widened(memory.names(opening.owner.source))
        rows, is_kept = _rows(held, name, opening)
        arrived = {**memory.names(opening.owner.source), **_types(connection, f"FROM {rows}")}
        opening = opening.widened(arrived)
        read = {column: arrived[column] for column in opening.columns if column in arrived}
        named, times = _categorical(opening.owner), _times(opening.owner)
        # What holds nothing has no type, and no moment can be taken of it.
        read |= {c: "TIMESTAMP_NS" for c, t in read.items() if t == '"NULL"' and c in times}
        casts = [_cast(c, t, c in named) for c, t in read.items()] or [f"1 AS {NOTHING}"]
        # A hash of every row for every statement would cost what drawing saves.
        is_kept = is_kept or (opening.drawn_by(read) != () and opening.fraction * _rows_of(opening) <= KEPT_ROWS)
        cast = f"SELECT {', '.join(casts)} FROM {rows}"  # noqa: S608
        chosen = f"SELECT * FROM ({cast}){_where(opening, read)}"  # noqa: S608
        connection.execute(f"CREATE TEMP {'TABLE' if is_kept else 'VIEW'} {name} AS {chosen}")
        return _types(connection, name), arrived
    except duckdb.OutOfMemoryException:
        raise OutOfMemory(TOO_LITTLE) from None
    except duckdb.Error as error:
        # Not chained: DuckDB's message may quote the data.
        raise NoSource(f"the source of {opening.owner.name!r} cannot be read: {type(error).__name__}") from None


def _where(opening: Opening, types: Mapping[str, str]) -> str:
    """Which rows are read, written out: a view is made once, and binds nothing."""
    owner, window = opening.owner, opening.window
    read: dict[str, Expression] = {name: sa.column(quoted_name(name, True)) for name in types}
    if (only := opening.only(read, types)) is None:
        return ""
    if window != EVER and (arrived := types.get(time_column(owner), "")) in TIMES:
        at, kind = read[time_column(owner)], sa.DateTime(timezone="TIME ZONE" in arrived)
        start, end = (
            sa.cast(sa.literal(str(in_terms(t, arrived, owner.zone)), sa.String), kind)
            for t in (window.start, window.end)
        )
        only = sa.and_(at >= start, at < end, only)
    return f" WHERE {only.compile(dialect=DUCKDB, compile_kwargs={'literal_binds': True})}"


def _rows_of(opening: Opening) -> float:
    """Rows from which those of a source are drawn; of text, which is read once, infinitely many."""
    source = opening.owner.source
    if not isinstance(source, (str, os.PathLike)):
        return int(memory.table(source, opening.columns).num_rows)
    chosen = _files(opening)
    return sum(map(files.rows_of, chosen)) if all(file.is_parquet for file in chosen) else math.inf


def _categorical(owner: Source) -> set[str]:
    return {c.name for c in owner.columns if c.kind is Kind.CATEGORICAL} if isinstance(owner, Dataset) else set()


def _times(owner: Source) -> set[str]:
    """The columns that should hold times."""
    columns = owner.columns if isinstance(owner, Dataset) else ()
    return {time_column(owner), *(column.name for column in columns if column.kind is Kind.DATETIME)}


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


def _rows(held: Held, name: str, opening: Opening) -> tuple[str, bool]:
    """(what to select from, whether it is read once, into a table)."""
    owner = opening.owner
    if not isinstance(owner.source, (str, os.PathLike)):
        held.connection.register(f"{name}_in_memory", memory.table(owner.source, opening.columns))
        return f"{name}_in_memory", False
    every = files.files_of(owner.source)
    if not every:
        raise NoSource(f"no file matches the source of {owner.name!r}")
    # Without a file for the window, any file tells the columns.
    chosen = _files(opening) or every[-1:]
    files.check_whole(chosen)
    paths = ", ".join(map(_literal, held.names(chosen)))
    is_small = sum(file.size for file in chosen) <= SMALL_BYTES
    if not chosen[0].is_parquet:
        # Text is not read twice: what does not fit into memory waits on disk, in columns.
        return _csv(held.connection, paths, is_small), True
    options = partitions(chosen[0])
    options += "" if files.are_alike(chosen) else ", union_by_name = true"
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
