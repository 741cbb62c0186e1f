"""Tables of a database, by statements that run there: no row leaves it, but for samples that are asked for.

PostgreSQL 14, MariaDB 10.6 or SQLite 3.35, or newer. A database is its words (dialect.py), its text of the statements
(as postgres.py) and how it is asked (as postgres_database.py); databases.py names them. Of warehouses (warehouses.py)
the statements are generated, and were not run on a server of theirs.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Final

import pyarrow as pa
import sqlalchemy as sa

from airflow_ml_monitor.errors import MissingColumn, NoSource, ScanError, SpecError
from airflow_ml_monitor.keys import Window
from airflow_ml_monitor.profile.dataset import Dataset
from airflow_ml_monitor.profile.engines.databases import sql_opening, sql_prints
from airflow_ml_monitor.profile.engines.databases.connections import Resolve, from_environment
from airflow_ml_monitor.profile.engines.databases.database import Database
from airflow_ml_monitor.profile.engines.databases.databases import database_of
from airflow_ml_monitor.profile.engines.databases.in_place import InPlace, in_place
from airflow_ml_monitor.profile.engines.databases.sql_scan import SQLScan
from airflow_ml_monitor.profile.engines.engine import LabelBatch, LabelRequest
from airflow_ml_monitor.profile.engines.opening import Opening
from airflow_ml_monitor.profile.engines.scan import ROW_NUMBER
from airflow_ml_monitor.profile.engines.scan_engine import ScanEngine
from airflow_ml_monitor.profile.label_source import LabelSource
from airflow_ml_monitor.profile.layout import Layout
from airflow_ml_monitor.profile.ledger import Entries
from airflow_ml_monitor.profile.table import Table
from airflow_ml_monitor.profile.task import Task

_LOG: Final = logging.getLogger(__name__)
NOT_RUN: Final = (
    "statements are generated for it, checked against its dialect, and were not run on a server of its kind"
)
TIMEOUT: Final = timedelta(hours=1)
"""For one statement."""


class SQL(ScanEngine):
    """Profiles and label entries of tables, by their database.

    resolve: tells where the database of a connection is. timeout: after which a statement is given up, where the
    connection's user has none of its own.
    """

    def __init__(self, resolve: Resolve = from_environment, timeout: timedelta = TIMEOUT) -> None:
        # Never by the kernel, however small a window is: it would have to be given rows.
        super().__init__(small=-1)
        self._resolve = resolve
        self._timeout = timeout
        self._engines: dict[str, tuple[Database, sa.Engine]] = {}

    def fingerprints(self, dataset: Dataset, windows: Sequence[Window]) -> list[str]:
        """See Engine; of rows that are stored there by place and writing transaction, of a view's by their text."""
        table = _table(dataset.source)
        with self._snapshot(table.connection) as (connection, database):
            try:
                place = database.found(connection, table)
            except NoSource:
                return ["absent"] * len(windows)
            return sql_prints.fingerprints(sql_prints.Asked(connection, database, place), dataset, windows)

    def fetched(self, labels: LabelSource) -> pa.Table:
        """The columns of a label source that are read of it, of all its rows; its only use is to be joined elsewhere.

        Raises NoSource, MissingColumn.
        """
        table = _table(labels.source)
        with self._snapshot(table.connection) as (connection, database):
            scan = sql_opening.opened(connection, database, {"labels": Opening(labels, labels.columns)})
            if missing := [name for name in labels.columns if name not in scan.types["labels"]]:
                raise MissingColumn(f"column {missing[0]!r} is missing in the labels of {labels.name!r}")
            return scan.fetched("labels", labels.columns)

    def unproven(self, source: Any) -> str:
        """The name of a table's warehouse where its statements were not run on a server of its kind; else ''."""
        database, _ = self._engine(_table(source).connection)
        return "" if database.is_proven else database.name

    def label_entries(self, request: LabelRequest) -> LabelBatch:
        """See Engine. SpecError where the database cannot make the ledger of such a task, or of such labels."""
        self._need_task(request.dataset, request.task)
        self._need_several(request.dataset, request.labels)
        return super().label_entries(request)

    def reference_entries(self, dataset: Dataset, task: Task, layout: Layout, label: str, window: Window) -> Entries:
        """See Engine. SpecError as label_entries."""
        self._need_task(dataset, task)
        return super().reference_entries(dataset, task, layout, label, window)

    @contextmanager
    def in_place(self, dataset: Dataset, window: Window) -> Iterator[InPlace | None]:
        """See Engine; None where Great Expectations is not let into the database. Raises DataFault where the table or
        its event time is missing."""
        named = _table(dataset.source).connection
        if not self._engine(named)[0].answers_rules:
            yield None
            return
        with self._snapshot(named) as (connection, _):
            yield in_place(connection, dataset, window)

    @contextmanager
    def _opened(self, **sources: Opening) -> Iterator[SQLScan]:
        named = {_table(opening.owner.source).connection for opening in sources.values()}
        if len(named) > 1:
            raise SpecError(
                f"tables of the connections {', '.join(sorted(named))} cannot be joined; put labels and predictions "
                "into one database",
                field="labels.source",
            )
        [connection_id] = named
        with self._snapshot(connection_id) as (connection, database):
            yield sql_opening.opened(connection, database, sources)

    def _check(self, dataset: Dataset, labels: LabelSource) -> None:
        if ROW_NUMBER in dataset.entity_key:
            raise SpecError(
                f"{ROW_NUMBER!r} numbers the rows of a file, and a table has no order; name columns as key",
                field=f"datasets.{dataset.name}.entity_key",
            )

    def _need_task(self, dataset: Dataset, task: Task) -> None:
        database, _ = self._engine(_table(dataset.source).connection)
        if task.kind in database.refused_tasks:
            raise SpecError(
                f"performance of a {task.kind} task cannot be measured in {database.name} yet; keep its predictions "
                "and labels in files or in PostgreSQL",
                field="task.kind",
            )

    def _need_several(self, dataset: Dataset, labels: LabelSource) -> None:
        database, _ = self._engine(_table(dataset.source).connection)
        if labels.several in database.refused_several:
            raise SpecError(
                f"several labels of a prediction cannot be read as {labels.several} in {database.name}; choose another "
                "way, or keep one label a prediction",
                field=f"labels.{labels.name}.several",
            )

    @contextmanager
    def _snapshot(self, connection: str) -> Iterator[tuple[sa.Connection, Database]]:
        database, engine = self._engine(connection)
        with sql_opening.snapshot(database, engine, connection, self._timeout) as opened:
            yield opened, database

    def _engine(self, connection: str) -> tuple[Database, sa.Engine]:
        if connection not in self._engines:
            url = self._resolve(connection)
            database = database_of(url, connection)
            try:
                self._engines[connection] = database, database.engine(url)
                if not database.is_proven:
                    _LOG.warning("%s of connection %r: %s", database.name, connection, NOT_RUN)
            except ModuleNotFoundError as error:
                raise ScanError(
                    f"no driver for {url.drivername}: {error}; pip install 'airflow-ml-monitor[{database.extra}]'"
                ) from error
        return self._engines[connection]


def _table(source: Any) -> Table:
    if not isinstance(source, Table):
        raise SpecError(
            "predictions in a table cannot be joined with labels elsewhere, but by their rows leaving it; put the "
            "labels into a table beside them",
            field="labels.source",
        )
    return source
