"""One snapshot of one or two sources, under their names: what statements ask of it, whatever the engine."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Final
from zoneinfo import ZoneInfo

import numpy as np
import sqlalchemy as sa

from airflow_ml_monitor.errors import MissingColumn, WrongType
from airflow_ml_monitor.keys import EVER, Slice, Window
from airflow_ml_monitor.profile.cells import Cells, Floats
from airflow_ml_monitor.profile.dataset import Column, Dataset, Kind
from airflow_ml_monitor.profile.kernel.outlying import Moments
from airflow_ml_monitor.profile.label_source import LabelSource
from airflow_ml_monitor.profile.layout import Binning
from airflow_ml_monitor.profile.traces import Traces
from airflow_ml_monitor.profile.wanted import Wanted

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

Array = np.ndarray[Any, Any]

ABSENT: Final = -2_000_000
"""Stands for a NULL that grouping sets put where a key does not take part."""

ROW_NUMBER: Final = "file_row_number"
"""The virtual column that serves as key where a file has none."""

NOTHING: Final = "nothing"
"""The one column of a source that has none of those asked for."""

INTEGERS: Final = frozenset(
    ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT")
)
NUMBERS: Final = INTEGERS | {"FLOAT", "DOUBLE", "DECIMAL", '"NULL"'}
TIMES: Final = frozenset(("TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "DATE", '"NULL"'))
_ACCEPTED: Final = {Kind.NUMERIC: NUMBERS, Kind.BOOLEAN: INTEGERS | {"BOOLEAN", '"NULL"'}, Kind.DATETIME: TIMES}
"""DuckDB's types by which a kind may arrive; categories may be any."""
_OF_CATEGORIES: Final = INTEGERS | {"VARCHAR", "ENUM", "BOOLEAN", '"NULL"'}
"""Types of an undeclared column that may hold categories under a new name."""

Source = Dataset | LabelSource
Build = Callable[..., sa.SelectBase]
Passes = Callable[[], Iterator[Sequence[Floats]]]
"""Parts of several columns' values, side by side."""
ByColumn = dict[tuple[Slice, str], Cells]
"""Cells by slice and column."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan(ABC):
    """The opened columns' types by source, and values for the parameters that all statements share.

    arrived: by source, every column that it has, opened or not. Types are named as DuckDB names them. is_confined:
    whether a dataset that is open holds the rows of its window alone.
    """

    is_confined: ClassVar[bool] = False
    types: Mapping[str, Mapping[str, str]]
    shared: dict[str, Any] = field(default_factory=dict)
    arrived: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    joins_at_once: ClassVar[bool] = False
    """Whether a full join of predictions and labels costs less than a join and a count of either."""

    @abstractmethod
    def register(self, name: str, table: pa.Table) -> None:
        """Give a small table a name, by which statements read it from now on."""

    def keep(self, name: str, build: Build, *about: Hashable) -> None:
        """Keep a statement's rows under a name, by which others read them. Of scans that join at once."""
        raise NotImplementedError

    def instead(self, names: Mapping[str, str]) -> Scan:
        """The same scan of what was kept under other names instead of some sources. Of scans that join at once."""
        raise NotImplementedError

    @abstractmethod
    def rows(self, build: Build, *about: Hashable) -> list[tuple[Any, ...]]:
        """A statement's rows. build, about: the function that writes it, and its arguments."""

    @abstractmethod
    def masked(self, build: Build, *about: Hashable) -> dict[str, Array]:
        """A statement's columns, NULL masked."""

    @abstractmethod
    def frame(self, build: Build, *about: Hashable) -> pd.DataFrame:
        """A statement's rows as pandas has them."""

    @abstractmethod
    def cut(self, wanted: Wanted) -> tuple[ByColumn, Traces]:
        """Every column's cells of a large window, and what its rows tell besides; each column's bytes are read once."""

    @abstractmethod
    def moments(self, binnings: tuple[Binning, ...], event_time: str) -> Moments:
        """Of the rows' u, which their shape is made of."""

    def passes(self, columns: tuple[tuple[str, Kind], ...], event_time: str) -> Passes | None:
        """Passes over some columns' values, NaN where one is missing; None where rows stay in their database."""
        return None

    def are_different(self, build: Build, *about: Hashable) -> bool:
        """True if no two of a statement's hashes are the same; False also where that is not worth a look."""
        return False

    def columns(self, build: Build, *about: Hashable) -> dict[str, Array]:
        """A statement's columns; a missing integer is ABSENT, a missing float NaN."""
        found = {}
        for name, column in self.masked(build, *about).items():
            missing = np.nan if column.dtype.kind == "f" else ABSENT
            if isinstance(column, np.ma.MaskedArray) and column.dtype.kind in "fiu":
                column = column.filled(missing)
            found[name] = np.asarray(column)
        return found

    def terms(self, name: str, owner: Source, moment: datetime) -> datetime:
        """An instant as the time column of a source understands it."""
        return in_terms(moment, self.types[name].get(time_column(owner), ""), owner.zone)

    def within(self, dataset: Dataset, window: Window) -> str:
        """Confine statements to a window: the column to compare with its bounds, or '' where every row counts."""
        if window == EVER:
            return ""
        self.need_time("source", dataset)
        self.shared["start"] = self.terms("source", dataset, window.start)
        self.shared["end"] = self.terms("source", dataset, window.end)
        return dataset.event_time

    def need_time(self, name: str, owner: Source) -> None:
        """Raise MissingColumn or WrongType unless a source's time column holds times."""
        column = time_column(owner)
        meaning = "event time" if isinstance(owner, Dataset) else "label time"
        arrived = self.types[name].get(column)
        if arrived is None:
            raise MissingColumn(f"column {column!r} ({meaning}) is missing")
        if arrived not in TIMES:
            raise WrongType(f"column {column!r} ({meaning}) arrived as {arrived}, not as a time")

    def faults(self, columns: Sequence[Column], name: str = "source") -> dict[str, str]:
        """Columns of a dataset that are absent or of another type, with the reason."""
        found = {}
        for column in columns:
            if fault := fault_of(column, self.types[name].get(column.name)):
                found[column.name] = fault
        return found


def fault_of(column: Column, arrived: str | None) -> str:
    """Why a column that arrived as a type of DuckDB's, or not at all, cannot be read; '' where it can."""
    if arrived is None:
        return f"column {column.name!r} is missing"
    accepted = _ACCEPTED.get(column.kind)
    if accepted and not is_any(arrived, accepted):
        return f"column {column.name!r} arrived as {arrived}, declared {column.kind}"
    return ""


def in_terms(moment: datetime, arrived: str, zone: str) -> datetime:
    """An instant as a column of some type understands it: aware, or naive in the declared zone."""
    return moment if "TIME ZONE" in arrived else moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None)


def may_hold(arrived: str, kind: Kind) -> bool:
    """Whether an undeclared column of a type may be a column of some kind."""
    return is_any(arrived, _ACCEPTED.get(kind, _OF_CATEGORIES))


def is_any(arrived: str, types: frozenset[str]) -> bool:
    """Whether a type of DuckDB's is one of some; DECIMAL(18,3) is a DECIMAL, INTEGER[] no INTEGER."""
    return not arrived.endswith("]") and arrived.split("(")[0] in types


def time_column(owner: Source) -> str:
    """The event time of a dataset, the label time of a label source; '' without one."""
    return owner.event_time if isinstance(owner, Dataset) else owner.label_time or ""
