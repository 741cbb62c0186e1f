"""Cells of several categorical columns by one statement, where a database has grouping sets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa

from airflow_ml_monitor.keys import WHOLE
from airflow_ml_monitor.profile.cells import Cells
from airflow_ml_monitor.profile.engines import memory
from airflow_ml_monitor.profile.engines.scan import Array, ByColumn
from airflow_ml_monitor.profile.layout import RARE, Binning
from airflow_ml_monitor.profile.queries import category_query
from airflow_ml_monitor.profile.traces import MOST_UNSEEN
from airflow_ml_monitor.profile.wanted import Wanted

if TYPE_CHECKING:
    from airflow_ml_monitor.profile.engines.scan import Scan

Unseen = dict[str, dict[str, int]]
"""Rows by column and value."""

_LOOKED_AT: Final = 4_000
"""Rows in which different values are counted before any are grouped."""
_MANY: Final = 1_000
"""More of them in so many rows, and a column has a statement to itself: what a hash table has no room for is written to
disk, with the values of all columns."""


def groups(scan: Scan, wanted: Wanted, most: int) -> list[tuple[Binning, ...]]:
    """Which categorical columns one statement counts together. most: sets that it groups by, at most."""
    at_once = most // max(1, len(wanted.slices))
    names = tuple(binning.column for binning in wanted.categories)
    if min(at_once, len(names)) < 2:
        return []
    many: set[str] = set()
    for start in range(0, len(names), at_once):
        some = names[start : start + at_once]
        named = dict(zip(category_query.places(len(some)), some, strict=True))
        found = scan.rows(category_query.distinct_values, some, _LOOKED_AT, wanted.event_time)
        many |= {named[int(place)] for place, values in found if values > _MANY}
    few = [binning for binning in wanted.categories if binning.column not in many]
    return [tuple(few[start : start + at_once]) for start in range(0, len(few), at_once) if len(few) - start > 1]


def by_group(scan: Scan, wanted: Wanted, group: tuple[Binning, ...]) -> tuple[ByColumn, Unseen, dict[str, int]]:
    """The cells of some columns, and of their values the unseen and the damaged: see Traces."""
    scan.register("categories", _categories(group))
    names, limits = tuple(binning.column for binning in group), (RARE, MOST_UNSEEN)
    found = scan.rows(category_query.several_categories, names, wanted.slices, limits, wanted.event_time)
    counted = np.array([(*key, rows) for *key, _, rows, _ in found if key[-1] is not None], np.int64).reshape(-1, 5)
    cells: ByColumn = {}
    unseen: Unseen = {}
    damaged: dict[str, int] = {}
    for place, binning in zip(category_query.places(len(group)), group, strict=True):
        cells |= _of_column(counted[counted[:, 0] == place, 1:], binning, wanted.slices)
        told = [(value, rows, bad) for at, _, _, bucket, value, rows, bad in found if at == place and bucket is None]
        if often := {value: int(rows) for value, rows, _ in told if value is not None}:
            unseen[binning.column] = often
        if told and told[0][2]:
            damaged[binning.column] = int(told[0][2])
    return cells, unseen, damaged


def _categories(group: tuple[Binning, ...]) -> pa.Table:
    """The `categories` of their statement."""
    parts = []
    for place, binning in zip(category_query.places(len(group)), group, strict=True):
        named = memory.categories(binning)
        parts.append(named.append_column("place", pa.array([place] * len(named), pa.int64())))
    return pa.concat_tables(parts)


def _of_column(counted: Array, binning: Binning, slices: tuple[Binning, ...]) -> ByColumn:
    """One column's cells by slice, of (by, code, bucket, rows)."""
    bys = category_query.places(len(slices)) if slices else [category_query.NOT_SLICED]
    parts = {by: counted[counted[:, 0] == by, 1:] for by in bys}
    cells: ByColumn = {(WHOLE, binning.column): _collected(parts[bys[0]])}
    for slice_of, by in zip(slices, bys, strict=False):
        for code, label in enumerate(slice_of.labels):
            part = parts[by]
            cells[((slice_of.column, label),), binning.column] = _collected(part[part[:, 0] == code])
    return cells


def _collected(part: Array) -> Cells:
    """Cells without sums and extremes, of (code, bucket, rows)."""
    none = np.zeros(len(part))
    return Cells.collect(part[:, 1], part[:, 2], none, none, none + np.nan, none + np.nan)
