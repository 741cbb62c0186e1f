"""The embedded engine: Parquet and CSV files, pandas and Arrow tables, by DuckDB."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from airflow_ml_monitor.errors import DataFault, ReferenceMismatch, SpecError
from airflow_ml_monitor.keys import EVER, WHOLE, Window
from airflow_ml_monitor.profile import label_events, query, strata
from airflow_ml_monitor.profile.cells import Profile
from airflow_ml_monitor.profile.dataset import Dataset
from airflow_ml_monitor.profile.engines import (
    files,
    ledger_scan,
    look_scan,
    memory,
    preview,
    profile_scan,
    reference_scan,
    replay_scan,
    total_scan,
)
from airflow_ml_monitor.profile.engines.engine import LabelBatch, LabelRequest, Watermark
from airflow_ml_monitor.profile.engines.opening import Opening, declared, is_absent, opened
from airflow_ml_monitor.profile.engines.preview import Arrivals, Preview
from airflow_ml_monitor.profile.engines.scan import ROW_NUMBER, Scan, Source
from airflow_ml_monitor.profile.label_source import LabelSource
from airflow_ml_monitor.profile.layout import Layout
from airflow_ml_monitor.profile.ledger import Entries
from airflow_ml_monitor.profile.look import Look
from airflow_ml_monitor.profile.skew import Skew
from airflow_ml_monitor.profile.task import Task

if TYPE_CHECKING:
    import pandas as pd


class DuckDB:
    """Profiles and label entries by DuckDB, in this process.

    memory_limit, threads: DuckDB's own; it spills to the system's temporary directory beyond the limit.
    small: windows of up to so many rows are cut by the numpy kernel, larger ones by statements.
    """

    def __init__(self, memory_limit: str = "", threads: int = 0, small: int = profile_scan.SMALL_ROWS) -> None:
        self._config: dict[str, str | bool | int | float | list[str]] = {
            "autoinstall_known_extensions": "false",
            "preserve_insertion_order": "false",
            # Files change under us: what was read for one call is not kept for the next.
            "enable_external_file_cache": "false",
        }
        if memory_limit:
            self._config["memory_limit"] = memory_limit
        if threads:
            self._config["threads"] = threads
        self._small = small
        self._databases: dict[int, duckdb.DuckDBPyConnection] = {}

    def fingerprints(self, dataset: Dataset, windows: Sequence[Window]) -> list[str]:
        """See Engine; an absent source has the fingerprint of no files."""
        if not isinstance(dataset.source, (str, os.PathLike)):
            return [memory.fingerprint(dataset.source)] * len(windows)
        every = files.files_of(dataset.source)
        return [files.fingerprint(files.holding(every, dataset.event_time, dataset.zone, window)) for window in windows]

    def layout(self, dataset: Dataset, window: Window) -> Layout:
        """See Engine. Raises ReferenceMismatch where the reference lacks a declared column, or has it otherwise."""
        with self._opened(source=declared(dataset, window)) as scan:
            if faults := scan.faults(dataset.measured):
                raise ReferenceMismatch("; ".join(faults.values()), field="reference.source")
            event_time = scan.within(dataset, window)
            if not (rows := scan.rows(query.totals, "", (), event_time)[0][0]):
                raise ReferenceMismatch("no rows in the reference; widen its start and end", field="reference")
            binnings = tuple(reference_scan.binning(scan, column, event_time, rows) for column in dataset.measured)
            shape = reference_scan.ellipsoid(scan, dataset, binnings, event_time, rows)
            found = Layout(binnings, dataset.slice_by, shape)
            strata.check([found[column.name] for column in dataset.strata])
            return found

    def profile(self, dataset: Dataset, layout: Layout, window: Window) -> Profile:
        """See Engine."""
        try:
            with self._opened(source=replace(declared(dataset, window), seeks=True)) as scan:
                return profile_scan.profiled(scan, dataset, layout, window, self._small)
        except DataFault as fault:
            return Profile(dataset.name, window, layout.digest, {WHOLE: 0}, {}, faults={"": fault.reason})

    def watermark(self, labels: LabelSource, since: datetime, upto: datetime) -> Watermark:
        """See Engine."""
        if is_absent(labels.source):
            return Watermark("0/0", "0/0")
        with self._opened(labels=ledger_scan.labels_opening(labels)) as scan:
            ledger_scan.need_labels(scan, labels)
            if labels.label_time:
                scan.shared["since"] = scan.terms("labels", labels, since)
                scan.shared["upto"] = scan.terms("labels", labels, upto)
            before, seen, now, known = scan.rows(label_events.watermark, replace(labels, source=None))[0]
            return Watermark(f"{before}/{seen}", f"{now}/{known}")

    def label_entries(self, request: LabelRequest) -> LabelBatch:
        """See Engine. Raises DataFault where predictions or labels lack a column that the ledger needs."""
        dataset, labels = request.dataset, request.labels
        if not labels.are_totals and ROW_NUMBER in dataset.entity_key and len(files.files_of(dataset.source)) > 1:
            raise SpecError(
                f"{ROW_NUMBER!r} numbers the rows of one file, and several match; name columns as key",
                field=f"datasets.{dataset.name}.entity_key",
            )
        if is_absent(labels.source):
            labels = replace(labels, source=memory.no_labels(labels))
        # Beyond the days asked for up to `upto`: labels known by then of later predictions are no orphans.
        span = Window(min(d.start for d in request.days), max(request.upto, *(d.end for d in request.days)))
        predictions = ledger_scan.predictions_opening(request.task, dataset, span)
        if labels.are_totals:
            with self._opened(source=predictions, labels=total_scan.totals_opening(labels, dataset)) as scan:
                return total_scan.total_batch(scan, replace(request, labels=labels))
        with self._opened(source=predictions, labels=ledger_scan.labels_opening(labels)) as scan:
            return ledger_scan.label_batch(scan, replace(request, labels=labels))

    def reference_entries(self, dataset: Dataset, task: Task, layout: Layout, label: str, window: Window) -> Entries:
        """See Engine. Raises ReferenceMismatch where the reference lacks the label or what it is compared with."""
        try:
            with self._opened(source=ledger_scan.predictions_opening(task, dataset, window, label)) as scan:
                if label not in scan.types["source"]:
                    raise ReferenceMismatch(f"no column {label!r} in the reference", field="reference.label")
                return ledger_scan.reference_entries(scan, dataset, task, layout, label, window)
        except DataFault as fault:
            raise ReferenceMismatch(fault.reason, field="reference.source") from fault

    def skew(self, dataset: Dataset, window: Window) -> Skew:
        """See Engine; before the first row of the replay nothing is joined."""
        if is_absent(dataset.replayed.source):
            return Skew(0, 0, 0, {}, {})
        with self._opened(**replay_scan.openings(dataset, window)) as scan:
            return replay_scan.skew(scan, dataset, window)

    def frame(self, dataset: Dataset, window: Window, limit: int) -> pd.DataFrame:
        """See Engine."""
        with self._opened(source=declared(dataset, window)) as scan:
            present = tuple(c.name for c in dataset.columns if c.name in scan.types["source"])
            return scan.frame(query.sample, present, limit, scan.within(dataset, window))

    def preview(self, owner: Source, *besides: str) -> Preview:
        """A source before its first run; besides: columns that its spec does not declare. Raises DataFault."""
        opening = declared(owner, EVER) if isinstance(owner, Dataset) else ledger_scan.labels_opening(owner)
        with self._opened(source=replace(opening, columns=(*opening.columns, *besides))) as scan:
            return preview.preview(scan, owner)

    def look(self, dataset: Dataset, window: Window, columns: Sequence[str]) -> Look:
        """What a contract asks of a reference's rows beyond its cells, of some columns; those that are not there are
        left out. Raises DataFault."""
        opening = declared(dataset, window)
        wanted = tuple(dict.fromkeys((*opening.columns, *columns)))
        # As they lie there: declared as categories, codes would be read as texts.
        bare = replace(opening, owner=replace(dataset, columns=(), slice_by=()), columns=wanted)
        with self._opened(source=bare) as scan:
            return look_scan.looked(scan, columns, dataset.entity_key, scan.within(dataset, window))

    def label_values(self, task: Task, labels: LabelSource) -> tuple[int, int, int]:
        """(labels, those that are the positive one, different values). Raises DataFault."""
        with self._opened(source=ledger_scan.labels_opening(labels)) as scan:
            return preview.label_values(scan, task, labels)

    def arrivals(self, dataset: Dataset, task: Task, labels: LabelSource) -> Arrivals:
        """How labels find their predictions, all of them whenever they came. Raises DataFault."""
        predictions = Opening(dataset, tuple(dict.fromkeys((dataset.event_time, *dataset.entity_key))))
        with self._opened(source=predictions, labels=ledger_scan.labels_opening(labels)) as scan:
            return preview.arrivals(scan, dataset, task, labels)

    def _opened(self, **sources: Opening) -> AbstractContextManager[Scan]:
        return opened(self._database().cursor(), sources)

    def _database(self) -> duckdb.DuckDBPyConnection:
        """The database of this process, empty between calls; to make one takes longer than to scan a small window."""
        # A fork inherits the parent's without its threads: it makes its own, and never closes the other.
        process = os.getpid()
        if process not in self._databases:
            spill = Path(tempfile.gettempdir()) / f"ml-monitor-duckdb-{process}"
            self._databases[process] = duckdb.connect(config={**self._config, "temp_directory": str(spill)})
        return self._databases[process]
