"""Times as a Parquet footer tells them: whole numbers since 1970, made times here.

pyarrow would load pandas for each, which takes longer than to read the footer.
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

_A_SECOND: Final = {"milliseconds": 10**3, "microseconds": 10**6, "nanoseconds": 10**9}
_MICROS: Final = 10**6


def times_between(statistics: Any) -> tuple[date, date] | tuple[()] | None:
    """(first, last) of a column chunk, by the statistics of its footer; None where it holds no times.

    Empty where one is infinite, or beyond Python's years: it may lie anywhere. Of nanoseconds the microseconds around
    them. Aware as UTC, where the file says that they are.
    """
    kind = statistics.logical_type.type
    if kind not in ("DATE", "TIMESTAMP"):
        return None
    low, high = statistics.min_raw, statistics.max_raw
    try:
        if kind == "DATE":
            return date(1970, 1, 1) + timedelta(days=low), date(1970, 1, 1) + timedelta(days=high)
        told = json.loads(statistics.logical_type.to_json())
        first = datetime(1970, 1, 1, tzinfo=UTC if told["isAdjustedToUTC"] else None)
        each = _A_SECOND[told["timeUnit"]]
        low, high = low * _MICROS // each, -(-high * _MICROS // each)
        return first + timedelta(microseconds=low), first + timedelta(microseconds=high)
    except OverflowError:
        return ()
