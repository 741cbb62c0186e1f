"""Feeds of arrays, cut by the engine's own kernel: many days and seeds in little time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from airflow_ml_monitor.keys import WHOLE, Window
from airflow_ml_monitor.profile.cells import Profile
from airflow_ml_monitor.profile.dataset import Column, Dataset, Kind, Role
from airflow_ml_monitor.profile.feed_view import FeedView
from airflow_ml_monitor.profile.kernel import kernel
from airflow_ml_monitor.profile.layout import FEW_VALUES, RARE, Binning, Layout
from airflow_ml_monitor.profile.traces import MOST_UNSEEN

FIRST = datetime(2026, 3, 2, tzinfo=UTC)
Arrays = Mapping[str, Any]


class Feed:
    """A reference of arrays; `view` is a window of others. Columns of text are categorical; `score` is one."""

    def __init__(self, reference: Arrays, times: Sequence[str] = ()) -> None:
        columns = {name: np.asarray(x) for name, x in reference.items()}
        kinds = {name: _kind(name, x, times) for name, x in columns.items()}
        roles = {name: Role.SCORE if name.startswith("score") else Role.FEATURE for name in columns}
        declared = tuple(Column(name, kinds[name], roles[name]) for name in columns)
        self.dataset = Dataset("feed", None, declared, "at")
        self.layout = Layout(tuple(_binning(name, kinds[name], roles[name], columns[name]) for name in columns))
        self.reference = self.profile(columns, -28)

    def profile(self, arrays: Arrays, number: int = 0) -> Profile:
        start = FIRST + timedelta(days=number)
        columns = {name: _masked(np.asarray(x)) for name, x in arrays.items()}
        cells, unseen = {}, {}
        for binning in self.layout.binnings:
            cells |= kernel.column_cells(binning, columns[binning.column], {})
            if binning.kind is Kind.CATEGORICAL:
                unseen[binning.column] = kernel.unseen(binning, columns[binning.column])
        assert all(len(names) <= MOST_UNSEEN for names in unseen.values())
        together = [b for b in self.layout.binnings if b.kind is not Kind.DATETIME][:24]
        traces = replace(kernel.row_traces(together, kernel.u_values(together, columns), None), unseen=unseen)
        rows = {WHOLE: len(next(iter(columns.values())))}
        window = Window(start, start + timedelta(days=1))
        return Profile("feed", window, self.layout.digest, rows, cells, traces=traces)

    def view(self, current: Arrays, before: Sequence[Arrays | Profile] = (), number: int = 0) -> FeedView:
        """before: the newest first."""
        earlier = [p if isinstance(p, Profile) else self.profile(p, number - 1 - i) for i, p in enumerate(before)]
        return FeedView(self.dataset, self.layout, self.reference, self.profile(current, number), earlier)


def _kind(name: str, x: Any, times: Sequence[str]) -> Kind:
    if name in times:
        return Kind.DATETIME
    return {"O": Kind.CATEGORICAL, "U": Kind.CATEGORICAL, "b": Kind.BOOLEAN}.get(x.dtype.kind, Kind.NUMERIC)


def _masked(x: Any) -> Any:
    """NaN is NULL, as of a data frame."""
    if x.dtype.kind in "OU":
        text = x.astype(object)
        return np.ma.array(text, mask=[value is None for value in text])
    number = x.astype(float)
    return np.ma.array(number, mask=np.isnan(number))


def _binning(name: str, kind: Kind, role: Role, x: Any) -> Binning:
    """As engines/reference_scan.py has it."""
    if kind is Kind.CATEGORICAL:
        values, counts = np.unique([value for value in x if value is not None], return_counts=True)
        return Binning(name, kind, categories=tuple(str(v) for v in values[counts >= RARE]))
    if kind is Kind.BOOLEAN:
        return Binning(name, kind, values=(0.0, 1.0))
    x = x[~np.isnan(x)].astype(float)
    low, median, high = np.quantile(x, [0.25, 0.5, 0.75])
    scale = float(f"{(high - low) / 1.349 or x.std() or 1.0:.6g}")
    distinct = np.unique(x) if kind is Kind.NUMERIC and role is Role.FEATURE else ()
    values = tuple(float(v) for v in distinct) if 0 < len(distinct) <= FEW_VALUES else ()
    return Binning(name, kind, float(median), scale, values=values)
