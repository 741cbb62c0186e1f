"""The engine of a source: files and tables in memory are DuckDB's, a database's tables its own, Spark's are Spark's."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow_ml_monitor.keys import Window
from airflow_ml_monitor.profile.among import Among
from airflow_ml_monitor.profile.cells import Profile
from airflow_ml_monitor.profile.dataset import Dataset
from airflow_ml_monitor.profile.engines.databases.connections import Resolve, from_environment
from airflow_ml_monitor.profile.engines.databases.sql import SQL, TIMEOUT
from airflow_ml_monitor.profile.engines.embedded import store_connections
from airflow_ml_monitor.profile.engines.embedded.duckdb import DuckDB
from airflow_ml_monitor.profile.engines.embedded.stores import Stores
from airflow_ml_monitor.profile.engines.engine import LabelBatch, LabelRequest, Watermark
from airflow_ml_monitor.profile.engines.preview import Arrivals, Preview
from airflow_ml_monitor.profile.engines.scan import Source
from airflow_ml_monitor.profile.engines.scan_engine import ScanEngine
from airflow_ml_monitor.profile.label_source import LabelSource
from airflow_ml_monitor.profile.layout import Layout
from airflow_ml_monitor.profile.ledger import Entries
from airflow_ml_monitor.profile.look import Look
from airflow_ml_monitor.profile.skew import Skew
from airflow_ml_monitor.profile.spark_source import is_spark
from airflow_ml_monitor.profile.table import Table
from airflow_ml_monitor.profile.task import Task

if TYPE_CHECKING:
    import pandas as pd

    from airflow_ml_monitor.profile.engines.databases.in_place import InPlace


class Chosen:
    """Every call goes to the engine of its source.

    Predictions elsewhere may have their labels in a table: its columns that the spec names are read, whole, and joined
    by DuckDB. Predictions in a table need labels in the same database.
    resolve: tells where the database of a connection is; timeout: after which one of its statements is given up.
    stores: tells what reads an object store.
    """

    def __init__(
        self,
        resolve: Resolve = from_environment,
        timeout: timedelta = TIMEOUT,
        *,
        stores: Stores = store_connections.from_environment,
    ) -> None:
        self._here = DuckDB(stores=stores)
        self._there = SQL(resolve, timeout)

    def fingerprints(self, dataset: Dataset, windows: Sequence[Window]) -> list[str]:
        return self._of(dataset.source).fingerprints(dataset, windows)

    def layout(self, dataset: Dataset, window: Window) -> Layout:
        return self._of(dataset.source).layout(dataset, window)

    def profile(self, dataset: Dataset, layout: Layout, window: Window, *, among: Among | None = None) -> Profile:
        return self._of(dataset.source).profile(dataset, layout, window, among=among)

    def watermark(self, labels: LabelSource, since: datetime, upto: datetime) -> Watermark:
        return self._of(labels.source).watermark(labels, since, upto)

    def label_entries(self, request: LabelRequest) -> LabelBatch:
        engine = self._of(request.dataset.source)
        return engine.label_entries(replace(request, labels=self._beside(engine, request.labels)))

    def reference_entries(self, dataset: Dataset, task: Task, layout: Layout, label: str, window: Window) -> Entries:
        return self._of(dataset.source).reference_entries(dataset, task, layout, label, window)

    def skew(self, dataset: Dataset, window: Window) -> Skew:
        return self._of(dataset.source).skew(dataset, window)

    def frame(self, dataset: Dataset, window: Window, limit: int) -> pd.DataFrame:
        return self._of(dataset.source).frame(dataset, window, limit)

    def in_place(self, dataset: Dataset, window: Window) -> AbstractContextManager[InPlace | None]:
        return self._of(dataset.source).in_place(dataset, window)

    def preview(self, owner: Source, *besides: str) -> Preview:
        return self._of(owner.source).preview(owner, *besides)

    def look(self, dataset: Dataset, window: Window, columns: Sequence[str]) -> Look:
        return self._of(dataset.source).look(dataset, window, columns)

    def label_values(self, task: Task, labels: LabelSource) -> tuple[int, int, int]:
        return self._of(labels.source).label_values(task, labels)

    def arrivals(self, dataset: Dataset, task: Task, labels: LabelSource) -> Arrivals:
        engine = self._of(dataset.source)
        return engine.arrivals(dataset, task, self._beside(engine, labels))

    def unproven(self, source: Any) -> str:
        """See SQL; '' of what is no table."""
        return self._there.unproven(source) if isinstance(source, Table) else ""

    def _of(self, source: Any) -> ScanEngine:
        if is_spark(source):
            # Loaded for those who have one.
            from airflow_ml_monitor.profile.engines.spark.spark import SparkEngine

            return SparkEngine()
        return self._there if isinstance(source, Table) else self._here

    def _beside(self, engine: ScanEngine, labels: LabelSource) -> LabelSource:
        """Labels where their predictions are read."""
        if engine is self._here and isinstance(labels.source, Table):
            return replace(labels, source=self._there.fetched(labels))
        return labels
