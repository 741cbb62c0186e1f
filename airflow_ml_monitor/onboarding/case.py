"""What every check may look at: a spec, and what is read of its data once for all of them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from time import perf_counter
from typing import Any
from zoneinfo import ZoneInfo

import duckdb

from airflow_ml_monitor.errors import DataFault, MonitorError, ReferenceMismatch, ScanError
from airflow_ml_monitor.keys import EVER, Window
from airflow_ml_monitor.monitor.spec import MonitorSpec
from airflow_ml_monitor.onboarding.reading import quoted
from airflow_ml_monitor.profile.cells import Profile
from airflow_ml_monitor.profile.dataset import Dataset
from airflow_ml_monitor.profile.engines.duckdb import DuckDB
from airflow_ml_monitor.profile.engines.scan import Opening, Scan, opened
from airflow_ml_monitor.profile.layout import Layout
from airflow_ml_monitor.profile.ledger import Entries

_STEP = 900
"""Rows are counted by quarters of an hour: every zone's midnight is the end of one."""


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
    """A spec to be checked. document, text: as it was written; url: of the metrics database, '' if none was named.

    What is broken reads as None or nothing here; the check whose matter it is says why.
    """

    spec: MonitorSpec
    document: Mapping[str, Any] = field(default_factory=dict)
    text: str = ""
    url: str = ""
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    engine: DuckDB = field(default_factory=DuckDB)

    @contextmanager
    def opened(self, **sources: Opening) -> Iterator[Scan]:
        """Sources under their names, read as the engine reads them."""
        with opened(duckdb.connect(config={"autoinstall_known_extensions": "false"}), sources) as scan:
            yield scan

    def written(self, at: str, name: str) -> Mapping[str, Any]:
        """A dataset or label source as the user wrote it: what is not there was left to its default."""
        listed = self.document.get(at) or []
        every = [listed] if isinstance(listed, Mapping) else listed
        return next((one for one in every if one.get("name") == name), {})

    def in_reference(self, dataset: Dataset) -> Dataset:
        """A dataset as it stands in the reference."""
        return replace(dataset, source=self.spec.reference.source)

    @cached_property
    def reference_window(self) -> Window:
        wanted = self.spec.reference
        return Window(wanted.start or EVER.start, wanted.end or EVER.end) if wanted.start or wanted.end else EVER

    @cached_property
    def frozen(self) -> dict[str, Frozen | MonitorError]:
        """The reference of every dataset as it would be frozen, or why it cannot be."""
        return {dataset.name: self._freeze(dataset) for dataset in self.spec.datasets}

    def _freeze(self, dataset: Dataset) -> Frozen | MonitorError:
        source, window = self.in_reference(dataset), self.reference_window
        try:
            layout = self.engine.layout(source, window)
            profile = self.engine.profile(source, layout, window)
            label, labels = self.spec.reference.label, None
            if label:
                labels = self.engine.reference_entries(source, self.spec.task, layout, label, window)
        except (DataFault, ReferenceMismatch, ScanError) as fault:
            return fault
        return Frozen(layout, profile, labels)

    @cached_property
    def windows(self) -> dict[str, dict[Window, int]]:
        """Rows by window of the first rule, by dataset; only windows with rows, oldest first."""
        return {dataset.name: self._counted(dataset) for dataset in self.spec.datasets}

    def _counted(self, dataset: Dataset) -> dict[Window, int]:
        moment = quoted(dataset.event_time)
        steps = f"SELECT CAST(floor(epoch({moment}) / {_STEP}) AS BIGINT), count(*) FROM source"  # noqa: S608
        try:
            with self.opened(source=Opening(dataset, (dataset.event_time,))) as scan:
                scan.need_time("source", dataset)
                is_aware = "TIME ZONE" in scan.types["source"][dataset.event_time]
                found = ask(scan, f"{steps} WHERE {moment} IS NOT NULL AND isfinite({moment}) GROUP BY 1 ORDER BY 1")
        except MonitorError:
            return {}
        zone = UTC if is_aware else ZoneInfo(dataset.zone)
        counted: dict[Window, int] = {}
        ends: list[datetime] = []
        windows: list[Window] = []
        for step, rows in found:
            wall = datetime(1970, 1, 1) + timedelta(seconds=step * _STEP)
            at = wall.replace(tzinfo=zone).astimezone(UTC)
            i = bisect_right(ends, at)
            if i == len(windows) or not windows[i].contains(at):
                windows.insert(i, self.spec.rule().containing(at))
                ends.insert(i, windows[i].end)
            counted[windows[i]] = counted.get(windows[i], 0) + rows
        return dict(sorted(counted.items()))

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


def ask(scan: Scan, statement: str) -> list[tuple[Any, ...]]:
    """Rows of a small statement over what is open; ScanError, quoting no data, where DuckDB gives up."""
    try:
        return scan.connection.execute(statement).fetchall()
    except (duckdb.ParserException, duckdb.BinderException) as error:
        raise ScanError(f"DuckDB does not understand the statement: {error}") from error
    except duckdb.Error as error:
        raise ScanError(f"DuckDB gave up with {type(error).__name__}; is the file whole?") from None
