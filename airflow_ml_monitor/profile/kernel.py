"""Rows → cells, in numpy: for windows so small that planning a statement costs more than reading them.

The same buckets as query.py writes in SQL; a test holds the two against each other. Columns come from query.values,
already numbers or text, so that every cast is the engine's.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from airflow_ml_monitor.keys import WHOLE, Slice
from airflow_ml_monitor.profile import outlying
from airflow_ml_monitor.profile.axes import axes_of
from airflow_ml_monitor.profile.cells import Cells, Counts, Floats
from airflow_ml_monitor.profile.dataset import Kind
from airflow_ml_monitor.profile.ellipsoid import Ellipsoid
from airflow_ml_monitor.profile.layout import MINUS_INF, NAN, NULL, OTHER, PLUS_INF, RARE, Binning
from airflow_ml_monitor.profile.scatter import scatter_of
from airflow_ml_monitor.profile.text_forms import DAMAGE
from airflow_ml_monitor.profile.traces import MOST_UNSEEN, Products, Traces

Column = np.ndarray[Any, Any]
"""Numbers, or text as objects; NULL is masked."""
_DAMAGE = re.compile(DAMAGE)


def slice_codes(binning: Binning, column: Column) -> Counts:
    """The bucket of every row, where there is one per category or value."""
    missing = np.ma.getmaskarray(column)
    plain = np.ma.getdata(column)
    if binning.kind is Kind.CATEGORICAL:
        place = {name: i for i, name in enumerate(binning.categories)}
        code = np.fromiter((place.get(value, OTHER) for value in plain), np.int64, len(plain))
    else:
        code = np.full(len(plain), OTHER, np.int64)
        for i, value in enumerate(binning.values):
            code[plain == value] = i
    code[missing] = NULL
    return code


def column_cells(binning: Binning, column: Column, slices: Mapping[Binning, Counts]) -> dict[tuple[Slice, str], Cells]:
    """One column's cells, of the whole and of every slice. slices: the bucket of every row, by slice column."""
    size = len(column)
    if binning.kind is Kind.CATEGORICAL:
        none, zero = np.full(size, np.nan), np.zeros(size)
        code = slice_codes(binning, column)
        fine, coarse, parts = code, code, (zero, zero, none, none)
    else:
        fine, x, d = buckets(binning, column)
        # Powers of two: fine buckets add up to coarse ones exactly.
        factor = binning.resolution // binning.coarse if binning.is_grid else 1
        coarse = np.where(_special(fine), fine, fine // factor)
        with np.errstate(over="ignore"):
            parts = (d, d * d, x, x)
    count = np.ones(size, np.int64)
    cells = {(WHOLE, binning.column): Cells.collect(fine, count, *parts)}
    rows = Cells(coarse, count, *parts)
    for by, code in slices.items():
        found = rows.grouped(code)
        for bucket, label in enumerate(by.labels):
            cells[((by.column, label),), binning.column] = found.get(bucket, Cells.empty())
    return cells


def u_values(binnings: Sequence[Binning], columns: Mapping[str, Column]) -> Floats:
    """The columns' u, k × rows; NaN where a value is missing or not finite. As query.u_values."""
    return np.stack([_u(binning, columns[binning.column]) for binning in binnings])


def row_traces(binnings: Sequence[Binning], u: Floats, ellipsoid: Ellipsoid | None) -> Traces:
    """What rows tell by their u together: products, how these scatter, and distances from the reference's ellipsoid."""
    names = tuple(binning.column for binning in binnings)
    distances = outlying.counted(ellipsoid, names, u) if ellipsoid else {}
    scatter = scatter_of(names, u, axes_of(ellipsoid) if ellipsoid else None)
    return Traces(products=_products(names, u), distances=distances, scatter=scatter)


def _products(names: tuple[str, ...], u: Floats) -> Products:
    missing = np.isnan(u)
    lacking = np.flatnonzero(missing.any(axis=1))
    if not len(lacking):
        return Products(names, u.shape[1], u.sum(axis=1), u @ u.T)
    rows = np.where(missing, 0.0, u)
    sums, there = rows.sum(axis=1), (~missing[lacking]).astype(np.float64)
    # A column that has all its values takes nothing from another's rows.
    own = np.full(len(names), float(u.shape[1]))
    own[lacking] = there.sum(axis=1)
    pairs, shared = np.minimum.outer(own, own), np.repeat(sums[:, None], len(names), axis=1)
    pairs[np.ix_(lacking, lacking)] = there @ there.T
    shared[:, lacking] = rows @ there.T
    return Products(names, u.shape[1], sums, rows @ rows.T, pairs, shared)


def _u(binning: Binning, column: Column) -> Floats:
    if binning.kind is Kind.CATEGORICAL:
        u = (np.ma.getdata(column) == binning.categories[0]).astype(np.float64)
        return np.where(np.ma.getmaskarray(column), np.nan, u)
    bucket, _, d = buckets(binning, column)
    return np.where(np.isin(bucket, (NULL, NAN, PLUS_INF, MINUS_INF)), np.nan, d / (binning.scale + np.abs(d)))


def unseen(binning: Binning, column: Column) -> dict[str, int]:
    """The most frequent values without a bucket that are not rare → rows; as query.unseen_values orders them."""
    known, plain = set(binning.categories), np.ma.getdata(column)[~np.ma.getmaskarray(column)]
    found = Counter(value for value in plain if value not in known)
    often = sorted((-rows, value) for value, rows in found.items() if rows >= RARE)
    return {value: -rows for rows, value in often[:MOST_UNSEEN]}


def damaged(binning: Binning, column: Column) -> int:
    """Rows whose value has no bucket and looks wrongly decoded; as text_query.damaged_values counts them."""
    known, plain = set(binning.categories), np.ma.getdata(column)[~np.ma.getmaskarray(column)]
    return damaged_rows(Counter(value for value in plain if value not in known))


def damaged_rows(values: Mapping[str, int]) -> int:
    """Rows, by value, that look wrongly decoded."""
    return sum(rows for value, rows in values.items() if _DAMAGE.search(value))


def _special(bucket: Counts) -> np.ndarray[Any, np.dtype[np.bool_]]:
    return bucket <= OTHER


def buckets(binning: Binning, column: Column) -> tuple[Counts, Floats, Floats]:
    """(bucket, x, x - centre) of a column of numbers; NaN and 0 where x is not finite."""
    missing, x = np.ma.getmaskarray(column), np.ma.getdata(column).astype(np.float64, copy=False)
    with np.errstate(invalid="ignore", over="ignore"):
        d = x - binning.centre
        finite = np.isfinite(d) & ~missing
        if finite.all() and not binning.values:
            share = np.floor(binning.resolution * (d / (binning.scale + np.abs(d))))
            return share.astype(np.int64), x, d
        if binning.values:
            bucket = slice_codes(binning, column)
        else:
            share = d / (binning.scale + np.abs(d))
            bucket = np.floor(binning.resolution * np.where(finite, share, 0.0)).astype(np.int64)
    rest = ~finite
    bucket[rest] = np.where(np.isnan(x[rest]), NAN, np.where(x[rest] > 0, PLUS_INF, MINUS_INF))
    bucket[missing] = NULL
    return bucket, np.where(finite, x, np.nan), np.where(finite, d, 0.0)
