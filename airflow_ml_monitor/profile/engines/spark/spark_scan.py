"""A scan by Spark: statements as its SQL, and all columns' cells in one pass over Arrow batches on the executors.

Nothing but counts, sums and extremes is collected, but for samples that are asked for.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.sql import quoted_name, visitors

from airflow_ml_monitor.errors import ScanError
from airflow_ml_monitor.profile.engines import memory
from airflow_ml_monitor.profile.engines.databases.database import masked
from airflow_ml_monitor.profile.engines.databases.sql_scan import arrow_rows
from airflow_ml_monitor.profile.engines.databases.sql_types import arrow_type, sql_type
from airflow_ml_monitor.profile.engines.scan import Array, Build, ByColumn, Scan
from airflow_ml_monitor.profile.engines.spark.spark_session import shipped
from airflow_ml_monitor.profile.engines.spark.spark_text import literal, text_of
from airflow_ml_monitor.profile.engines.spark.spark_types import held, type_name
from airflow_ml_monitor.profile.engines.statement_cells import unseen_values
from airflow_ml_monitor.profile.kernel import batch_cells
from airflow_ml_monitor.profile.kernel.batch_cells import Answer
from airflow_ml_monitor.profile.kernel.outlying import Moments
from airflow_ml_monitor.profile.layout import Binning
from airflow_ml_monitor.profile.queries import query
from airflow_ml_monitor.profile.traces import Traces
from airflow_ml_monitor.profile.wanted import Wanted

if TYPE_CHECKING:
    import pandas as pd

_ABSENT: Final = re.compile(r"No module named '([\w.]+)'")


@dataclass(frozen=True, slots=True)
class SparkScan(Scan):
    """A session, and the views and small tables of it by their names in statements."""

    session: Any
    tables: dict[str, sa.CTE] = field(default_factory=dict)

    def register(self, name: str, table: pa.Table) -> None:
        self.tables[name] = listed(name, table)

    def rows(self, build: Build, *about: Hashable) -> list[tuple[Any, ...]]:
        with said():
            return [tuple(row) for row in self._frame(build, *about).collect()]

    def masked(self, build: Build, *about: Hashable) -> dict[str, Array]:
        with said():
            frame = self._frame(build, *about)
            rows, fields = frame.collect(), frame.schema.fields
        columns = list(zip(*rows, strict=True)) if rows else [()] * len(fields)
        return {f.name: masked(values, held(f.dataType)) for f, values in zip(fields, columns, strict=True)}

    def frame(self, build: Build, *about: Hashable) -> pd.DataFrame:
        with said():
            found = self._frame(build, *about)
            names, types = found.columns, [type_name(f.dataType) for f in found.schema.fields]
            is_time = [kind.startswith("TIMESTAMP") for kind in types]
            # Moments as numbers: on its way a time would be moved to the clock of this machine.
            plain = (
                f"unix_micros(CAST({_quoted(n)} AS TIMESTAMP_LTZ))" if t else _quoted(n)
                for n, t in zip(names, is_time, strict=True)
            )
            rows = found.selectExpr(*plain).collect()
        schema = pa.schema([(name, arrow_type(kind)) for name, kind in zip(names, types, strict=True)])
        table = arrow_rows(
            rows, pa.schema([pa.field(f.name, pa.int64()) if t else f for f, t in zip(schema, is_time, strict=True)])
        )
        for i, part in enumerate(schema):
            if pa.types.is_decimal(part.type):
                table = table.set_column(i, part.name, table.column(i).cast(pa.float64()))
            elif is_time[i]:
                table = table.set_column(i, part.name, table.column(i).cast(part.type))
        made: pd.DataFrame = table.to_pandas(date_as_object=False)
        return made

    def cut(self, wanted: Wanted) -> tuple[ByColumn, Traces]:
        """By one pass: thirty statements would cost five times as much."""
        found = batch_cells.together(wanted, self._parts(batch_cells.added_up, wanted))
        unseen = dict(found.traces.unseen)
        for binning in (b for b in wanted.binnings if b.column in found.faults):
            self.register("categories", memory.categories(binning))
            often, _ = unseen_values(self, binning, wanted.event_time)
            unseen |= {binning.column: often} if often else {}
        return dict(found.cells), replace(found.traces, unseen=unseen)

    def moments(self, binnings: tuple[Binning, ...], event_time: str) -> Moments:
        wanted = Wanted(together=binnings, event_time=event_time)
        return batch_cells.moments_together(wanted, self._parts(batch_cells.moments, wanted))

    def _parts(self, function: Answer, wanted: Wanted) -> list[bytes]:
        """What the executors made of the rows, a part a partition."""
        if not wanted.columns:
            return []
        shipped(self.session)
        with said(), warnings.catch_warnings():
            # It warns of pandas 3, of which nothing is used here.
            warnings.simplefilter("ignore", FutureWarning)
            # A task takes several parts of the rows, one after the other, before there are too many answers to hold.
            rows = self._frame(query.values, wanted.columns, wanted.event_time).coalesce(_tasks(len(wanted.columns)))
            found = rows.mapInArrow(batch_cells.each(function, wanted), "part binary").collect()
        return [bytes(row[0]) for row in found]

    def _frame(self, build: Build, *about: Hashable) -> Any:
        """A statement as a DataFrame."""
        statement = build(*about)
        named: dict[str, set[str]] = {}
        for part in visitors.iterate(statement):
            if isinstance(part, sa.TableClause):
                named.setdefault(str(part.name), set())
        for name in sorted(named.keys() & self.tables.keys()):
            statement = statement.add_cte(self.tables[name])
        return self.session.sql(text_of(statement, self.shared))


def _tasks(columns: int) -> int:
    """So many that what they answer, at most 30 KB a column, is half a gigabyte together."""
    return min(max(20_000 // columns, 32), 500)


def view(name: str, stands_for: str) -> sa.CTE:
    """A view under the name by which statements know it."""
    return sa.select(sa.text("*")).select_from(sa.table(quoted_name(stands_for, True))).cte(name)


def listed(name: str, table: pa.Table) -> sa.CTE:
    """A small table, row by row, in the text of whoever names it."""
    kinds = [sql_type(part.type) for part in table.schema]
    columns = list(zip(table.column_names, kinds, strict=True))
    rows = list(zip(*(column.to_pylist() for column in table.columns), strict=True))
    if not rows:
        nothing = (sa.cast(sa.null(), kind).label(quoted_name(column, True)) for column, kind in columns)
        return sa.select(*nothing).where(sa.false()).cte(name)
    heads = ", ".join(_quoted(column) for column in table.column_names)
    lines = ", ".join(f"({', '.join(map(literal, row, kinds))})" for row in rows)
    chosen = (sa.literal_column(_quoted(column), kind).label(quoted_name(column, True)) for column, kind in columns)
    return sa.select(*chosen).select_from(sa.text(f"VALUES {lines} AS listed ({heads})")).cte(name)


def _quoted(name: str) -> str:
    return f"`{name.replace('`', '``')}`"


@contextmanager
def said() -> Iterator[None]:
    """What Spark raises, in our words; never chained: its message may quote a value of the data."""
    from pyspark.errors import PySparkException

    try:
        yield
    except PySparkException as error:
        if absent := _ABSENT.search(str(error)):
            raise ScanError(
                f"Spark's executors have no module {absent[1]!r}; install numpy and pyarrow on them, as they are here"
            ) from None
        named = error.getErrorClass() or type(error).__name__
        raise ScanError(f"Spark gave up with {named}; its own log says more") from None
