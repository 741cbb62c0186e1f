"""The engine of Spark, given what tests hold in memory: every source is a Parquet file first."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from airflow_ml_monitor.profile.dataset import Dataset
from airflow_ml_monitor.profile.engines import memory
from airflow_ml_monitor.profile.engines.engine import LabelRequest
from airflow_ml_monitor.profile.engines.spark.spark import SparkEngine
from airflow_ml_monitor.profile.label_source import LabelSource, Several
from airflow_ml_monitor.profile.spark_source import Spark
from airflow_ml_monitor.profile.table import Table
from airflow_ml_monitor.profile.task import TaskKind


@dataclass
class InSpark:
    """Brings each source once; every other method is the engine's."""

    folder: Path
    where: dict[str, str]
    """Which session: master or remote."""
    engine: SparkEngine = field(default_factory=SparkEngine)
    backend: str = "spark"
    refused_several: frozenset[Several] = frozenset()
    _brought: dict[int, tuple[Any, Spark]] = field(default_factory=dict)

    def held(self, value: Any) -> Any:
        """Spark holds every value."""
        return value

    def as_held(self, table: pa.Table) -> pa.Table:
        return table

    def refuses(self, _kind: TaskKind) -> bool:
        return False

    def table(self, source: Any) -> Any:
        if isinstance(source, Spark):
            return source
        if isinstance(source, Table):
            return Spark(path=str(self.folder / source.name), **self.where)
        if isinstance(source, (str, os.PathLike)):
            return Spark(path=os.fspath(source), **self.where)
        if id(source) not in self._brought:
            path = self.folder / f"{len(self._brought)}.parquet"
            pq.write_table(memory.table(source), path, coerce_timestamps="us", allow_truncated_timestamps=True)
            self._brought[id(source)] = (source, Spark(path=str(path), **self.where))
        return self._brought[id(source)][1]

    def __getattr__(self, name: str) -> Callable[..., Any]:
        asked = getattr(self.engine, name)
        return lambda *arguments, **more: asked(*map(self._there, arguments), **more)

    def _there(self, argument: Any) -> Any:
        if isinstance(argument, LabelRequest):
            return replace(argument, dataset=self._there(argument.dataset), labels=self._there(argument.labels))
        if isinstance(argument, (Dataset, LabelSource)):
            return replace(argument, source=self.table(argument.source))
        return argument
