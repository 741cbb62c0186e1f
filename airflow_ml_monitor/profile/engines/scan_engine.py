"""What an engine does with a scan, whatever it scans with."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from airflow_ml_monitor.errors import DataFault, ReferenceMismatch
from airflow_ml_monitor.keys import EVER, WHOLE, Window
from airflow_ml_monitor.profile.among import Among
from airflow_ml_monitor.profile.cells import Profile
from airflow_ml_monitor.profile.dataset import Dataset
from airflow_ml_monitor.profile.engines import (
    ledger_scan,
    look_scan,
    preview,
    profile_scan,
    reference_scan,
    replay_scan,
    total_scan,
)
from airflow_ml_monitor.profile.engines.engine import LabelBatch, LabelRequest, Watermark
from airflow_ml_monitor.profile.engines.opening import Opening, declared
from airflow_ml_monitor.profile.engines.preview import Arrivals, Preview
from airflow_ml_monitor.profile.engines.scan import Scan, Source
from airflow_ml_monitor.profile.label_source import LabelSource
from airflow_ml_monitor.profile.layout import Layout
from airflow_ml_monitor.profile.ledger import Entries
from airflow_ml_monitor.profile.look import Look
from airflow_ml_monitor.profile.queries import label_events, query, strata
from airflow_ml_monitor.profile.skew import Skew
from airflow_ml_monitor.profile.task import Task

if TYPE_CHECKING:
    import pandas as pd

    from airflow_ml_monitor.profile.engines.databases.in_place import InPlace


class ScanEngine(ABC):
    """An engine but for how its sources are named and opened. small: see profile_scan.profiled."""

    def __init__(self, small: int) -> None:
        self._small = small

    @abstractmethod
    def fingerprints(self, dataset: Dataset, windows: Sequence[Window]) -> list[str]:
        """See Engine; a source that is absent has a name, too."""

    @abstractmethod
    def _opened(self, **sources: Opening) -> AbstractContextManager[Scan]:
        """One snapshot of the sources, under their names; of a label source that is absent a table without a label."""

    @abstractmethod
    def _check(self, dataset: Dataset, labels: LabelSource) -> None:
        """Raise SpecError where the labels of a dataset cannot be joined, before anything is read."""

    def layout(self, dataset: Dataset, window: Window) -> Layout:
        """See Engine. Raises ReferenceMismatch where the reference lacks a declared column, or has it otherwise."""
        with self._opened(source=declared(dataset, window)) as scan:
            if faults := scan.faults(dataset.measured):
                raise ReferenceMismatch("; ".join(faults.values()), field="reference.source")
            event_time = scan.within(dataset, window)
            if not (rows := scan.rows(query.totals, "", (), event_time)[0][0]):
                raise ReferenceMismatch("no rows in the reference; widen its start and end", field="reference")
            binnings = reference_scan.binnings(scan, dataset.measured, event_time, rows)
            shape = None
            if dataset.second_moments:
                shape = reference_scan.ellipsoid(scan, dataset, binnings, event_time, rows)
            found = Layout(binnings, dataset.slice_by, shape)
            strata.check([found[column.name] for column in dataset.strata])
            return found

    def profile(self, dataset: Dataset, layout: Layout, window: Window, *, among: Among | None = None) -> Profile:
        """See Engine."""
        try:
            with self._opened(**profile_scan.openings(dataset, window, among)) as scan:
                return profile_scan.profiled(scan, dataset, layout, window, self._small)
        except DataFault as fault:
            return Profile(dataset.name, window, layout.digest, {WHOLE: 0}, {}, faults={"": fault.reason})

    def watermark(self, labels: LabelSource, since: datetime, upto: datetime) -> Watermark:
        """See Engine."""
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
        self._check(dataset, labels)
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
        """See Engine."""
        with self._opened(**replay_scan.openings(dataset, window)) as scan:
            return replay_scan.skew(scan, dataset, window)

    def frame(self, dataset: Dataset, window: Window, limit: int) -> pd.DataFrame:
        """See Engine."""
        with self._opened(source=declared(dataset, window)) as scan:
            present = tuple(c.name for c in dataset.columns if c.name in scan.types["source"])
            return scan.frame(query.sample, present, limit, scan.within(dataset, window))

    def in_place(self, dataset: Dataset, window: Window) -> AbstractContextManager[InPlace | None]:
        """See Engine."""
        return nullcontext()

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
