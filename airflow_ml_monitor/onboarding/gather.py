"""A file → facts: what its columns hold, how they go together, and how labels join. Says nothing of what they mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd

from airflow_ml_monitor.errors import ScanError
from airflow_ml_monitor.onboarding import pairs
from airflow_ml_monitor.onboarding.facts import FEW, ColumnFacts, Facts, TableFacts
from airflow_ml_monitor.profile.engines.embedded.sample import Sample, samples

_PARTS: Final = ("year", "quarter", "month", "week", "day", "day_of_year")
"""What of a moment always moves on; hours and weekdays come back."""
_MOSTLY: Final = 0.7
_GROWS: Final = 0.98
_TIME: Final = r"\s*\d{4}[-/]\d\d?[-/]\d\d?(?:\D|$)"
"""How a time begins that was written as text."""

Array = np.ndarray[Any, Any]


def gathered(reference: Any, predictions: Any = None, labels: Any = None) -> Facts:
    """Look at sources: paths, globs, directories, or tables in memory. NoSource, ScanError where one cannot be read."""
    with samples(reference=reference, predictions=predictions, labels=labels) as opened:
        found = {name: _table(sample) for name, sample in opened.items()}
        current = "predictions" if "predictions" in opened else "reference"
        first, columns = opened["reference"].frame, found["reference"].columns.values()
        return Facts(
            found["reference"],
            found.get("predictions"),
            found.get("labels"),
            pairs.rankings(first, [c for c in columns if c.is_share], [c for c in columns if c.is_two_valued]),
            pairs.likeness(first, [c for c in columns if c.is_number and c.distinct > FEW and not c.names_rows]),
            pairs.composite(opened[current].frame, found[current].columns),
            pairs.joins((opened[current], opened["labels"]), (found[current].columns, found["labels"].columns))
            if "labels" in opened
            else (),
        )


def _table(sample: Sample) -> TableFacts:
    """The facts of every column; ScanError for an empty table."""
    if sample.frame.empty:
        raise ScanError(f"no rows in {sample.name}; give one that holds some")
    bare = {name: ColumnFacts(name, kind, len(sample.frame), 0, 0) for name, kind in sample.types.items()}
    times = [name for name, column in bare.items() if column.is_time]
    spans, calendars = sample.spans(times), {name: _calendar(sample.frame[name]) for name in times}
    found = {}
    for name, column in bare.items():
        first, last = spans.get(name, (None, None))
        follows = _follows(sample.frame[name], calendars) if column.is_number else {}
        values = _values(sample.frame[name].dropna(), column)
        found[name] = ColumnFacts(name, column.type, column.rows, first=first, last=last, follows=follows, **values)
    return TableFacts(sample.source, sample.rows, sample.looked, found)


def _values(known: pd.Series[Any], bare: ColumnFacts) -> dict[str, Any]:
    """What a column's values say; known: those that are there."""
    found: dict[str, Any] = {"nulls": bare.rows - len(known), "distinct": int(known.nunique())}
    if bare.is_number:
        x = known.to_numpy(float)
        if (x := x[np.isfinite(x)]).size:
            found |= {"low": float(x.min()), "high": float(x.max()), "is_whole": bool((x == np.floor(x)).all())}
    if bare.is_text:
        found["is_time_text"] = bool(len(known)) and bool(known.astype(str).str.match(_TIME).all())
    if 0 < found["distinct"] <= FEW and not bare.is_time:
        counts = (known.astype(float) if bare.is_number else known).value_counts().sort_index()
        found |= {"values": tuple(counts.index.tolist()), "least": float(counts.min() / counts.sum())}
    return found


def _calendar(moments: pd.Series[Any]) -> dict[str, Array]:
    """A column of times as numbers: seconds, and parts of the calendar; NaN where it says nothing."""
    week = moments.dt.isocalendar().week
    parts = {name: week if name == "week" else getattr(moments.dt, name) for name in _PARTS}
    return {"": pairs.seconds(moments)} | {name: part.to_numpy(float, na_value=np.nan) for name, part in parts.items()}


def _follows(column: pd.Series[Any], calendars: Mapping[str, Mapping[str, Array]]) -> dict[str, str]:
    """The columns of times with which a number moves, and how: it drifts by itself."""
    x, found = column.to_numpy(float, na_value=np.nan), {}
    for time, calendar in calendars.items():
        seconds = calendar[""]
        both = np.isfinite(x) & np.isfinite(seconds)
        if not both.any():
            continue
        distinct = len(np.unique(x[both]))
        # Many values that mostly agree are no chance, though a day begins elsewhere by another clock; few must agree.
        least = _MOSTLY if distinct > FEW else 0.99
        equal = [name for name in _PARTS if np.mean(x[both] == calendar[name][both]) > least]
        # A constant is the year of every moment of that year; next year it is drift.
        if equal and (distinct > 2 or equal == ["year"]):
            found[time] = equal[0]
        elif _correlation(x[both], seconds[both]) > _GROWS:
            found[time] = "growth"
    return found


def _correlation(x: Array, y: Array) -> float:
    """Pearson's, without its sign; 0 where one does not vary."""
    with np.errstate(all="ignore"):
        x, y = x - x.mean(), y - y.mean()
        r = abs(float(np.mean(x * y) / np.sqrt(np.mean(x * x) * np.mean(y * y))))
    return r if np.isfinite(r) else 0.0
