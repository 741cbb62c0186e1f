"""Where a reference's columns lie and how widely."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Final

from airflow_ml_monitor.profile.cells import Floats
from airflow_ml_monitor.profile.dataset import Column, Kind
from airflow_ml_monitor.profile.engines.scan import Scan
from airflow_ml_monitor.profile.kernel.quartiles import Gathered, Spread
from airflow_ml_monitor.profile.queries import query

_AT_ONCE: Final = 3
"""Columns of a stream. Of one at a time a statement's plan weighs too much; each more is held."""


def spreads(scan: Scan, asked: Mapping[Column, int], event_time: str) -> dict[Column, Spread]:
    """Of columns' finite values. asked: of each how many different ones to tell; 0: none.

    Exact, so that a layout does not depend on the machine: of values that stream by, where the engine lets them go;
    else by statements.
    """
    found: dict[Column, Spread] = {}
    columns = list(asked)
    for start in range(0, len(columns), _AT_ONCE):
        some = columns[start : start + _AT_ONCE]
        if passes := scan.passes(_named(some), event_time):
            gathered = [Gathered(asked[column]) for column in some]
            for parts in passes():
                for one, part in zip(gathered, parts, strict=True):
                    one.add(part)
            for column, one in zip(some, gathered, strict=True):
                found[column] = one.spread(partial(_alone, scan, column, event_time))
        else:
            found |= {column: _stated(scan, column, asked[column], event_time) for column in some}
    return found


def _named(columns: Sequence[Column]) -> tuple[tuple[str, Kind], ...]:
    return tuple((column.name, column.kind) for column in columns)


def _alone(scan: Scan, column: Column, event_time: str) -> Iterator[Floats]:
    """A pass over one column."""
    passes = scan.passes(_named([column]), event_time)
    assert passes is not None  # or there was no first one
    for [part] in passes():
        yield part


def _stated(scan: Scan, column: Column, most: int, event_time: str) -> Spread:
    """By statements; the database keeps its rows."""
    about = (column.name, column.kind, event_time)
    count, low, median, high, deviation = scan.rows(query.spread, *about)[0]
    found = scan.rows(query.few_values, column.name, column.kind, most, event_time) if most and count else []
    values = tuple(sorted(float(value) for (value,) in found)) if most and len(found) <= most else None
    return Spread(count, low, median, high, deviation, values)
