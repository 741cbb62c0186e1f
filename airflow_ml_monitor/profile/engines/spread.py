"""Where a reference's column lies and how widely, in the memory that there is."""

from __future__ import annotations

import math

import sqlalchemy as sa

from airflow_ml_monitor.errors import OutOfMemory
from airflow_ml_monitor.profile import query
from airflow_ml_monitor.profile.dataset import Column, Kind
from airflow_ml_monitor.profile.engines.scan import Scan

QUARTILES = (0.25, 0.5, 0.75)


def spread(scan: Scan, column: Column, event_time: str) -> tuple[int, float, float, float, float | None]:
    """(rows, quartiles, standard deviation) of a column's finite values; the quartiles are not to be used of none.

    They are exact, so that a layout does not depend on the machine. Selected in memory while that lasts; else from a
    sort, which takes two to three times as long and waits on disk.
    """
    try:
        count, low, median, high, deviation = scan.rows(query.spread, column.name, column.kind, event_time)[0]
    except OutOfMemory:
        about = (column.name, column.kind, event_time)
        count, deviation = scan.rows(_moments, *about)[0]
        low, median, high = (_between(scan, about, p * (count - 1)) if count else math.nan for p in QUARTILES)
    return count, low, median, high, deviation


def _between(scan: Scan, about: tuple[str, Kind, str], at: float) -> float:
    """The value at a place between two, as percentile_cont has it."""
    first = math.floor(at)
    found = [float(value) for (value,) in scan.rows(_ordered, *about, first)]
    return found[0] if len(found) == 1 else found[0] + (found[1] - found[0]) * (at - first)


def _moments(column: str, kind: Kind, event_time: str) -> sa.SelectBase:
    """(rows, standard deviation) of a column's finite values."""
    x, finite = _finite(column, kind, event_time)
    return sa.select(sa.func.count(), sa.func.stddev_samp(x)).where(finite)


def _ordered(column: str, kind: Kind, event_time: str, first: int) -> sa.SelectBase:
    """Two neighbours among a column's finite values, from a place on; one at the end."""
    x, finite = _finite(column, kind, event_time)
    return sa.select(x).where(finite).order_by(x).limit(2).offset(first)


def _finite(column: str, kind: Kind, event_time: str) -> tuple[query.Expression, query.Expression]:
    table = query.source(*dict.fromkeys(name for name in (event_time, column) if name))
    x = query.number_of(table.c[column], kind)
    return x, sa.and_(query.in_window(table, event_time), x - x == query.number(0))
