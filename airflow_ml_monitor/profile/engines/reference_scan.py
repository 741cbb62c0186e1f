"""A reference → the buckets of its columns, and the shape of its rows."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from airflow_ml_monitor.errors import ReferenceMismatch
from airflow_ml_monitor.profile.dataset import Column, Dataset, Kind, Role
from airflow_ml_monitor.profile.ellipsoid import Ellipsoid
from airflow_ml_monitor.profile.engines import profile_scan
from airflow_ml_monitor.profile.engines.scan import Scan
from airflow_ml_monitor.profile.engines.spread import spreads
from airflow_ml_monitor.profile.kernel import outlying
from airflow_ml_monitor.profile.kernel.quartiles import Spread
from airflow_ml_monitor.profile.layout import FEW_VALUES, RARE, Binning
from airflow_ml_monitor.profile.queries import query


def binnings(scan: Scan, columns: Sequence[Column], event_time: str, rows: int) -> tuple[Binning, ...]:
    """The buckets of columns of a reference of so many rows; raises ReferenceMismatch if one has no value."""
    asked = {c: FEW_VALUES if _may_be_few(c) else 0 for c in columns if c.kind in (Kind.NUMERIC, Kind.DATETIME)}
    found = spreads(scan, asked, event_time)
    return tuple(
        _grid(column, found[column], rows) if column in found else _named(scan, column, event_time)
        for column in columns
    )


def _named(scan: Scan, column: Column, event_time: str) -> Binning:
    """A bucket a value."""
    if column.kind is Kind.BOOLEAN:
        return Binning(column.name, column.kind, values=(0.0, 1.0))
    named = scan.rows(query.by_value, column.name, RARE, event_time)
    return Binning(column.name, column.kind, categories=tuple(sorted(value for value, _ in named)))


def _may_be_few(column: Column) -> bool:
    return column.kind is Kind.NUMERIC and column.role in (Role.FEATURE, Role.DELAY_STRATUM)


def _grid(column: Column, found: Spread, rows: int) -> Binning:
    if not found.rows:
        raise ReferenceMismatch(
            f"column {column.name!r} has no value in the reference; leave it out of the spec, or freeze another one",
            field="reference",
        )
    # Few values of few rows may be many of all.
    are_few = _may_be_few(column) and found.values is not None and rows >= 10 * len(found.values)
    values = tuple(map(_signless, found.values or ())) if are_few else ()
    scale = _scale(found.high - found.low, found.deviation)
    return Binning(column.name, column.kind, _signless(found.median), scale, values=values)


def ellipsoid(scan: Scan, dataset: Dataset, binnings: Sequence[Binning], event_time: str, rows: int) -> Ellipsoid:
    """The shape of a reference's rows, by what the model is given: what it says itself is not there before scoring."""
    together = tuple(b for b in profile_scan.multiplied(binnings) if b.column in dataset.given)
    moments = scan.moments(together, event_time) if together else outlying.Moments.of(np.zeros((0, 0)))
    return outlying.enclosing(together, moments, rows)


def _scale(quartile_range: float, deviation: float | None) -> float:
    """Robust, so that a few outliers do not coarsen the grid where the data is; 1.349: the normal's IQR in sigma."""
    for scale in (quartile_range / 1.349, deviation or 0.0):
        if math.isfinite(scale) and scale > 0:
            # The last digits of a parallel sum change from run to run; the layout's digest must not.
            return float(f"{scale:.6g}")
    return 1.0


def _signless(value: float) -> float:
    """-0.0 is 0.0, which writes itself otherwise."""
    return float(value) + 0.0
