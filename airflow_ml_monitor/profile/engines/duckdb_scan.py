"""A scan by DuckDB, in a connection of its own."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache, reduce
from operator import add
from typing import TYPE_CHECKING, Any, Final

import duckdb
import numpy as np

from airflow_ml_monitor.errors import ScanError
from airflow_ml_monitor.profile import kernel, product_query
from airflow_ml_monitor.profile.dialect import DUCKDB
from airflow_ml_monitor.profile.ellipsoid import Ellipsoid
from airflow_ml_monitor.profile.engines.scan import Array, Build, Scan
from airflow_ml_monitor.profile.layout import Binning
from airflow_ml_monitor.profile.outlying import Moments
from airflow_ml_monitor.profile.traces import Traces

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from sqlalchemy.sql.compiler import SQLCompiler

BATCH_ROWS: Final = 100_000
"""Rows that are taken at once: 20 MB of 24 columns."""


@lru_cache(maxsize=512)
def _compiled(build: Build, about: tuple[Hashable, ...], _written: str) -> SQLCompiler:
    """A statement's text. Building and compiling one takes longer than running it on a small window.

    _written: the arguments as they write themselves; 1 and True are equal, and make two statements.
    """
    return build(*about).compile(dialect=DUCKDB)


@dataclass(frozen=True, slots=True)
class DuckDBScan(Scan):
    """A connection, and what every scan has."""

    connection: duckdb.DuckDBPyConnection

    def register(self, name: str, table: pa.Table) -> None:
        self.connection.register(name, table)

    def rows(self, build: Build, *about: Hashable) -> list[tuple[Any, ...]]:
        """A statement's rows. build, about: the function that writes it, and its arguments."""
        found: list[tuple[Any, ...]] = self._ran(build, about, lambda result: result.fetchall())
        return found

    def masked(self, build: Build, *about: Hashable) -> dict[str, Array]:
        """A statement's columns, NULL masked."""
        found: dict[str, Array] = self._ran(build, about, lambda result: result.fetchnumpy())
        return found

    def frame(self, build: Build, *about: Hashable) -> pd.DataFrame:
        """A statement's rows as pandas has them."""
        found: pd.DataFrame = self._ran(build, about, lambda result: result.fetch_df())
        return found

    def arrow(self, build: Build, *about: Hashable) -> pa.Table:
        """A statement's rows as Arrow has them."""
        return self._ran(build, about, None)

    def _ran(
        self,
        build: Build,
        about: tuple[Hashable, ...],
        fetch: Callable[[duckdb.DuckDBPyConnection], Any] | None,
    ) -> Any:
        """What `fetch` takes of a statement's result; None: an Arrow table."""
        with _said():
            if fetch is None:
                return self._result(build, about).to_arrow_table()
            text, bound = self._filled(build, about)
            return fetch(self.connection.execute(text, bound))

    def _result(self, build: Build, about: tuple[Hashable, ...]) -> duckdb.DuckDBPyRelation:
        text, bound = self._filled(build, about)
        return self.connection.sql(text, params=bound)

    def _filled(self, build: Build, about: tuple[Hashable, ...]) -> tuple[str, list[Any]]:
        """A statement's text, and what is bound to it."""
        compiled = _compiled(build, about, repr(about))
        wanted = {name: value for name, value in self.shared.items() if name in compiled.binds}
        filled = compiled.construct_params(wanted)
        return str(compiled), [filled[name] for name in compiled.positiontup or ()]

    def row_traces(self, binnings: tuple[Binning, ...], event_time: str, ellipsoid: Ellipsoid | None) -> Traces:
        """By the kernel: 300 sums of products would cost the engine twice what all cells do."""
        parts = (kernel.row_traces(binnings, u, ellipsoid) for u in self._u(binnings, event_time))
        return reduce(add, parts, kernel.row_traces(binnings, np.zeros((len(binnings), 0)), None))

    def moments(self, binnings: tuple[Binning, ...], event_time: str) -> Moments:
        parts = (Moments.of(u) for u in self._u(binnings, event_time))
        return reduce(add, parts, Moments.of(np.zeros((len(binnings), 0))))

    def _u(self, binnings: tuple[Binning, ...], event_time: str) -> Iterator[Array]:
        """The u of rows, k × rows at a time; NaN where a value is missing."""
        for part in self._batches(product_query.u_values, binnings, event_time):
            yield np.stack([column.to_numpy(zero_copy_only=False) for column in part.columns])

    def _batches(self, build: Build, *about: Hashable) -> Iterator[pa.RecordBatch]:
        """A statement's rows, a part at a time: so many that memory stays constant."""
        with _said():
            yield from self._result(build, about).to_arrow_reader(BATCH_ROWS)


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
