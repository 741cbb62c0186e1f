"""A scan by DuckDB, in a connection of its own."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, ClassVar, Final

import duckdb
import numpy as np
import sqlalchemy as sa

from airflow_ml_monitor.errors import OutOfMemory, ScanError
from airflow_ml_monitor.profile.cells import Floats
from airflow_ml_monitor.profile.dataset import Kind
from airflow_ml_monitor.profile.engines.embedded import streamed
from airflow_ml_monitor.profile.engines.scan import Array, Build, ByColumn, Passes, Scan
from airflow_ml_monitor.profile.engines.statement_cells import by_statements, without_bucket
from airflow_ml_monitor.profile.kernel.number_pass import BATCH_ROWS, plain
from airflow_ml_monitor.profile.kernel.outlying import Moments
from airflow_ml_monitor.profile.layout import Binning
from airflow_ml_monitor.profile.queries import stream_query
from airflow_ml_monitor.profile.queries.dialect import DUCKDB
from airflow_ml_monitor.profile.queries.hash_query import MOST
from airflow_ml_monitor.profile.traces import Traces
from airflow_ml_monitor.profile.wanted import Wanted

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from sqlalchemy.sql.compiler import SQLCompiler

TOO_LITTLE: Final = "DuckDB needs more memory than it may take, even with what waits on disk; raise its memory_limit"


@lru_cache(maxsize=512)
def _compiled(
    build: Build, about: tuple[Hashable, ...], _written: str, stand_ins: tuple[tuple[str, str], ...]
) -> SQLCompiler:
    """A statement's text. Building and compiling one takes longer than running it on a small window.

    _written: the arguments as they write themselves; 1 and True are equal, and make two statements. stand_ins: sources,
    and the tables that are read instead.
    """
    statement = build(*about)
    for name, kept in stand_ins:
        statement = statement.add_cte(sa.select(sa.text("*")).select_from(sa.table(kept)).cte(name))
    return statement.compile(dialect=DUCKDB)


@dataclass(frozen=True, slots=True)
class DuckDBScan(Scan):
    """A connection, and what every scan has."""

    joins_at_once: ClassVar[bool] = True
    connection: duckdb.DuckDBPyConnection
    stand_ins: tuple[tuple[str, str], ...] = ()

    def keep(self, name: str, build: Build, *about: Hashable) -> None:
        text, bound = self._filled(build, about)
        with _said():
            self.connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {text}", bound)

    def instead(self, names: Mapping[str, str]) -> DuckDBScan:
        return replace(self, stand_ins=tuple(names.items()))

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
        compiled = _compiled(build, about, repr(about), self.stand_ins)
        wanted = {name: value for name, value in self.shared.items() if name in compiled.binds}
        filled = compiled.construct_params(wanted)
        return str(compiled), [filled[name] for name in compiled.positiontup or ()]

    def cut(self, wanted: Wanted) -> tuple[ByColumn, Traces]:
        """Numbers by the kernel, as they stream by; categories by statements or, where they are sliced, by it too."""
        categories = replace(wanted, binnings=wanted.categories)
        if wanted.slices:
            with one_thread(self.connection):
                cells = streamed.categories(self.batches, self.register, wanted)
            noted = without_bucket(self, categories, cells)
        else:
            cells, noted = by_statements(self, categories)
        with one_thread(self.connection):
            of_numbers, told = streamed.streamed(self.batches, self.register, wanted)
        return cells | of_numbers, replace(told, unseen=noted.unseen, damaged=noted.damaged)

    def are_different(self, build: Build, *about: Hashable) -> bool:
        """To group keys takes longer, and memory for each."""
        [hashes] = self.masked(build, *about).values()
        if len(hashes) > MOST or np.ma.is_masked(hashes):
            return False
        ascending = np.sort(np.ma.getdata(hashes))
        return not bool((ascending[1:] == ascending[:-1]).any())

    def passes(self, columns: tuple[tuple[str, Kind], ...], event_time: str) -> Passes:
        return partial(self._values, tuple(Binning(*column) for column in columns), event_time)

    def _values(self, columns: tuple[Binning, ...], event_time: str) -> Iterator[Sequence[Floats]]:
        with one_thread(self.connection):
            for batch in self.batches(stream_query.streamed, columns, (), (), event_time):
                yield [plain(column) for column in batch.columns]

    def moments(self, binnings: tuple[Binning, ...], event_time: str) -> Moments:
        with one_thread(self.connection):
            return streamed.moments(self.batches, binnings, event_time)

    def batches(self, build: Build, *about: Hashable) -> Iterator[pa.RecordBatch]:
        """A statement's rows, a part at a time: so many that memory stays constant."""
        with _said():
            yield from self._result(build, about).to_arrow_reader(BATCH_ROWS)


@contextmanager
def one_thread(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """One thread reads faster than the kernel takes it; each more would only read ahead, and hold what it read."""
    [(threads,)] = connection.execute("SELECT current_setting('threads')").fetchall()
    connection.execute("SET threads = 1")
    try:
        yield
    finally:
        connection.execute(f"SET threads = {int(threads)}")


@contextmanager
def _said() -> Iterator[None]:
    """What DuckDB raises, in our words."""
    try:
        yield
    except (duckdb.BinderException, duckdb.CatalogException) as error:
        raise ScanError(f"DuckDB does not understand the statement: {error}") from error
    except duckdb.OutOfMemoryException:
        raise OutOfMemory(TOO_LITTLE) from None
    except duckdb.Error as error:
        # Not chained: DuckDB's message may quote a value of the data.
        raise ScanError(f"DuckDB gave up with {type(error).__name__}; is the file whole?") from None
