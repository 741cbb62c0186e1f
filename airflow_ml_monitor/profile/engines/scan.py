"""One snapshot of one or two sources, under their names, in a connection of its own."""

from __future__ import annotations

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

from airflow_ml_monitor.errors import MissingColumn, ScanError, WrongType
from airflow_ml_monitor.keys import EVER, Window
from airflow_ml_monitor.profile.dataset import Column, Dataset, Kind
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

NOTHING: Final = "nothing"
"""The one column of a source that has none of those asked for."""

BATCH_ROWS: Final = 100_000
"""Rows that are taken from the engine at once: 20 MB of 24 columns."""

_DIALECT: sa.Dialect = postgresql.dialect(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]

INTEGERS: Final = frozenset(
    ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT")
)
NUMBERS: Final = INTEGERS | {"FLOAT", "DOUBLE", "DECIMAL", '"NULL"'}
TIMES: Final = frozenset(("TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "DATE", '"NULL"'))
_ACCEPTED: Final = {Kind.NUMERIC: NUMBERS, Kind.BOOLEAN: INTEGERS | {"BOOLEAN", '"NULL"'}, Kind.DATETIME: TIMES}
"""DuckDB's types by which a kind may arrive; categories may be any."""
_OF_CATEGORIES: Final = INTEGERS | {"VARCHAR", "ENUM", "BOOLEAN", '"NULL"'}
"""Types of an undeclared column that may hold categories under a new name."""

Source = Dataset | LabelSource


@lru_cache(maxsize=512)
def _compiled(build: Callable[..., sa.SelectBase], about: tuple[Hashable, ...], _written: str) -> SQLCompiler:
    """A statement's text. Building and compiling one takes longer than running it on a small window.

    _written: the arguments as they write themselves; 1 and True are equal, and make two statements.
    """
    return build(*about).compile(dialect=_DIALECT)


@dataclass(frozen=True, slots=True)
class Scan:
    """A connection, the opened columns' types by source, and values for the parameters that all statements share.

    arrived: by source, every column that it has, opened or not, as DuckDB names its type.
    """

    connection: duckdb.DuckDBPyConnection
    types: Mapping[str, Mapping[str, str]]
    shared: dict[str, Any] = field(default_factory=dict)
    arrived: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

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

    def batches(self, build: Callable[..., sa.SelectBase], *about: Hashable) -> Iterator[pa.RecordBatch]:
        """A statement's rows, a part at a time: so many that memory stays constant."""
        with _said():
            yield from self._result(build, about).to_arrow_reader(BATCH_ROWS)

    def _ran(
        self,
        build: Callable[..., sa.SelectBase],
        about: tuple[Hashable, ...],
        fetch: Callable[[duckdb.DuckDBPyConnection], Any] | None,
    ) -> Any:
        """What `fetch` takes of a statement's result; None: an Arrow table."""
        with _said():
            if fetch is None:
                return self._result(build, about).to_arrow_table()
            text, bound = self._filled(build, about)
            return fetch(self.connection.execute(text, bound))

    def _result(self, build: Callable[..., sa.SelectBase], about: tuple[Hashable, ...]) -> duckdb.DuckDBPyRelation:
        text, bound = self._filled(build, about)
        return self.connection.sql(text, params=bound)

    def _filled(self, build: Callable[..., sa.SelectBase], about: tuple[Hashable, ...]) -> tuple[str, list[Any]]:
        """A statement's text, and what is bound to it."""
        compiled = _compiled(build, about, repr(about))
        wanted = {name: value for name, value in self.shared.items() if name in compiled.binds}
        filled = compiled.construct_params(wanted)
        return str(compiled), [filled[name] for name in compiled.positiontup or ()]

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

    def faults(self, columns: Sequence[Column], name: str = "source") -> dict[str, str]:
        """Columns of a dataset that are absent or of another type, with the reason."""
        found = {}
        for column in columns:
            arrived = self.types[name].get(column.name)
            accepted = _ACCEPTED.get(column.kind)
            if arrived is None:
                found[column.name] = f"column {column.name!r} is missing"
            elif accepted and not is_any(arrived, accepted):
                found[column.name] = f"column {column.name!r} arrived as {arrived}, declared {column.kind}"
        return found


@contextmanager
def _said() -> Iterator[None]:
    """What DuckDB raises, in our words."""
    try:
        yield
    except (duckdb.BinderException, duckdb.CatalogException) as error:
        raise ScanError(f"DuckDB does not understand the statement: {error}") from error
    except duckdb.Error as error:
        # Not chained: DuckDB's message may quote a value of the data.
        raise ScanError(f"DuckDB gave up with {type(error).__name__}; is the file whole?") from None


def may_hold(arrived: str, kind: Kind) -> bool:
    """Whether an undeclared column of a type may be a column of some kind."""
    return is_any(arrived, _ACCEPTED.get(kind, _OF_CATEGORIES))


def is_any(arrived: str, types: frozenset[str]) -> bool:
    """Whether a type of DuckDB's is one of some; DECIMAL(18,3) is a DECIMAL, INTEGER[] no INTEGER."""
    return not arrived.endswith("]") and arrived.split("(")[0] in types


def time_column(owner: Source) -> str:
    """The event time of a dataset, the label time of a label source; '' without one."""
    return owner.event_time if isinstance(owner, Dataset) else owner.label_time or ""
