"""The embedded engine: Parquet and CSV files, pandas and Arrow tables, by DuckDB."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb

from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.keys import Window
from airflow_ml_monitor.profile.dataset import Dataset
from airflow_ml_monitor.profile.engines import memory, profile_scan
from airflow_ml_monitor.profile.engines.embedded import files
from airflow_ml_monitor.profile.engines.embedded.duckdb_opening import is_absent, opened
from airflow_ml_monitor.profile.engines.embedded.duckdb_scan import DuckDBScan
from airflow_ml_monitor.profile.engines.embedded.located import located
from airflow_ml_monitor.profile.engines.embedded.store_connections import from_environment
from airflow_ml_monitor.profile.engines.embedded.stores import Stores
from airflow_ml_monitor.profile.engines.opening import Opening
from airflow_ml_monitor.profile.engines.scan import ROW_NUMBER
from airflow_ml_monitor.profile.engines.scan_engine import ScanEngine
from airflow_ml_monitor.profile.label_source import LabelSource
from airflow_ml_monitor.profile.skew import Skew


class DuckDB(ScanEngine):
    """Profiles and label entries by DuckDB, in this process.

    memory_limit, threads: DuckDB's own; it spills to the system's temporary directory beyond the limit.
    small: windows of up to so many rows are cut by the numpy kernel, larger ones by statements.
    stores: tells what reads an object store.
    """

    def __init__(
        self,
        memory_limit: str = "",
        threads: int = 0,
        small: int = profile_scan.SMALL_ROWS,
        *,
        stores: Stores = from_environment,
    ) -> None:
        self._config: dict[str, str | bool | int | float | list[str]] = {
            "autoinstall_known_extensions": "false",
            "preserve_insertion_order": "false",
            # Files change under us: what was read for one call is not kept for the next.
            "enable_external_file_cache": "false",
            # Whole column chunks ahead, of every column and thread: memory that grows with both, for a wait that a
            # file on this machine has not.
            "disable_parquet_prefetching": "true",
        }
        if memory_limit:
            self._config["memory_limit"] = memory_limit
        if threads:
            self._config["threads"] = threads
        super().__init__(small)
        self._stores = stores
        self._databases: dict[int, duckdb.DuckDBPyConnection] = {}

    def fingerprints(self, dataset: Dataset, windows: Sequence[Window]) -> list[str]:
        """See Engine; an absent source has the fingerprint of no files."""
        if not isinstance(dataset.source, (str, os.PathLike)):
            return [memory.fingerprint(dataset.source)] * len(windows)
        every = files.files_of(self._located(dataset.source))
        return [files.fingerprint(files.holding(every, dataset.event_time, dataset.zone, window)) for window in windows]

    def _check(self, dataset: Dataset, labels: LabelSource) -> None:
        if (
            not labels.are_totals
            and ROW_NUMBER in dataset.entity_key
            and len(files.files_of(self._located(dataset.source))) > 1
        ):
            raise SpecError(
                f"{ROW_NUMBER!r} numbers the rows of one file, and several match; name columns as key",
                field=f"datasets.{dataset.name}.entity_key",
            )

    def skew(self, dataset: Dataset, window: Window) -> Skew:
        """See Engine; before the first row of the replay nothing is joined."""
        return (
            Skew(0, 0, 0, {}, {})
            if is_absent(self._located(dataset.replayed.source))
            else super().skew(dataset, window)
        )

    def _opened(self, **sources: Opening) -> AbstractContextManager[DuckDBScan]:
        there = {name: _there(name, self._placed(opening)) for name, opening in sources.items()}
        return opened(self._database().cursor(), there)

    def _placed(self, opening: Opening) -> Opening:
        """A source with what reads it."""
        owner = opening.owner
        source = self._located(owner.source)
        return opening if source is owner.source else replace(opening, owner=replace(owner, source=source))

    def _located(self, source: Any) -> Any:
        return located(source, self._stores)

    def _database(self) -> duckdb.DuckDBPyConnection:
        """The database of this process, empty between calls; to make one takes longer than to scan a small window."""
        # A fork inherits the parent's without its threads: it makes its own, and never closes the other.
        process = os.getpid()
        if process not in self._databases:
            spill = Path(tempfile.gettempdir()) / f"ml-monitor-duckdb-{process}"
            self._databases[process] = duckdb.connect(config={**self._config, "temp_directory": str(spill)})
        return self._databases[process]


def _there(name: str, opening: Opening) -> Opening:
    """A label source that is absent as one without a label."""
    owner = opening.owner
    if name != "labels" or not isinstance(owner, LabelSource) or not is_absent(owner.source):
        return opening
    return replace(opening, owner=replace(owner, source=memory.no_labels(owner)))
