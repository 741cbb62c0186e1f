"""A source of which nothing is declared yet: its columns, its size, and a spread of its rows."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any, Final

import duckdb
import pandas as pd
import pyarrow as pa

from airflow_ml_monitor.errors import NoSource
from airflow_ml_monitor.profile.engines import memory
from airflow_ml_monitor.profile.engines.embedded import files
from airflow_ml_monitor.profile.engines.embedded.duckdb_opening import plain_times
from airflow_ml_monitor.profile.engines.embedded.duckdb_scan import DuckDBScan
from airflow_ml_monitor.profile.engines.embedded.file import File
from airflow_ml_monitor.profile.engines.embedded.held import Held
from airflow_ml_monitor.profile.engines.label_types import key_readings
from airflow_ml_monitor.profile.engines.scan import INTEGERS, NUMBERS, ROW_NUMBER, is_any
from airflow_ml_monitor.profile.queries import preview_query

SAMPLE_ROWS: Final = 50_000
"""So many rows are looked at, however many there are."""
_FILES: Final = 8
"""So many files at most, spread over the sorted list: the first and the last are among them."""
_PIECES: Final = 8
"""A long file is looked at in so many places: neighbours are alike."""
_INDEX: Final = "__index_level_"
"""What pandas calls an index that it writes beside the columns: no column of anybody's, and no key."""
_MOST_PARTNERS: Final = 20 * SAMPLE_ROWS
"""A key that is none may match every row with every other."""


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """A source that is open, and the rows that are looked at.

    source: as a spec would say it, None in memory. rows: in all files. types: DuckDB's, by column. numbered: whether
    rows have a `file_row_number` that names them (Parquet, one file).
    looked: the rows as they are; frame: the same in their order, numbers but integers as floats, times by UTC's clock
    without a zone, and what is neither number nor time nor true or false as text.
    """

    name: str
    source: Any
    rows: int
    numbered: bool
    types: Mapping[str, str]
    looked: pa.Table
    frame: pd.DataFrame
    scan: DuckDBScan

    def spans(self, columns: Sequence[str]) -> dict[str, tuple[datetime | None, datetime | None]]:
        """First and last moment of columns of times in all rows; Parquet answers from its footers."""
        [found] = self.scan.rows(preview_query.spans, self.name, tuple(columns)) if columns else [()]
        return {name: (found[2 * i], found[2 * i + 1]) for i, name in enumerate(columns)}

    def partners(
        self, other: Sample, mine: Sequence[str], theirs: Sequence[str], columns: Sequence[str]
    ) -> pd.DataFrame:
        """All rows of another source whose key is that of a row looked at here, by the number of that row."""
        wanted = {f"k{i}": self.looked[name] for i, name in enumerate(mine)}
        numbers = pa.array(range(self.looked.num_rows), pa.int64())
        self.scan.register("wanted", pa.table({**wanted, "nth": numbers}))
        kinds = ((self.types[a], other.types.get(b, "BIGINT")) for a, b in zip(mine, theirs, strict=True))
        readings = tuple(key_readings(*kind) for kind in kinds)
        about = (other.name, tuple(theirs), readings, tuple(columns), _MOST_PARTNERS)
        found = self.scan.arrow(preview_query.partners, *about).rename_columns(["nth", *columns])
        frame = _framed(found.select(range(1, found.num_columns)), {name: other.types[name] for name in columns})
        return frame.set_axis(found["nth"].to_numpy())


@contextmanager
def samples(**sources: Any) -> Iterator[dict[str, Sample]]:
    """Open sources under their names in one connection: paths, globs, directories, tables; None opens nothing.

    Raises NoSource where one cannot be read.
    """
    with duckdb.connect(config={"autoinstall_known_extensions": "false"}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        scan = DuckDBScan(connection, types={})
        with closing(Held(connection)) as held:
            yield {name: _opened(scan, held, name, source) for name, source in sources.items() if source is not None}


def _opened(scan: DuckDBScan, held: Held, name: str, source: Any) -> Sample:
    if not isinstance(source, (str, os.PathLike)):
        table = memory.table(source)
        plain_times(scan.connection.from_arrow(table)).create_view(name)
        pieces = [table.slice(start, end - start) for start, end in _ranges(table.num_rows, SAMPLE_ROWS)]
        looked, rows = pa.concat_tables(pieces) if pieces else table, table.num_rows
        return _sample(scan, name, looked, (None, rows, False))
    found = files.files_of(source)
    if not found:
        where = "Parquet or CSV file is in the directory" if os.path.isdir(source) else "file matches"
        raise NoSource(f"no {where} {os.fspath(source)!r}; give a Parquet or CSV file, a glob or a directory")
    try:
        every, part = (_parquet if found[0].is_parquet else _csv)(held, found)
        plain_times(every).create_view(name)
        looked = plain_times(part).to_arrow_table()
        rows = sum(map(files.rows_of, found)) if found[0].is_parquet else every.shape[0]
    except duckdb.Error as error:
        if held.failed:
            raise held.failed from None
        # Not chained: DuckDB's message may quote the data.
        raise NoSource(f"{os.fspath(source)!r} cannot be read: {type(error).__name__}; is the file whole?") from None
    place = (files.located(source), rows, found[0].is_parquet and len(found) == 1)
    return _sample(scan, name, looked, place)


def _sample(scan: DuckDBScan, name: str, looked: pa.Table, place: tuple[Any, int, bool]) -> Sample:
    every = scan.connection.table(name)
    read = zip(every.columns, every.types, strict=True)
    types = {c: str(t) for c, t in read if c != ROW_NUMBER and not c.startswith(_INDEX)}
    looked = looked.select(list(types))
    return Sample(name, *place, types, looked, _framed(looked, types), scan)


_Rows = duckdb.DuckDBPyRelation


def _parquet(held: Held, found: Sequence[File]) -> tuple[_Rows, _Rows]:
    """(all rows, those to look at)."""
    every, chosen = (
        held.connection.from_parquet(held.names(part), file_row_number=True, union_by_name=True)
        for part in (found, _spread(found, _FILES))
    )
    if sum(map(files.rows_of, found)) <= SAMPLE_ROWS:
        return every, every
    longest = max(map(files.rows_of, _spread(found, _FILES)))
    places = _ranges(longest, SAMPLE_ROWS // min(len(found), _FILES))
    constant, number = duckdb.ConstantExpression, duckdb.ColumnExpression(ROW_NUMBER)
    inside = (number.between(constant(start), constant(end - 1)) for start, end in places)
    return every, chosen.filter(reduce(or_, inside))


def _csv(held: Held, found: Sequence[File]) -> tuple[_Rows, _Rows]:
    every, chosen = (
        # Many paths are read as well as one; the stubs do not know.
        held.connection.read_csv(
            held.names(part),  # type: ignore[arg-type]
            header=True,
            union_by_name=True,
            sample_size=SAMPLE_ROWS,
        )
        for part in (found, _spread(found, _FILES))
    )
    return every, chosen.limit(SAMPLE_ROWS)


def _framed(table: pa.Table, types: Mapping[str, str]) -> pd.DataFrame:
    frame: pd.DataFrame = table.to_pandas(integer_object_nulls=True, date_as_object=False)
    for name, kind in types.items():
        column = frame[name]
        if kind == "DATE" or kind.startswith("TIMESTAMP"):
            column = column.dt.tz_convert("UTC").dt.tz_localize(None) if column.dt.tz else column
            frame[name] = column.astype("datetime64[us]")
        elif is_any(kind, NUMBERS - INTEGERS):
            frame[name] = column.astype(float)
        elif not is_any(kind, INTEGERS | {"BOOLEAN", "VARCHAR"}):
            frame[name] = column.astype(object).map(str, na_action="ignore")
    return frame


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


def _spread(found: Sequence[File], wanted: int) -> Sequence[File]:
    if len(found) <= wanted:
        return found
    return [found[i * (len(found) - 1) // (wanted - 1)] for i in range(wanted)]
