"""Columns of the small tables that statements read beside the user's, from Python values.

From their buffers: `pyarrow.array` loads pandas, whatever it is given.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa


def texts(values: Sequence[str]) -> pa.Array:
    written = [value.encode() for value in values]
    ends = np.cumsum([0, *map(len, written)]).astype(np.int32)
    return _column(pa.string(), len(written), ends.tobytes(), b"".join(written))


def wholes(values: Sequence[int]) -> pa.Array:
    return _column(pa.int64(), len(values), np.array(values, np.int64).tobytes())


def flags(values: Sequence[bool]) -> pa.Array:
    return _column(pa.bool_(), len(values), np.packbits(np.array(values, np.bool_), bitorder="little").tobytes())


def moments(values: Sequence[datetime]) -> pa.Array:
    """Aware ones as UTC; all are, or none."""
    zone = "UTC" if values and values[0].tzinfo else None
    first, micro = datetime(1970, 1, 1, tzinfo=UTC if zone else None), timedelta(microseconds=1)
    since = np.array([(value - first) // micro for value in values], np.int64)
    return _column(pa.timestamp("us", zone), len(values), since.tobytes())


def _column(kind: pa.DataType, rows: int, *held: bytes) -> pa.Array:
    return pa.Array.from_buffers(kind, rows, [None, *map(pa.py_buffer, held)])
