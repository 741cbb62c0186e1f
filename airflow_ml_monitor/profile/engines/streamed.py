"""A large window's numbers, as they stream by: each is read once, and cut by the kernel."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
import pyarrow as pa

from airflow_ml_monitor.profile import kernel, stream_query
from airflow_ml_monitor.profile.dataset import Kind
from airflow_ml_monitor.profile.engines import memory
from airflow_ml_monitor.profile.engines.scan import Array, ByColumn, Wanted
from airflow_ml_monitor.profile.layout import Binning
from airflow_ml_monitor.profile.outlying import Moments
from airflow_ml_monitor.profile.scatter import LOOKED_AT
from airflow_ml_monitor.profile.tally import Room, Tally
from airflow_ml_monitor.profile.traces import Traces

BATCH_ROWS: Final = 32_768
"""A column of so many rows, and what is worked out of it, stays in the processor's cache."""
_AT_ONCE: Final = 8
"""Columns of a stream: an engine that reads ahead holds 4 MB of each."""

_LOOKED_AT_LATER: Final = 1_500
"""Rows of a batch whose products' scatter is looked at, after the first one: of a million 55,000 altogether."""

Batches = Callable[..., Iterator[pa.RecordBatch]]


def streamed(batches: Batches, register: Callable[[str, pa.Table], None], wanted: Wanted) -> tuple[ByColumn, Traces]:
    """The cells of columns of numbers, and what rows tell together.

    batches: of the rows of a statement. register: gives a small table a name.
    """
    for i, by in enumerate(wanted.slices):
        register(f"slices{i}", memory.categories(by))
    numbers = [b for b in wanted.binnings if b.kind is not Kind.CATEGORICAL]
    # What is looked at together streams together, first.
    first = [b for b in numbers if b in wanted.together]
    rest = [b for b in numbers if b not in wanted.together]
    groups = [(first, wanted.together)] if wanted.together else []
    groups += [(rest[i : i + _AT_ONCE], ()) for i in range(0, len(rest), _AT_ONCE)]
    cells: ByColumn = {}
    told = Traces()
    for some, together in groups:
        passed = _Pass(tuple(some), together, wanted)
        for batch in batches(stream_query.streamed, passed.numbers, passed.firsts, wanted.slices, wanted.event_time):
            for start in range(0, batch.num_rows, BATCH_ROWS):
                told += passed.told(batch.slice(start, BATCH_ROWS))
        cells |= passed.cells()
    return cells, told


def moments(batches: Batches, together: tuple[Binning, ...], event_time: str) -> Moments:
    """Of the rows' u."""
    numbers = tuple(b for b in together if b.kind is not Kind.CATEGORICAL)
    firsts = tuple(b for b in together if b.kind is Kind.CATEGORICAL)
    found = Moments.of(np.zeros((len(together), 0)))
    for batch in batches(stream_query.streamed, numbers, firsts, (), event_time):
        columns = dict(zip((*numbers, *firsts), map(_numbers, batch.columns), strict=True))
        u = [columns[b] if b.kind is Kind.CATEGORICAL else kernel.u_of(b, columns[b]) for b in together]
        found += Moments.of(np.stack(u))
    return found


class _Pass:
    """Columns of numbers that stream together."""

    def __init__(self, numbers: tuple[Binning, ...], together: tuple[Binning, ...], wanted: Wanted) -> None:
        self.numbers = numbers
        self.firsts = tuple(b for b in together if b.kind is Kind.CATEGORICAL)
        self._together, self._wanted = together, wanted
        self._looked_at = LOOKED_AT
        labels = {by: len(by.labels) for by in wanted.slices}
        self._tallies = [Tally(binning, labels) for binning in numbers]
        self._room, self._u = Room(BATCH_ROWS), np.empty((len(together), BATCH_ROWS))

    def told(self, batch: pa.RecordBatch) -> Traces:
        """Count rows in; what they tell together."""
        rows = batch.num_rows
        columns = iter(batch.columns)
        x = [next(columns) for _ in self.numbers]
        firsts = [_numbers(next(columns)) for _ in self.firsts]
        codes = {by: _labels(_numbers(next(columns)), len(by.labels)) for by in self._wanted.slices}
        place = {binning: self._u[i, :rows] for i, binning in enumerate(self._together)}
        for binning, tally, column in zip(self.numbers, self._tallies, x, strict=True):
            missing = column.is_null().to_numpy(zero_copy_only=False) if column.null_count else None
            tally.add(_numbers(column), missing, codes, self._room)
            if binning in place:
                place[binning][:] = self._room.u[:rows]
        if not place:
            return Traces()
        for binning, u in zip(self.firsts, firsts, strict=True):
            place[binning][:] = u
        looked_at, self._looked_at = self._looked_at, _LOOKED_AT_LATER
        return kernel.row_traces(self._together, self._u[:, :rows], self._wanted.ellipsoid, looked_at)

    def cells(self) -> ByColumn:
        """Of the rows that were counted in."""
        return {key: cells for tally in self._tallies for key, cells in tally.cells().items()}


def _numbers(column: pa.Array) -> Array:
    """NaN where one is missing."""
    found: Array = column.to_numpy(zero_copy_only=False)
    return found


def _labels(code: Array, none: int) -> Array:
    """Labels of rows; `none` for what has no label of its own."""
    return np.where((code >= 0) & (code < none), code, none).astype(np.int64)
