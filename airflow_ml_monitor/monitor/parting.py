"""How one window's scan is cut into parts, each a task of its own. Light: read when a DAG is parsed."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Final
from zoneinfo import ZoneInfo

from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.keys import Window
from airflow_ml_monitor.monitor.spec import MonitorSpec
from airflow_ml_monitor.profile.among import Among
from airflow_ml_monitor.profile.dataset import Dataset, Kind
from airflow_ml_monitor.profile.table import Table

_SHARE: Final = re.compile(r"(\d+)/(\d+)")
_NAMES: Final = ("dataset", "source")

Written = str | os.PathLike[str] | Mapping[str, Any]
"""A part as a DAG says it: '2/4', a source, {dataset, source}, or {column: value} (a list; {other_than: list})."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a window: the number-th of so many spans of its time, of every dataset; or the rows of a source, of
    one dataset (empty: the first); or those among some, by a column, of one dataset (empty: all that have it)."""

    number: int = 1
    of: int = 1
    source: Any = None
    dataset: str = ""
    among: Among | None = None

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
        if isinstance(written, Mapping) and len(columns := [str(name) for name in written if name not in _NAMES]) == 1:
            among = Among.read(columns[0], written[columns[0]])
            return cls(dataset=str(written.get("dataset", "")), among=among)
        told = "write e.g. '2/4', the path or glob of a partition, {dataset: …, source: …}, or {column: value}"
        raise SpecError(f"{written!r} is no part; {told}", field="part")

    def __str__(self) -> str:
        if self.source is None and self.among is None:
            return f"{self.number}/{self.of}"
        return f"{self.dataset}:{self.among or self.source}" if self.dataset else str(self.among or self.source)

    def datasets(self, spec: MonitorSpec) -> Sequence[Dataset]:
        """Those that it is a part of. SpecError where it is of none."""
        if self.among is not None:
            return _sliced(spec, self.among.column, self.dataset)
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
    kinds = {(part.source is not None, part.among is not None) for part in parts}
    shares = [part for part in parts if part.source is None and part.among is None]
    if len(kinds) > 1 or (shares and {len(shares)} != {part.of for part in shares}):
        told = ", ".join(map(str, parts))
        raise SpecError(
            f"{told} do not make up a window; give all of 1/n to n/n, or one kind of others alone", field="parts"
        )
    return parts


def parts_by_value(column: str, values: Sequence[str | int], dataset: str = "") -> list[dict[str, Any]]:
    """A window in one part for each of some values of a column, and one for all others, NULL among them.

    >>> parts_by_value("country", ["DE", "FR"])
    [{'country': ['DE']}, {'country': ['FR']}, {'country': {'other_than': ['DE', 'FR']}}]
    """
    if column in _NAMES:
        raise SpecError(f"a column called {column!r} makes no parts; make them of another, or of time", field="part")
    every = [Among.read(column, value) for value in values] + [Among.read(column, {"other_than": list(values)})]
    return [{"dataset": dataset, **among.written} if dataset else among.written for among in every]


def gap_of(parts: Sequence[Part]) -> str:
    """Which rows parts by a column's values leave out, or hold twice, in words; '' where each row is in one of them."""
    among = [part.among for part in parts if part.among is not None]
    columns = sorted({one.column for one in among})
    if len(columns) > 1:
        return f"parts by {columns[0]!r} and by {columns[1]!r} do not make up a window"
    named = Counter(value for one in among if not one.is_rest for value in one.values)
    rests = [one for one in among if one.is_rest]
    if twice := sorted(value for value, count in named.items() if count > 1):
        return f"{columns[0]} {twice[0]!r} is in two parts"
    if among and not rests:
        return f"{Among(columns[0], tuple(sorted(named)), is_rest=True)} is in no part"
    if len(rests) > 1:
        return f"{rests[0]} and {rests[1]} hold the same rows"
    for rest in rests:
        if lost := sorted(set(rest.values) - named.keys()):
            return f"{columns[0]} {lost[0]!r} is in no part"
        if twice := sorted(named.keys() - set(rest.values)):
            return f"{columns[0]} {twice[0]!r} is in two parts: one of its own, and {rest}"
    return ""


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


def _sliced(spec: MonitorSpec, column: str, dataset: str) -> Sequence[Dataset]:
    """The datasets, or the one of a name, that have a column of categories, or of true and false."""
    asked = (spec.dataset(dataset),) if dataset else spec.datasets
    kinds = (Kind.CATEGORICAL, Kind.BOOLEAN)
    if found := [one for one in asked if any(c.name == column and c.kind in kinds for c in one.columns)]:
        return found
    told = "is no categorical or boolean column of a dataset; declare it under columns, or make parts of time: '1/4' …"
    raise SpecError(f"{column!r} {told}", field="part")


def _first(moment: datetime, zone: ZoneInfo) -> datetime:
    """The first instant at which the clock shows what it shows at a moment."""
    return moment.astimezone(zone).replace(fold=0).astimezone(moment.tzinfo)
