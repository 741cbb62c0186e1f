"""What every check may look at: a spec, and what is read of its data once for all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from time import perf_counter
from typing import Any
from zoneinfo import ZoneInfo

from airflow_ml_monitor.errors import DataFault, MonitorError, ReferenceMismatch, ScanError
from airflow_ml_monitor.keys import EVER, Window
from airflow_ml_monitor.monitor.spec import MonitorSpec
from airflow_ml_monitor.profile.cells import Profile
from airflow_ml_monitor.profile.dataset import Dataset
from airflow_ml_monitor.profile.engines.chosen import Chosen
from airflow_ml_monitor.profile.engines.preview import Preview
from airflow_ml_monitor.profile.fitting import fitted
from airflow_ml_monitor.profile.label_source import LabelSource
from airflow_ml_monitor.profile.layout import Layout
from airflow_ml_monitor.profile.ledger import Entries


@dataclass(frozen=True, slots=True)
class Frozen:
    """A reference as it would be frozen."""

    layout: Layout
    profile: Profile
    labels: Entries | None


@dataclass(frozen=True, slots=True)
class Newest:
    """A real scan of the newest whole window: its profile, and how long it took."""

    window: Window
    profile: Profile
    seconds: float


@dataclass(frozen=True)
class Case:
    """A spec to be checked. document: as it was written; url: of the metrics database, '' if none was named.

    What is broken reads as its error here; the check whose matter it is says so.
    """

    spec: MonitorSpec
    document: Mapping[str, Any]
    url: str = ""
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    engine: Chosen = field(default_factory=Chosen)

    def declares_zone(self, at: str, name: str) -> bool:
        """Whether a dataset or label source was written with a zone: what is not there was left to its default."""
        listed = self.document.get(at) or []
        every = [listed] if isinstance(listed, Mapping) else listed
        return any("zone" in one for one in every if one.get("name") == name)

    @cached_property
    def seen(self) -> dict[str, Preview | MonitorError]:
        """Every dataset, replay and label source as it lies there, or why it cannot be read."""
        replays = (dataset.replayed for dataset in self.spec.datasets if dataset.replay)
        owners: list[Dataset | LabelSource] = [*self.spec.datasets, *replays, *self.spec.labels]
        return {owner.name: self.look(owner) for owner in owners}

    @cached_property
    def referred(self) -> dict[str, Preview | MonitorError]:
        """The reference with the columns of every dataset, or why it cannot be read."""
        label = [self.spec.reference.label] if self.spec.reference.label else []
        timeless = (replace(self.in_reference(dataset), event_time="") for dataset in self.spec.datasets)
        return {dataset.name: self.look(dataset, *label) for dataset in timeless}

    def look(self, owner: Dataset | LabelSource, *besides: str) -> Preview | MonitorError:
        """One of them, with columns that it does not declare; or why it cannot be read."""
        try:
            return self.engine.preview(owner, *besides)
        except MonitorError as fault:
            return fault

    def in_reference(self, dataset: Dataset) -> Dataset:
        """A dataset as it stands in the reference, which is read whole."""
        return replace(dataset, source=self.spec.reference.source, sampling_fraction=1.0)

    @cached_property
    def frozen(self) -> dict[str, Frozen | MonitorError]:
        """The reference of every dataset as it would be frozen, or why it cannot be."""
        return {dataset.name: self._freeze(dataset) for dataset in self.spec.datasets}

    def _freeze(self, dataset: Dataset) -> Frozen | MonitorError:
        source, wanted = self.in_reference(dataset), self.spec.reference
        window = Window(wanted.start or EVER.start, wanted.end or EVER.end)
        try:
            layout, profile = fitted(self.engine, source, window)
            labels = None
            if wanted.label:
                labels = self.engine.reference_entries(source, self.spec.task, layout, wanted.label, window)
        except (DataFault, ReferenceMismatch, ScanError) as fault:
            return fault
        return Frozen(layout, profile, labels)

    @cached_property
    def windows(self) -> dict[str, dict[Window, int]]:
        """Rows by window of the first rule, by dataset; only windows with rows, oldest first."""
        return {dataset.name: self._counted(self.seen[dataset.name]) for dataset in self.spec.datasets}

    def _counted(self, seen: Preview | MonitorError) -> dict[Window, int]:
        counted: dict[Window, int] = {}
        window = None
        for at, rows in sorted(seen.steps) if isinstance(seen, Preview) else ():
            if window is None or at >= window.end:
                window = self.spec.rule().containing(at)
            counted[window] = counted.get(window, 0) + rows
        return counted

    def whole_windows(self, dataset: Dataset) -> dict[Window, int]:
        """Those that are over."""
        return {window: rows for window, rows in self.windows[dataset.name].items() if window.end <= self.now}

    def first_day(self, window: Window) -> str:
        """The calendar day on which a window begins, by the clock of the spec's windows."""
        return f"{window.start.astimezone(ZoneInfo(self.spec.rule().zone)):%Y-%m-%d}"

    @cached_property
    def newest(self) -> dict[str, Newest]:
        """The newest window with rows, scanned once; none where there is no window or no reference."""
        found = {}
        for dataset in self.spec.datasets:
            over, frozen = self.whole_windows(dataset), self.frozen[dataset.name]
            if over and isinstance(frozen, Frozen):
                started = perf_counter()
                profile = self.engine.profile(dataset, frozen.layout, max(over))
                found[dataset.name] = Newest(max(over), profile, perf_counter() - started)
        return found
