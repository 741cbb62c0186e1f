"""How one window's scan is cut into parts, each a task of its own. Light: read when a DAG is parsed."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Final
from zoneinfo import ZoneInfo

from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.keys import Window
from airflow_ml_monitor.monitor.spec import MonitorSpec
from airflow_ml_monitor.profile.dataset import Dataset
from airflow_ml_monitor.profile.table import Table

_SHARE: Final = re.compile(r"(\d+)/(\d+)")

Written = str | os.PathLike[str] | Mapping[str, Any]
"""A part as a DAG says it: '2/4', a source, or {dataset, source}."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a window: the number-th of so many spans of its time, of every dataset; or the rows of a source, of
    one dataset (empty: the first)."""

    number: int = 1
    of: int = 1
    source: Any = None
    dataset: str = ""

    @classmethod
    def read(cls, written: Written) -> Part:
        """SpecError where it is none."""
        if isinstance(written, str) and (share := _SHARE.fullmatch(written.strip())):
            number, of = map(int, share.groups())
            if not 1 <= number <= of:
                raise SpecError(f"{written!r} is no part; the first of four is '1/4', the last '4/4'", field="part")
            return cls(number, of)
        if isinstance(written, (str, os.PathLike)) and os.fspath(written):
            return cls(source=os.fspath(written))
        if isinstance(written, Mapping) and set(written) <= {"source", "dataset"} and written.get("source"):
            source = written["source"]
            placed = Table(**source) if isinstance(source, Mapping) else source
            return cls(source=placed, dataset=str(written.get("dataset", "")))
        told = "write e.g. '2/4', the path or glob of a partition, or {dataset: …, source: …}"
        raise SpecError(f"{written!r} is no part; {told}", field="part")

    def __str__(self) -> str:
        if self.source is None:
            return f"{self.number}/{self.of}"
        return f"{self.dataset}:{self.source}" if self.dataset else str(self.source)

    def datasets(self, spec: MonitorSpec) -> Sequence[Dataset]:
        """Those that it is a part of."""
        return spec.datasets if self.source is None else (spec.dataset(self.dataset),)

    def share_of(self, dataset: Dataset, window: Window) -> tuple[Dataset, Window | None]:
        """What is to be scanned; no window where the clocks leave a part no time."""
        if self.source is not None:
            return replace(dataset, source=self.source), window
        return dataset, spans(window, self.of, dataset.zone)[self.number - 1]


def parts_of(written: int | Sequence[Written]) -> list[Part]:
    """All parts of a window: so many spans of time, or as they are written. SpecError where they cannot make it up."""
    if isinstance(written, int):
        written = [f"{number}/{written}" for number in range(1, written + 1)]
    parts = [Part.read(one) for one in written]
    if not parts:
        raise SpecError("no part; give at least one", field="parts")
    if twice := [str(part) for part in parts if parts.count(part) > 1]:
        raise SpecError(f"{twice[0]!r} stands there twice; keep one", field="parts")
    shares = [part for part in parts if part.source is None]
    if shares and (len(shares) < len(parts) or len(shares) != shares[0].of or len({part.of for part in shares}) > 1):
        told = ", ".join(map(str, parts))
        raise SpecError(f"{told} do not make up a window; give all of 1/n to n/n, or sources alone", field="parts")
    return parts


def spans(window: Window, count: int, zone: str) -> list[Window | None]:
    """A window in so many spans, one after the other; None where the clocks leave one no time.

    They begin at moments that the clock on the wall of a zone shows once, or for the first time: of rows whose times
    have no zone none is in two spans, nor in none, in the night in which an hour comes twice.

    >>> from datetime import UTC
    >>> day = Window(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))
    >>> [span.start.hour for span in spans(day, 3, "UTC")]
    [0, 8, 16]
    """
    length: timedelta = window.end - window.start
    inner = {_first(window.start + length * i / count, ZoneInfo(zone)) for i in range(1, count)}
    ends = sorted(moment for moment in inner if window.start < moment < window.end)
    found: list[Window | None] = [Window(*two) for two in pairwise([window.start, *ends, window.end])]
    return found + [None] * (count - len(found))


def _first(moment: datetime, zone: ZoneInfo) -> datetime:
    """The first instant at which the clock shows what it shows at a moment."""
    return moment.astimezone(zone).replace(fold=0).astimezone(moment.tzinfo)
