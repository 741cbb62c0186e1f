"""One pass over rows of numbers, batch after batch: cells of every column, and what rows tell by some together.

Runs on Spark's executors too, so it imports numpy and pyarrow, and of this package what imports no more than they do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa

from airflow_ml_monitor.keys import Slice
from airflow_ml_monitor.profile import kernel
from airflow_ml_monitor.profile.cells import Cells, Counts, Floats
from airflow_ml_monitor.profile.dataset import Kind
from airflow_ml_monitor.profile.ellipsoid import Ellipsoid
from airflow_ml_monitor.profile.layout import Binning
from airflow_ml_monitor.profile.scatter import LOOKED_AT
from airflow_ml_monitor.profile.tally import Room, Tally
from airflow_ml_monitor.profile.traces import Traces

Codes = np.ndarray[Any, Any]
"""Whole numbers."""

BATCH_ROWS: Final = 32_768
"""A column of so many rows, and what is worked out of it, stays in the processor's cache."""
_LOOKED_AT_LATER: Final = 1_500
"""Rows of a batch whose products' scatter is looked at, after the first one: of a million 55,000 altogether."""


class NumberPass:
    """What is counted of rows. traces: what they told together so far.

    numbers: columns that are cut. together: those that rows are looked at by together, categorical ones among them.
    """

    def __init__(
        self,
        numbers: Sequence[Binning],
        together: Sequence[Binning],
        slices: Sequence[Binning] = (),
        ellipsoid: Ellipsoid | None = None,
    ) -> None:
        self.traces = Traces()
        self.firsts = tuple(b for b in together if b.kind is Kind.CATEGORICAL)
        self._together, self._slices, self._ellipsoid = tuple(together), tuple(slices), ellipsoid
        labels = {by: len(by.labels) for by in slices}
        self._tallies = {binning: Tally(binning, labels) for binning in numbers}
        self._room, self._u = Room(BATCH_ROWS), np.empty((len(together), BATCH_ROWS))
        self._looked_at = LOOKED_AT

    def add(self, numbers: Sequence[pa.Array], firsts: Sequence[Floats], labels: Sequence[Codes]) -> None:
        """Count rows in. numbers: of each such column. firsts: of each categorical column whether a row has its first
        category, NaN where the value is missing. labels: by slice column; negative or too large: a row has none."""
        rows = len((*numbers, *firsts, *labels)[0])
        for start in range(0, rows, BATCH_ROWS):
            end = min(start + BATCH_ROWS, rows)
            u = self._u[:, : end - start]
            self._cut([column[start:end] for column in numbers], [label[start:end] for label in labels], u)
            for i, binning in enumerate(self.firsts):
                u[self._together.index(binning)] = firsts[i][start:end]
            if len(u):
                looked_at, self._looked_at = self._looked_at, _LOOKED_AT_LATER
                self.traces += kernel.row_traces(self._together, u, self._ellipsoid, looked_at)

    def _cut(self, numbers: Sequence[pa.Array], labels: Sequence[Codes], u: Floats) -> None:
        place = dict(zip(self._together, u, strict=True))
        codes = {by: _named(code, len(by.labels)) for by, code in zip(self._slices, labels, strict=True)}
        for (binning, tally), column in zip(self._tallies.items(), numbers, strict=True):
            missing = column.is_null().to_numpy(zero_copy_only=False) if column.null_count else None
            tally.add(plain(column), missing, codes, self._room)
            if binning in place:
                place[binning][:] = self._room.u[: len(column)]

    def cells(self) -> dict[tuple[Slice, str], Cells]:
        """Of the rows that were counted in."""
        return {key: cells for tally in self._tallies.values() for key, cells in tally.cells().items()}


def plain(column: pa.Array) -> Floats:
    """A column of doubles; NaN where one is missing."""
    found: Floats = column.to_numpy(zero_copy_only=False)
    return found


def _named(code: Codes, none: int) -> Counts:
    """Labels of rows; `none` for what has no label of its own."""
    return np.where((code >= 0) & (code < none), code, none).astype(np.int64)
