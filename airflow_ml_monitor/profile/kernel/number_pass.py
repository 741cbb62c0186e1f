"""One pass over rows of numbers, batch after batch: cells of every column, and what rows tell by some together.

Runs on Spark's executors too, so it imports numpy and pyarrow, and of this package what imports no more than they do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa

from airflow_ml_monitor.keys import Slice
from airflow_ml_monitor.profile.cells import Cells, Counts, Floats
from airflow_ml_monitor.profile.dataset import Kind
from airflow_ml_monitor.profile.ellipsoid import Ellipsoid
from airflow_ml_monitor.profile.kernel import kernel
from airflow_ml_monitor.profile.kernel.tally import Room, Tally
from airflow_ml_monitor.profile.layout import Binning
from airflow_ml_monitor.profile.scatter import LOOKED_AT
from airflow_ml_monitor.profile.traces import Traces

Codes = np.ndarray[Any, Any]
"""Whole numbers."""
Flags = np.ndarray[Any, np.dtype[np.bool_]]
_PLAIN: Final = {pa.float64(): np.float64, pa.int64(): np.int64, pa.int32(): np.int32}
"""Types whose values lie in one buffer, as numpy has them."""

BATCH_ROWS: Final = 32_768
"""A column of so many rows, and what is worked out of it, stays in the processor's cache."""
_LOOKED_AT_LATER: Final = 1_500
_NOT_LOOKED_AT: Final = 3
"""Rows of a batch whose products' scatter is looked at, after the first one, and batches after each that are passed
over: of a million 22,000 rows altogether."""


class NumberPass:
    """What is counted of rows.

    numbers: columns that are cut. together: those that rows are looked at by together, categorical ones among them.
    """

    def __init__(
        self,
        numbers: Sequence[Binning],
        together: Sequence[Binning],
        slices: Sequence[Binning] = (),
        ellipsoid: Ellipsoid | None = None,
    ) -> None:
        self.firsts = tuple(b for b in together if b.kind is Kind.CATEGORICAL)
        self._together, self._slices, self._ellipsoid = tuple(together), tuple(slices), ellipsoid
        labels = {by: len(by.labels) for by in slices}
        self._tallies = {binning: Tally(binning, labels) for binning in numbers}
        self._room, self._u = Room(BATCH_ROWS), np.empty((len(together), BATCH_ROWS))
        self._batches, self._traces = 0, Traces()

    def add(self, numbers: Sequence[pa.Array], firsts: Sequence[Floats], labels: Sequence[Codes]) -> None:
        """Count rows in. numbers: of each such column, doubles. firsts: of each categorical column whether a row has
        its first category, NaN where the value is missing. labels: by slice column; negative or too large: none."""
        rows = len((*numbers, *firsts, *labels)[0])
        for start in range(0, rows, BATCH_ROWS):
            part = slice(start, min(start + BATCH_ROWS, rows))
            u = self._u[:, : part.stop - start]
            self._cut([column[part] for column in numbers], [label[part] for label in labels], u)
            for binning, first in zip(self.firsts, firsts, strict=True):
                u[self._together.index(binning)] = first[part]
            if len(u):
                self._traces += kernel.row_traces(self._together, u, self._ellipsoid, self._looked_at())
                self._batches += 1

    def _looked_at(self) -> int:
        """Rows of the batch whose products' scatter is looked at."""
        if not self._batches:
            return LOOKED_AT
        return 0 if self._batches % (_NOT_LOOKED_AT + 1) else _LOOKED_AT_LATER

    def _cut(self, numbers: Sequence[pa.Array], labels: Sequence[Codes], u: Floats) -> None:
        place, room = dict(zip(self._together, u, strict=True)), self._room
        codes = {by: named(code, len(by.labels)) for by, code in zip(self._slices, labels, strict=True)}
        for (binning, tally), column in zip(self._tallies.items(), numbers, strict=True):
            x, missing = as_held(column)
            tally.add(x, missing, codes, room, place.get(binning))

    def done(self) -> tuple[dict[tuple[Slice, str], Cells], Traces]:
        """Cells of all rows that were counted in, and what these told together."""
        return {key: cells for tally in self._tallies.values() for key, cells in tally.cells().items()}, self._traces


def plain(column: pa.Array) -> Floats:
    """A column of numbers; NaN where one is missing."""
    kind: Any = _PLAIN.get(column.type)
    if kind is None or (column.null_count and kind is not np.float64):
        found: Floats = column.to_numpy(zero_copy_only=False)
        return found
    values, missing = as_held(column, kind)
    if missing is not None:
        values = values.copy()
        values[missing] = np.nan
    return values


def as_held(column: pa.Array, kind: type = np.float64) -> tuple[Floats, Counts | None]:
    """(numbers as they lie there, which of them are missing, whatever lies there; None: none).

    From its buffers: pyarrow's own way loads pandas, and makes a mask anew.
    """
    start, rows = column.offset, len(column)
    validity, held = column.buffers()
    values: Floats = np.frombuffer(held, kind, rows, start * np.dtype(kind).itemsize) if rows else np.empty(0, kind)
    if not column.null_count:
        return values, None
    is_there = np.unpackbits(np.frombuffer(validity, np.uint8), count=start + rows, bitorder="little")
    return values, np.flatnonzero(is_there[start:] == 0)


def named(code: Codes, none: int) -> Counts:
    """Labels of rows; `none` for what has no label of its own."""
    return np.where((code >= 0) & (code < none), code, none).astype(np.int64)
