"""The engine of tables, given what tests hold in memory: every source is a table of a database first."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from psycopg2.extras import execute_values

from airflow_ml_monitor.keys import Window
from airflow_ml_monitor.profile.cells import Profile
from airflow_ml_monitor.profile.dataset import Dataset
from airflow_ml_monitor.profile.engines import memory
from airflow_ml_monitor.profile.engines.databases.databases import database_of
from airflow_ml_monitor.profile.engines.databases.sql import SQL
from airflow_ml_monitor.profile.engines.embedded import files
from airflow_ml_monitor.profile.engines.engine import LabelBatch, LabelRequest, Watermark
from airflow_ml_monitor.profile.label_source import LabelSource, Several
from airflow_ml_monitor.profile.layout import Layout
from airflow_ml_monitor.profile.ledger import Entries
from airflow_ml_monitor.profile.table import Table
from airflow_ml_monitor.profile.task import Task, TaskKind

_WIDTHS = {
    pa.int8(): "smallint",
    pa.int16(): "smallint",
    pa.int32(): "integer",
    pa.int64(): "bigint",
    pa.uint8(): "smallint",
    pa.uint16(): "integer",
    pa.uint32(): "bigint",
    pa.bool_(): "boolean",
    pa.date32(): "date",
}
_TYPES = {
    "postgresql": {pa.float64(): "float8", pa.float32(): "float4", pa.uint64(): "numeric(20,0)"},
    "mysql": {pa.float64(): "double", pa.float32(): "float", pa.uint64(): "bigint unsigned"},
    "sqlite": {pa.float64(): "double", pa.float32(): "real", pa.uint64(): "numeric(20,0)"},
}
_TIMES = {"postgresql": ("timestamp", "timestamptz"), "mysql": ("datetime(6)", "timestamp(6)"),
          "sqlite": ("timestamp", "timestamp")}  # fmt: skip
"""Without a zone, with one."""


def sql_type(kind: pa.DataType, backend: str = "postgresql") -> str:
    if pa.types.is_timestamp(kind):
        return _TIMES[backend][kind.tz is not None]
    if pa.types.is_decimal(kind):
        return f"numeric({kind.precision},{kind.scale})"
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return f"{sql_type(kind.value_type, backend)}[]"
    return {**_WIDTHS, **_TYPES[backend]}.get(kind, "varchar(200)" if backend == "mysql" else "text")


def held(value: Any, backend: str) -> Any:
    """A value as a database can hold it: MariaDB neither NaN nor infinity, SQLite no NaN."""
    if backend not in ("mysql", "sqlite") or not isinstance(value, float) or math.isfinite(value):
        return value
    return None if backend == "mysql" or math.isnan(value) else value


def upload(url: str, table: pa.Table, name: str, types: dict[str, str] | None = None) -> None:
    """A table of a database that holds the same rows; types: of columns that shall have others."""
    engine = sa.create_engine(url)
    backend = engine.dialect.name
    quoted = engine.dialect.identifier_preparer.quote_identifier
    columns = [f"{quoted(f.name)} {(types or {}).get(f.name, sql_type(f.type, backend))}" for f in table.schema]
    rows = list(zip(*(column.to_pylist() for column in table.columns), strict=True))
    with engine.begin() as connection:
        connection.exec_driver_sql(f"DROP TABLE IF EXISTS {name}")
        connection.exec_driver_sql(f"CREATE TABLE {name} ({', '.join(columns)})")
        if rows and columns:
            _INSERT[backend](connection, name, [tuple(held(value, backend) for value in row) for row in rows])
    engine.dispose()


def _into_postgres(connection: sa.Connection, name: str, rows: list[tuple[Any, ...]]) -> None:
    execute_values(connection.connection.cursor(), f"INSERT INTO {name} VALUES %s", rows, page_size=1000)  # noqa: S608


def _into_mariadb(connection: sa.Connection, name: str, rows: list[tuple[Any, ...]]) -> None:
    connection.exec_driver_sql("SET time_zone = '+00:00'")
    marks = ", ".join(["%s"] * len(rows[0]))
    plain = [tuple(_by_utc(value) for value in row) for row in rows]
    connection.connection.cursor().executemany(f"INSERT INTO {name} VALUES ({marks})", plain)  # noqa: S608


def _into_sqlite(connection: sa.Connection, name: str, rows: list[tuple[Any, ...]]) -> None:
    marks = ", ".join("?" * len(rows[0]))
    plain = [tuple(_as_text(value) for value in row) for row in rows]
    connection.connection.cursor().executemany(f"INSERT INTO {name} VALUES ({marks})", plain)  # noqa: S608


_INSERT = {"postgresql": _into_postgres, "mysql": _into_mariadb, "sqlite": _into_sqlite}


def _by_utc(value: Any) -> Any:
    is_aware = isinstance(value, datetime) and value.tzinfo
    return value.astimezone(UTC).replace(tzinfo=None) if is_aware else value


def _as_text(value: Any) -> Any:
    """What SQLite has no type for."""
    if isinstance(value, date | Decimal) or (isinstance(value, int) and value >= 2**63):
        return str(value)
    return value


def as_held(table: pa.Table, url: str) -> pa.Table:
    """The same rows as a database can hold them."""
    backend = sa.make_url(url).get_backend_name()
    for i, part in enumerate(table.schema):
        if pa.types.is_floating(part.type):
            values = [held(value, backend) for value in table.column(i).to_pylist()]
            table = table.set_column(i, part.name, pa.array(values, part.type, from_pandas=False))
    return table


class InDatabase:
    """Brings each source once; see Engine."""

    def __init__(self, url: str, bring: Callable[[str, pa.Table, str], None] = upload) -> None:
        self.url = url
        self._bring = bring
        self.engine = SQL(lambda _connection: sa.make_url(url))
        self._brought: dict[int, tuple[Any, Table]] = {}

    @property
    def backend(self) -> str:
        return sa.make_url(self.url).get_backend_name()

    def held(self, value: Any) -> Any:
        """See held."""
        return held(value, self.backend)

    def as_held(self, table: pa.Table) -> pa.Table:
        """See as_held."""
        return as_held(table, self.url)

    def refuses(self, kind: TaskKind) -> bool:
        """Whether the database cannot make the ledger of such a task."""
        return kind in database_of(sa.make_url(self.url), "warehouse").refused_tasks

    @property
    def refused_several(self) -> frozenset[Several]:
        """Ways to read several labels of one prediction that the database has no words for."""
        return database_of(sa.make_url(self.url), "warehouse").refused_several

    def table(self, source: Any) -> Any:
        if isinstance(source, Table):
            return source
        if id(source) not in self._brought:
            name = f"source_{len(self._brought)}"
            if isinstance(source, (str, os.PathLike)):
                if not files.files_of(source):
                    return Table("warehouse", "nowhere")
                import pyarrow.dataset as ds

                rows = ds.dataset([f.path for f in files.files_of(source)]).to_table()
            else:
                rows = memory.table(source)
            self._bring(self.url, rows, name)
            if isinstance(source, (str, os.PathLike)):
                return Table("warehouse", self._named(source, name))
            self._brought[id(source)] = (source, Table("warehouse", name))
        return self._brought[id(source)][1]

    def _named(self, source: Any, name: str) -> str:
        self._brought[-1 - len(self._brought)] = (source, Table("warehouse", name))
        return name

    def _there(self, owner: Any) -> Any:
        return replace(owner, source=self.table(owner.source))

    def fingerprints(self, dataset: Dataset, windows: Sequence[Window]) -> list[str]:
        return self.engine.fingerprints(self._there(dataset), windows)

    def layout(self, dataset: Dataset, window: Window) -> Layout:
        return self.engine.layout(self._there(dataset), window)

    def profile(self, dataset: Dataset, layout: Layout, window: Window, **among: Any) -> Profile:
        return self.engine.profile(self._there(dataset), layout, window, **among)

    def watermark(self, labels: LabelSource, since: Any, upto: Any) -> Watermark:
        return self.engine.watermark(self._there(labels), since, upto)

    def label_entries(self, request: LabelRequest) -> LabelBatch:
        there = replace(request, dataset=self._there(request.dataset), labels=self._there(request.labels))
        return self.engine.label_entries(there)

    def reference_entries(self, dataset: Dataset, task: Task, layout: Layout, label: str, window: Window) -> Entries:
        return self.engine.reference_entries(self._there(dataset), task, layout, label, window)

    def frame(self, dataset: Dataset, window: Window, limit: int) -> Any:
        return self.engine.frame(self._there(dataset), window, limit)

    def preview(self, owner: Any, *besides: str) -> Any:
        return self.engine.preview(self._there(owner), *besides)

    def look(self, dataset: Dataset, window: Window, columns: Sequence[str]) -> Any:
        return self.engine.look(self._there(dataset), window, columns)

    def label_values(self, task: Task, labels: LabelSource) -> Any:
        return self.engine.label_values(task, self._there(labels))

    def arrivals(self, dataset: Dataset, task: Task, labels: LabelSource) -> Any:
        return self.engine.arrivals(self._there(dataset), task, self._there(labels))
