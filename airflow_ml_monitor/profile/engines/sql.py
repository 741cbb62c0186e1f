"""Tables of a database, by statements that run there: no row leaves it, but for samples that are asked for.

PostgreSQL 14 or newer. Another database is a dialect's words (dialect.py), its compiler (as postgres.py) and what names
its rows (as sql_prints.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Final

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from airflow_ml_monitor.errors import MissingColumn, NoSource, ScanError, SpecError
from airflow_ml_monitor.keys import Window
from airflow_ml_monitor.profile.dataset import Dataset
from airflow_ml_monitor.profile.engines import sql_opening, sql_prints
from airflow_ml_monitor.profile.engines.connections import Resolve, from_environment
from airflow_ml_monitor.profile.engines.in_place import InPlace, in_place
from airflow_ml_monitor.profile.engines.opening import Opening
from airflow_ml_monitor.profile.engines.scan import ROW_NUMBER
from airflow_ml_monitor.profile.engines.scan_engine import ScanEngine
from airflow_ml_monitor.profile.engines.sql_scan import SQLScan
from airflow_ml_monitor.profile.label_source import LabelSource
from airflow_ml_monitor.profile.table import Table

TIMEOUT: Final = timedelta(hours=1)
"""For one statement."""

_OLDEST: Final = (14, 0)
"""The first release that hashes records."""


class SQL(ScanEngine):
    """Profiles and label entries of tables, by their database.

    resolve: tells where the database of a connection is. timeout: after which a statement is given up, where the
    connection's user has no statement_timeout of its own.
    """

    def __init__(self, resolve: Resolve = from_environment, timeout: timedelta = TIMEOUT) -> None:
        # Never by the kernel, however small a window is: it would have to be given rows.
        super().__init__(small=-1)
        self._resolve = resolve
        self._timeout = timeout
        self._engines: dict[str, sa.Engine] = {}

    def fingerprints(self, dataset: Dataset, windows: Sequence[Window]) -> list[str]:
        """See Engine; of rows that are stored there by place and writing transaction, of a view's by their text."""
        table = _table(dataset.source)
        with self._snapshot(table.connection) as connection:
            try:
                place = sql_opening.found(connection, table)
            except NoSource:
                return ["absent"] * len(windows)
            return sql_prints.fingerprints(connection, place, dataset, windows)

    def fetched(self, labels: LabelSource) -> pa.Table:
        """The columns of a label source that are read of it, of all its rows; its only use is to be joined elsewhere.

        Raises NoSource, MissingColumn.
        """
        table = _table(labels.source)
        with self._snapshot(table.connection) as connection:
            scan = sql_opening.opened(connection, {"labels": Opening(labels, labels.columns)})
            if missing := [name for name in labels.columns if name not in scan.types["labels"]]:
                raise MissingColumn(f"column {missing[0]!r} is missing in the labels of {labels.name!r}")
            return scan.fetched("labels", labels.columns)

    @contextmanager
    def in_place(self, dataset: Dataset, window: Window) -> Iterator[InPlace]:
        """See Engine. Raises DataFault where the table or its event time is missing."""
        with self._snapshot(_table(dataset.source).connection) as connection:
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
        with self._snapshot(connection_id) as connection:
            yield sql_opening.opened(connection, sources)

    def _check(self, dataset: Dataset, labels: LabelSource) -> None:
        if ROW_NUMBER in dataset.entity_key:
            raise SpecError(
                f"{ROW_NUMBER!r} numbers the rows of a file, and a table has no order; name columns as key",
                field=f"datasets.{dataset.name}.entity_key",
            )

    @contextmanager
    def _snapshot(self, connection: str) -> Iterator[sa.Connection]:
        with sql_opening.snapshot(self._engine(connection), connection, self._timeout) as opened:
            if (opened.dialect.server_version_info or _OLDEST) < _OLDEST:
                raise ScanError(f"the database of connection {connection!r} is older than PostgreSQL {_OLDEST[0]}")
            yield opened

    def _engine(self, connection: str) -> sa.Engine:
        """Of connections that are closed after each call: workers fork, and a warehouse's are counted."""
        if connection not in self._engines:
            url = self._resolve(connection)
            if url.get_backend_name() != "postgresql":
                raise SpecError(
                    f"connection {connection!r} is of {url.get_backend_name()}, whose tables cannot be read yet; "
                    "PostgreSQL's can",
                    field="source.connection",
                )
            try:
                self._engines[connection] = sa.create_engine(url, poolclass=NullPool)
            except ModuleNotFoundError as error:
                raise ScanError(
                    f"no driver for {url.drivername}: {error}; pip install 'airflow-ml-monitor[postgres]'"
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
