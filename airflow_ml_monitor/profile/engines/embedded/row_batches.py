"""A batch of rows as Arrow, a piece at a time: every column as it is, in its order, types unchanged."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any, Final

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from airflow_ml_monitor.errors import NoSource, SpecError, WrongType
from airflow_ml_monitor.profile.engines.embedded import files
from airflow_ml_monitor.profile.engines.embedded.file import File
from airflow_ml_monitor.profile.engines.embedded.held import Held

BATCH_ROWS: Final = 65_536
"""Rows held at a time: of thirty numbers each 16 MB."""


@dataclass(frozen=True, slots=True)
class Batches:
    """The rows of a source, to be read once."""

    schema: pa.Schema
    pieces: Iterator[pa.RecordBatch]


@contextmanager
def batches(source: Any) -> Iterator[Batches]:
    """Open a path, glob or directory of Parquet or CSV files, or a pandas or Arrow table.

    Parquet and tables keep their types; a CSV file has none, so its columns are typed as a profile types them. Columns
    that a file lacks are NULL there. NoSource where nothing can be read, WrongType where files disagree on a type.
    """
    if not isinstance(source, (str, os.PathLike)):
        table = _table(source)
        yield Batches(table.schema, iter(table.to_batches(BATCH_ROWS)))
        return
    found = files.files_of(source)
    if not found:
        raise NoSource("no file matches the source of the batch")
    if any(file.table for file in found):
        raise SpecError("a batch is files, not a table of a lake; name those that are to be split", field="source")
    if found[0].is_parquet:
        yield _parquet(found)
        return
    with (
        duckdb.connect(config={"autoinstall_known_extensions": "false"}) as connection,
        closing(Held(connection)) as held,
    ):
        connection.execute("SET TimeZone = 'UTC'")
        try:
            # Many paths are read as well as one; the stubs do not know.
            paths: Any = held.names(found)
            rows = connection.read_csv(paths, header=True, union_by_name=True, sample_size=-1)
            reader = rows.to_arrow_reader(BATCH_ROWS)
        except duckdb.Error as error:
            # Not chained, here and below: the message may quote a value of the data.
            raise NoSource(f"the batch cannot be read: {type(error).__name__}; is the file whole?") from None
        yield Batches(reader.schema, _guarded(reader))


def _table(source: Any) -> pa.Table:
    if isinstance(source, pa.Table):
        return source
    if not hasattr(source, "columns") or not hasattr(source, "iloc"):
        raise SpecError(
            f"a batch of type {type(source).__qualname__}; give a path, a glob, a pandas DataFrame or an Arrow table",
            field="source",
        )
    try:
        return pa.Table.from_pandas(source)
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        told = f"a column of the batch holds values of several types ({type(error).__name__}); give each column one"
        raise WrongType(told) from None


def _parquet(found: Sequence[File]) -> Batches:
    try:
        each = [pq.read_schema(file.readable) for file in found]
    except (pa.ArrowException, OSError) as error:
        raise NoSource(f"the batch cannot be read: {type(error).__name__}; is the file whole?") from None
    try:
        schema = pa.unify_schemas(each)
    except (pa.ArrowException, TypeError):
        told = _disagreeing(each)
        raise WrongType(f"files of the batch hold {told} as different types; split them one by one") from None
    return Batches(schema, _guarded(_read(found, schema)))


def _disagreeing(schemas: Sequence[pa.Schema]) -> str:
    types: dict[str, set[str]] = {}
    for schema in schemas:
        for part in schema:
            types.setdefault(part.name, set()).add(str(part.type))
    return ", ".join(f"column {name!r}" for name, several in types.items() if len(several) > 1) or "a column"


def _read(found: Sequence[File], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    for file in found:
        # Buffered ahead, a file would be in memory as a whole.
        with pq.ParquetFile(file.readable, pre_buffer=False, buffer_size=2**20) as rows:
            for piece in rows.iter_batches(BATCH_ROWS):
                yield _fitted(piece, schema)


def _fitted(piece: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """The columns of the whole; a column without a type in this file, or not in it at all, is NULL."""
    names = set(piece.schema.names)
    arrays = [
        piece.column(part.name).cast(part.type) if part.name in names else pa.nulls(piece.num_rows, part.type)
        for part in schema
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _guarded(pieces: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    try:
        yield from pieces
    except (pa.ArrowException, OSError, duckdb.Error) as error:
        raise NoSource(f"the batch cannot be read: {type(error).__name__}; is the file whole?") from None
