"""How sums of products scatter from row to row: what the standard errors of correlations and components are made of.

A normal's would need no rows: the variance of Fisher's z is 1/n. Others' may be half of that or many times as much, as
products of columns that are large together or rare say little. So a part of the rows is looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from airflow_ml_monitor.profile.axes import Axes
from airflow_ml_monitor.profile.kernel.row_products import crossed
from airflow_ml_monitor.profile.kernel.row_products import turned as rows_turned

Matrix = NDArray[np.float64]

LOOKED_AT: Final = 10_000
"""Rows of a hundred thousand: their variance is known to 2 %, and costs a tenth of what all would."""
LEAST: Final = 30
"""Fewer rows say nothing of a fourth moment."""
CONSTANT: Final = 1e-9
"""Less deviation than that is a sum's rounding."""
NEARLY_ONE: Final = 1e-6
"""Less of 1 - r² is none."""


@dataclass(frozen=True, slots=True, eq=False)
class Scatter:
    """Sums over rows that were looked at. They add.

    columns: as of traces.Products. rows: k × k, those with a value in both columns; 0 where one does not vary.
    pairs: k × k, such rows times the variance of what each adds to Fisher's z; on the diagonal times the column's
    kurtosis. seen: rows in which the axes were looked at; components: (p,), such rows times the kurtosis - 1 along
    each; rest: times the variance of what each adds to the share of variance outside them.
    """

    columns: tuple[str, ...]
    rows: Matrix
    pairs: Matrix
    seen: float = 0.0
    components: Matrix = field(default_factory=lambda: np.zeros(0))
    rest: float = 0.0

    def __add__(self, other: Scatter) -> Scatter:
        """Of the columns that both have; of the axes, what there is."""
        shared = tuple(column for column in self.columns if column in other.columns)
        one, its = (np.ix_(at, at) for at in ([p.columns.index(c) for c in shared] for p in (self, other)))
        rows, pairs = self.rows[one] + other.rows[its], self.pairs[one] + other.pairs[its]
        if len(self.components) != len(other.components):
            more = self if self.seen >= other.seen else other
            return Scatter(shared, rows, pairs, more.seen, more.components, more.rest)
        components = self.components + other.components
        return Scatter(shared, rows, pairs, self.seen + other.seen, components, self.rest + other.rest)


def scatter_of(names: Sequence[str], u: Matrix, axes: Axes | None, looked_at: int = LOOKED_AT) -> Scatter | None:
    """Of rows' u, k × rows, NaN where a value is missing; so many evenly spread ones of them. None of too few rows."""
    u = u[:, :: -(-u.shape[1] // looked_at) or 1]
    if u.shape[1] < LEAST:
        return None
    missing = np.isnan(u)
    there = (~missing).astype(np.float64)
    rows = crossed(there, there) if missing.any() else np.full((len(u), len(u)), float(u.shape[1]))
    own = np.maximum(np.diag(rows), 1.0)[:, None]
    off = np.where(missing, 0.0, u)
    off -= there * (off.sum(axis=1, keepdims=True) / own)
    deviation = np.sqrt((off * off).sum(axis=1, keepdims=True) / own)
    x = np.divide(off, deviation, out=np.zeros_like(off), where=deviation > CONSTANT)
    varies = deviation[:, 0] > CONSTANT
    pairs = _pairs(x, there, np.maximum(rows, 1.0))
    of_axes = _along(axes, names, x, deviation[:, 0]) if axes else (0.0, np.zeros(0), 0.0)
    rows = rows * np.outer(varies, varies)
    return Scatter(tuple(names), rows, rows * pairs, *of_axes)


def _pairs(x: Matrix, there: Matrix, rows: Matrix) -> Matrix:
    """The variance of what a row adds to Fisher's z of each pair; kurtosis on the diagonal.

    A row adds x y - r (x² + y²)/2 to r, whatever the distribution (Hampel 1974; Devlin, Gnanadesikan, Kettenring 1975).
    """
    square = x * x
    fourth = crossed(square * square, there) / rows
    cubes, squares = crossed(square * x, x) / rows, crossed(square, square) / rows
    mean = crossed(x, there) / rows
    r = np.clip(crossed(x, x) / rows - mean * mean.T, -1.0, 1.0)
    variance = squares - r * (cubes + cubes.T) + r * r / 4 * (fourth + fourth.T + 2 * squares)
    found = np.maximum(variance, 0.0) / np.maximum(1 - r * r, NEARLY_ONE) ** 2
    np.fill_diagonal(found, np.diag(fourth))
    return np.asarray(found)


def turned(axes: Axes, names: Sequence[str], deviation: Matrix) -> tuple[list[int], Matrix] | None:
    """(places of the axes' columns, their weights of what is standardised by the rows' own deviation); None if one of
    them is not there."""
    if not axes.vectors.size or not set(axes.columns) <= set(names):
        return None
    place = [names.index(column) for column in axes.columns]
    return place, deviation[place] / axes.deviation


def _along(axes: Axes, names: Sequence[str], x: Matrix, deviation: Matrix) -> tuple[float, Matrix, float]:
    """Of x, standardised rows: (rows, sums of components, sum of the rest); see Scatter."""
    if (found := turned(axes, names, deviation)) is None:
        return 0.0, np.zeros(0), 0.0
    place, weight = found
    mine = x[place] * weight[:, None]
    along = rows_turned(axes.vectors.T, mine) ** 2
    whole = (mine * mine).sum(axis=0)
    outside = whole - along.sum(axis=0)
    return summed(
        float(x.shape[1]), along.mean(axis=1), (along * along).mean(axis=1), whole.mean(), outside.mean(),
        (outside * outside).mean(), (outside * whole).mean(), (whole * whole).mean(),
    )  # fmt: skip


def summed(n: float, second: Matrix, fourth: Matrix, *rest: float) -> tuple[float, Matrix, float]:
    """(rows, sums of components, sum of the rest) of n rows, from means: of the second and fourth powers along each
    axis; of all squares, of those outside the axes, of (outside², outside·all, all²)."""
    whole, outside, outside2, crossed, whole2 = map(float, rest)
    # Below it no column of the axes varies.
    if whole <= CONSTANT:
        return 0.0, np.zeros(0), 0.0
    kurtosis = np.divide(fourth, second**2, out=np.full(len(second), 3.0), where=second > CONSTANT)
    share = outside / whole
    variance = (outside2 - 2 * share * crossed + share * share * whole2) / whole**2
    return n, n * np.maximum(kurtosis - 1, 0.0), n * max(variance, 0.0)
