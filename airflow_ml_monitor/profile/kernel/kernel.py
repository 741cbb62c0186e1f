"""Rows → cells and what they tell together, in numpy.

Of small windows all rows at once, as planning a statement costs more than reading them; of large ones a batch after the
other (tally.py, number_pass.py). The same buckets as query.py writes in SQL; a test holds the two against each other.
Columns come from query.values, already numbers or text, so that every cast is the engine's.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from airflow_ml_monitor.keys import Slice
from airflow_ml_monitor.profile.axes import axes_of
from airflow_ml_monitor.profile.cells import Cells, Counts, Floats
from airflow_ml_monitor.profile.dataset import Kind
from airflow_ml_monitor.profile.ellipsoid import Ellipsoid
from airflow_ml_monitor.profile.kernel import outlying
from airflow_ml_monitor.profile.kernel.row_products import squared
from airflow_ml_monitor.profile.kernel.tally import CategoryTally, Room, Tally
from airflow_ml_monitor.profile.layout import NULL, OTHER, RARE, Binning
from airflow_ml_monitor.profile.scatter import LOOKED_AT, scatter_of
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
    labels = {by: len(by.labels) for by in slices}
    codes = {by: np.where(code < 0, labels[by], code) for by, code in slices.items()}
    if binning.kind is Kind.CATEGORICAL:
        counted = CategoryTally(binning, labels)
        counted.add(slice_codes(binning, column), codes)
        return counted.cells()
    tally, missing = Tally(binning, labels), np.ma.getmaskarray(column)
    tally.add(_filled(column), missing if missing.any() else None, codes, Room(len(column)))
    return tally.cells()


def u_values(binnings: Sequence[Binning], columns: Mapping[str, Column]) -> Floats:
    """The columns' u, k × rows; NaN where a value is missing or not finite. As query.u_values."""
    return np.stack([_u(binning, columns[binning.column]) for binning in binnings])


def row_traces(
    binnings: Sequence[Binning], u: Floats, ellipsoid: Ellipsoid | None, looked_at: int = LOOKED_AT
) -> Traces:
    """What rows tell by their u together: products, how these scatter, and distances from the reference's ellipsoid.

    u: k × rows, NaN where a value is missing; 0 there when this returns: to copy it takes as long as to multiply it.
    looked_at: of so many rows at most how products scatter; 0: of none.
    """
    names, shape = tuple(binning.column for binning in binnings), ellipsoid if ellipsoid and ellipsoid.columns else None
    scatter = scatter_of(names, u, axes_of(ellipsoid) if ellipsoid else None, looked_at) if looked_at else None
    # A NaN spreads to its column's sum.
    sums = u.sum(axis=1)
    lacking = np.flatnonzero(np.isnan(sums))
    missing = np.isnan(u[lacking])
    some, squares_of_some = _of_some(shape, names, u, missing) if shape else (np.zeros(0, np.int64), np.zeros(0))
    for i, is_missing in zip(lacking.tolist(), missing, strict=True):
        u[i, np.flatnonzero(is_missing)] = 0.0
    turn = outlying.turn(shape, names) if shape else (np.zeros((0, len(names))), np.zeros(0))
    found, squares = squared(u, ~missing, *turn)
    squares[some] = squares_of_some
    distances = outlying.by_bucket(np.sqrt(squares)) if shape else {}
    return Traces(products=_products(names, u.shape[1], sums, lacking, found), distances=distances, scatter=scatter)


def _of_some(shape: Ellipsoid, names: Sequence[str], u: Floats, missing: NDArray[np.bool_]) -> tuple[Counts, Floats]:
    """(rows that lack values, their squared distances). missing: of the columns that do, where."""
    is_absent = not set(shape.columns) <= set(names)
    some = np.arange(u.shape[1]) if is_absent else np.flatnonzero(missing.any(axis=0))
    return some, outlying.squares_of_some(shape, names, np.take(u, some, axis=1))


def _products(names: tuple[str, ...], rows: int, sums: Floats, lacking: Counts, found: Floats) -> Products:
    """found: of the u and, below them, of whether those that are lacking have a value: rows and sums that columns share
    come of the same product. sums: NaN of columns that are lacking."""
    k = len(names)
    matrix, shared_by, counts = found[:k, :k], found[:k, k:], found[k:, k:]
    if not len(lacking):
        return Products(names, rows, sums, matrix)
    # A column that has all its values takes nothing from another's rows.
    own = np.full(k, float(rows))
    own[lacking], sums[lacking] = np.diag(counts), np.diag(shared_by[lacking])
    pairs, shared = np.minimum.outer(own, own), np.repeat(sums[:, None], k, axis=1)
    pairs[np.ix_(lacking, lacking)] = counts
    shared[:, lacking] = shared_by
    return Products(names, rows, sums, matrix, pairs, shared)


def _u(binning: Binning, column: Column) -> Floats:
    if binning.kind is Kind.CATEGORICAL:
        u = (np.ma.getdata(column) == binning.categories[0]).astype(np.float64)
        return np.where(np.ma.getmaskarray(column), np.nan, u)
    return u_of(binning, _filled(column))


def u_of(binning: Binning, x: Floats) -> Floats:
    """The u of numbers; NaN of what is not finite."""
    with np.errstate(invalid="ignore", over="ignore"):
        d = x - binning.centre
        return np.asarray(d / (binning.scale + np.abs(d)))


def _filled(column: Column) -> Floats:
    """Numbers, NaN where one is missing."""
    return np.asarray(np.ma.filled(np.ma.asarray(column).astype(np.float64), np.nan))


def unseen(binning: Binning, column: Column) -> dict[str, int]:
    """The most frequent values without a bucket that are not rare → rows; as text_query.unseen_values orders them."""
    known, plain = set(binning.categories), np.ma.getdata(column)[~np.ma.getmaskarray(column)]
    found = Counter(value for value in plain if value not in known)
    often = sorted((-rows, value) for value, rows in found.items() if rows >= RARE)
    return {value: -rows for rows, value in often[:MOST_UNSEEN]}


def damaged(binning: Binning, column: Column) -> int:
    """Rows whose value has no bucket and looks wrongly decoded; as text_query.unseen_values counts them."""
    known, plain = set(binning.categories), np.ma.getdata(column)[~np.ma.getmaskarray(column)]
    return damaged_rows(Counter(value for value in plain if value not in known))


def damaged_rows(values: Mapping[str, int]) -> int:
    """Rows, by value, that look wrongly decoded."""
    return sum(rows for value, rows in values.items() if _DAMAGE.search(value))
