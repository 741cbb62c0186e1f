"""A source about which nothing is declared yet: its columns, its size, and a spread of its rows."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa

from airflow_ml_monitor.errors import NoSource, ScanError
from airflow_ml_monitor.profile.engines import files, memory
from airflow_ml_monitor.profile.engines.scan import ROW_NUMBER

SAMPLE_ROWS: Final = 50_000
"""So many rows are looked at: 30 million in one file are opened, counted and sampled in 0.1 s."""
_FILES: Final = 8
"""So many files at most, spread over the sorted list: the first and the last are among them."""
_PIECES: Final = 8
"""A long file is looked at in so many places: neighbours are alike."""
_ENDINGS: Final = ("parquet", "pq", "csv", "csv.gz")


@dataclass(frozen=True, slots=True)
class Table:
    """A source that is open: `name` selects all rows, `sample` those that are looked at.

    source: as a spec would say it. rows: in all files. types: DuckDB's, by column. numbered: whether rows have a
    `file_row_number` that names them (Parquet, one file).
    """

    connection: duckdb.DuckDBPyConnection
    name: str
    source: Any
    files: int
    bytes: int
    rows: int
    looked: int
    types: Mapping[str, str]
    numbered: bool

    @property
    def sample(self) -> str:
        return f"{self.name}_sample"

    def ask(self, statement: str) -> list[tuple[Any, ...]]:
        """Rows of a statement on this connection; ScanError, quoting no data, where DuckDB gives up."""
        try:
            return self.connection.execute(statement).fetchall()
        except (duckdb.ParserException, duckdb.BinderException) as error:
            raise ScanError(f"DuckDB does not understand the statement: {error}") from error
        except duckdb.Error as error:
            raise ScanError(f"DuckDB gave up on {self.name} with {type(error).__name__}; is the file whole?") from None


def located(source: Any) -> Any:
    """A source as a spec says it: a directory becomes the glob of its files, anything else stays."""
    if not isinstance(source, (str, os.PathLike)) or not Path(source).is_dir():
        return source
    folder = Path(source)
    for pattern in (f"{deep}*.{ending}" for ending in _ENDINGS for deep in ("", "**/")):
        if glob.glob(str(folder / pattern), recursive=True):
            return str(folder / pattern)
    raise NoSource(f"no Parquet or CSV file is in the directory {str(source)!r}; name the files, or a glob")


@contextmanager
def tables(**sources: Any) -> Iterator[dict[str, Table]]:
    """Open sources under their names in one connection; None opens nothing."""
    connection = duckdb.connect(config={"autoinstall_known_extensions": "false"})
    try:
        connection.execute("SET TimeZone = 'UTC'")
        yield {name: _opened(connection, name, located(s)) for name, s in sources.items() if s is not None}
    finally:
        connection.close()


def quoted(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'


def _opened(connection: duckdb.DuckDBPyConnection, name: str, source: Any) -> Table:
    if not isinstance(source, (str, os.PathLike)):
        return _in_memory(connection, name, memory.table(source))
    found = files.files_of(source)
    if not found:
        raise NoSource(f"no file matches {os.fspath(source)!r}; give a Parquet or CSV file, a glob or a directory")
    every, chosen = [_literal(f.path) for f in found], [_literal(f.path) for f in _spread(found, _FILES)]
    try:
        if found[0].is_parquet:
            every_row = _parquet(connection, name, every, chosen)
        else:
            every_row = _csv(connection, name, every, chosen)
    except duckdb.Error as error:
        # Not chained: DuckDB's message may quote the data.
        raise NoSource(f"{os.fspath(source)!r} cannot be read: {type(error).__name__}; is the file whole?") from None
    numbered = found[0].is_parquet and len(found) == 1
    size = sum(file.size for file in found)
    return _table(connection, name, (os.fspath(source), len(found), size), every_row, numbered)


def _table(
    connection: duckdb.DuckDBPyConnection, name: str, place: tuple[Any, int, int], rows: int, numbered: bool
) -> Table:
    described = connection.execute(f"DESCRIBE {name}_sample").fetchall()
    types = {row[0]: str(row[1]) for row in described if row[0] != ROW_NUMBER}
    looked = connection.execute(f"SELECT count(*) FROM {name}_sample").fetchall()[0][0]  # noqa: S608
    return Table(connection, name, *place, rows, looked, types, numbered)


def _in_memory(connection: duckdb.DuckDBPyConnection, name: str, table: pa.Table) -> Table:
    connection.register(name, table)
    pieces = [table.slice(start, end - start) for start, end in _ranges(table.num_rows, SAMPLE_ROWS)]
    connection.register(f"{name}_sample", pa.concat_tables(pieces) if pieces else table)
    return _table(connection, name, (None, 0, table.nbytes), table.num_rows, False)


def _parquet(connection: duckdb.DuckDBPyConnection, name: str, every: Sequence[str], chosen: Sequence[str]) -> int:
    counted = "SELECT file_name, num_rows FROM parquet_file_metadata([{}])"
    rows = {str(file): int(n) for file, n in connection.execute(counted.format(", ".join(every))).fetchall()}
    options = "union_by_name = true, file_row_number = true"
    connection.execute(f"CREATE TEMP VIEW {name} AS FROM read_parquet([{', '.join(every)}], {options})")
    if sum(rows.values()) <= SAMPLE_ROWS:
        chosen, spans = every, []
    else:
        longest = max(n for file, n in rows.items() if _literal(file) in chosen)
        spans = _ranges(longest, SAMPLE_ROWS // len(chosen))
    wanted = " OR ".join(f"file_row_number BETWEEN {start} AND {end - 1}" for start, end in spans) or "true"
    part = f"read_parquet([{', '.join(chosen)}], {options})"
    connection.execute(f"CREATE TEMP TABLE {name}_sample AS FROM {part} WHERE {wanted}")
    return sum(rows.values())


def _csv(connection: duckdb.DuckDBPyConnection, name: str, every: Sequence[str], chosen: Sequence[str]) -> int:
    options = f"header = true, union_by_name = true, sample_size = {SAMPLE_ROWS}"
    connection.execute(f"CREATE TEMP VIEW {name} AS FROM read_csv([{', '.join(every)}], {options})")
    part = f"read_csv([{', '.join(chosen)}], {options})"
    connection.execute(f"CREATE TEMP TABLE {name}_sample AS FROM {part} LIMIT {SAMPLE_ROWS}")
    return int(connection.execute(f"SELECT count(*) FROM {name}").fetchall()[0][0])  # noqa: S608


def _ranges(rows: int, wanted: int) -> list[tuple[int, int]]:
    """Half-open spans of row numbers, evenly spread, of so many rows together.

    >>> _ranges(5, 10), _ranges(100, 8)[:3]
    ([(0, 5)], [(0, 1), (14, 15), (28, 29)])
    """
    if rows <= wanted:
        return [(0, rows)] if rows else []
    size = max(1, wanted // _PIECES)
    starts = [piece * (rows - size) // (_PIECES - 1) for piece in range(_PIECES)]
    return [(start, start + size) for start in starts]


def _spread(found: Sequence[files.File], wanted: int) -> list[files.File]:
    if len(found) <= wanted:
        return list(found)
    return [found[i * (len(found) - 1) // (wanted - 1)] for i in range(wanted)]


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
