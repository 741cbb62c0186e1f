"""How far rows lie from where a reference's features lie together.

Features are taken as their u (see traces.Products): bounded, so that no value of a single column carries a row away.
The distance is Mahalanobis' (1936), of the columns that a row has: the others say nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from airflow_ml_monitor.profile.dataset import Kind
from airflow_ml_monitor.profile.ellipsoid import Ellipsoid
from airflow_ml_monitor.profile.kernel.row_products import crossed, turned
from airflow_ml_monitor.profile.layout import Binning

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

RESOLUTION: Final = 32
"""Distance buckets a unit: floor(32 D). Whatever the number of columns D is spread by about 0.7: so 0.1 % of the
reference is told from 0.12 %."""
MOST_BUCKETS: Final = 2048
"""What lies beyond a distance of 64 is in the last one."""
REACH: Final = 3.0
"""Deviations that one column's farthest value may have: a category of 1 % would be an outlier by itself (of 0.1 % at 32
deviations), and hide what only the combination tells."""
NARROWEST: Final = 1e-3
"""The least eigenvalue of the correlations: what follows from the other columns is known to 3 % of its spread."""
CONSTANT: Final = 1e-9
"""Less variance than that is a sum's rounding."""
DECIMALS: Final = 8
"""The last digits of a parallel sum change from run to run; the layout's digest must not."""
OFTEN: Final = 0.5
"""A column that more reference rows lack is left out."""
_AT_ONCE: Final = 1000
"""Rows with a matrix of their own: 5 MB of 24 columns."""


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Sums over the rows in which both of two columns have a value; k × k. They add.

    pairs: such rows; sums: of the first column's u; products: of both.
    """

    pairs: Floats
    sums: Floats
    products: Floats

    @classmethod
    def of(cls, u: Floats) -> Moments:
        """u: k × rows, NaN where a value is missing."""
        # A NaN spreads to its column's sum.
        lacking = np.flatnonzero(np.isnan(u.sum(axis=1)))
        missing = np.isnan(u[lacking])
        if len(lacking):
            u = u.copy()
            u[lacking] = np.where(missing, 0.0, u[lacking])
        # A column that has all its values takes nothing from another's rows.
        there, own = (~missing).astype(np.float64), np.full(len(u), float(u.shape[1]))
        own[lacking] = there.sum(axis=1)
        pairs, sums = np.minimum.outer(own, own), np.repeat(u.sum(axis=1)[:, None], len(u), axis=1)
        pairs[np.ix_(lacking, lacking)] = crossed(there, there)
        sums[:, lacking] = crossed(u, there)
        return cls(pairs, sums, crossed(u, u))

    def __add__(self, other: Moments) -> Moments:
        return Moments(self.pairs + other.pairs, self.sums + other.sums, self.products + other.products)


def enclosing(binnings: Sequence[Binning], moments: Moments, rows: int) -> Ellipsoid:
    """The ellipsoid of a reference's features, from their moments."""
    pairs = np.maximum(moments.pairs, 1.0)
    mean = moments.sums / pairs
    covariance = moments.products / pairs - mean * mean.T
    seen = np.diag(moments.pairs) >= max((1 - OFTEN) * rows, 2)
    kept = np.flatnonzero(seen & (np.diag(covariance) > CONSTANT))
    if len(kept) < 2:
        return Ellipsoid((), rows)
    centre = np.round(np.diag(mean)[kept], DECIMALS)
    mine = [binnings[i] for i in kept.tolist()]
    farthest = np.array([_farthest(binning, mean) for binning, mean in zip(mine, centre.tolist(), strict=True)])
    shape = np.round(_regular(covariance[np.ix_(kept, kept)], farthest / REACH), DECIMALS)
    return Ellipsoid(
        tuple(binning.column for binning in mine), rows, tuple(centre.tolist()), tuple(map(tuple, shape.tolist()))
    )


def _farthest(binning: Binning, mean: float) -> float:
    """How far a column's u can lie from its mean."""
    if binning.kind is Kind.CATEGORICAL:
        return max(mean, 1 - mean)
    if not binning.values:
        return 1 + abs(mean)
    d = np.array(binning.values) - binning.centre
    return float(np.abs(d / (binning.scale + np.abs(d)) - mean).max())


def _regular(covariance: Floats, least: Floats) -> Floats:
    """A covariance that has an inverse: deviations of at least so much, and no combination that is all but known."""
    variance = np.maximum(np.diag(covariance), least**2)
    deviation = np.sqrt(variance)
    # What is added to a variance is noise of its own: it correlates with nothing.
    padded = covariance + np.diag(variance - np.diag(covariance))
    values, vectors = np.linalg.eigh(padded / np.outer(deviation, deviation))
    clipped = (vectors * np.maximum(values, NARROWEST)) @ vectors.T
    return np.asarray(clipped * np.outer(deviation, deviation))


def distances(ellipsoid: Ellipsoid, columns: Sequence[str], u: Floats) -> Floats:
    """Each row's distance from the centre. u: len(columns) × rows, NaN where a value is missing.

    That of the columns that it has: to lose a value brings a row nearer, never away. 0 of a row without any.
    """
    mine = _mine(ellipsoid, columns, u)
    matrix, offset = turn(ellipsoid, ellipsoid.columns)
    squares = np.square(turned(matrix, mine) - offset[:, None]).sum(axis=0)
    # A NaN spreads to all of its row.
    lacking = np.flatnonzero(np.isnan(squares))
    squares[lacking] = squares_of_some(ellipsoid, columns, u[:, lacking])
    return np.asarray(np.sqrt(squares))


def turn(ellipsoid: Ellipsoid, columns: Sequence[str]) -> tuple[Floats, Floats]:
    """(matrix, offset): matrix · u - offset of a row that has a value in each of the ellipsoid's columns is as long as
    its distance. columns: of u, in any order, with others among them."""
    shape, place = _matrices(ellipsoid), {name: i for i, name in enumerate(ellipsoid.columns)}
    matrix = np.zeros((len(place), len(columns)))
    there = [i for i, name in enumerate(columns) if name in place]
    mine = [place[columns[i]] for i in there]
    matrix[:, there] = shape.root[:, mine]
    return matrix, shape.root[:, mine] @ shape.centre[mine]


def buckets(distance: Floats) -> Counts:
    """The bucket of each distance."""
    return np.minimum(RESOLUTION * distance, MOST_BUCKETS - 1).astype(np.int64)


def counted(ellipsoid: Ellipsoid, columns: Sequence[str], u: Floats) -> dict[int, int]:
    """Rows by bucket of their distance; arguments as of `distances`."""
    return by_bucket(distances(ellipsoid, columns, u)) if ellipsoid.columns else {}


def by_bucket(distance: Floats) -> dict[int, int]:
    """Bucket → rows."""
    rows = np.bincount(buckets(distance))
    return {int(bucket): int(rows[bucket]) for bucket in np.flatnonzero(rows)}


def roots(ellipsoid: Ellipsoid, patterns: Sequence[int]) -> Floats:
    """patterns × k × k upper triangles: a row's distance is the length of one times its deviations from the centre.

    patterns: which columns a row lacks, as in distance_query; the triangle has zeros there.
    """
    covariance, k = np.array(ellipsoid.covariance), len(ellipsoid.columns)
    found = np.zeros((len(patterns), k, k))
    for root, pattern in zip(found, patterns, strict=True):
        there = np.flatnonzero([not pattern >> i & 1 for i in range(k)])
        if len(there):
            both = np.ix_(there, there)
            root[both] = np.linalg.cholesky(np.linalg.inv(covariance[both])).T
    return found


def explained(ellipsoid: Ellipsoid, columns: Sequence[str], u: Floats) -> Floats:
    """By how much each row's squared distance would fall without a column: k × rows, in the ellipsoid's order."""
    shape = _matrices(ellipsoid)
    v = (_mine(ellipsoid, columns, u) - shape.centre[:, None]).T
    found = np.zeros(v.shape)
    for start in range(0, len(v), _AT_ONCE):
        part = v[start : start + _AT_ONCE]
        is_there = ~np.isnan(part)
        # A column that is missing, alone in a block of its own, explains nothing.
        covariance = np.where(is_there[:, :, None] & is_there[:, None, :], shape.covariance, np.eye(v.shape[1]))
        precision = np.linalg.inv(covariance)
        pulled = np.einsum("rij,rj->ri", precision, np.where(is_there, part, 0.0))
        found[start : start + _AT_ONCE] = pulled**2 / np.einsum("rii->ri", precision)
    return found.T


@dataclass(frozen=True, slots=True, eq=False)
class _Matrices:
    """An ellipsoid's, as they are multiplied: root.T @ root is the precision, the covariance's inverse."""

    centre: Floats
    covariance: Floats
    precision: Floats
    root: Floats


@lru_cache(maxsize=64)
def _matrices(ellipsoid: Ellipsoid) -> _Matrices:
    covariance = np.array(ellipsoid.covariance)
    precision = np.linalg.inv(covariance)
    return _Matrices(np.array(ellipsoid.centre), covariance, precision, np.linalg.cholesky(precision).T)


def _mine(ellipsoid: Ellipsoid, columns: Sequence[str], u: Floats) -> Floats:
    """The u of the ellipsoid's columns, in its order; NaN of those that are not among the given."""
    if tuple(columns) == ellipsoid.columns:
        return u
    none = np.full(u.shape[1], np.nan)
    return np.stack([u[columns.index(name)] if name in columns else none for name in ellipsoid.columns])


def squares_of_some(ellipsoid: Ellipsoid, columns: Sequence[str], u: Floats) -> Floats:
    """Squared distances of rows of which most lack values; arguments as of `distances`.

    That of all columns, the missing ones at the centre, less what these explain: a system as small as they are few. Or,
    where they are many, that of the others alone.
    """
    shape = _matrices(ellipsoid)
    v = _mine(ellipsoid, columns, u) - shape.centre[:, None]
    some = np.flatnonzero(np.isnan(v.sum(axis=1)))
    missing = np.isnan(v[some])
    v[some] = np.where(missing, 0.0, v[some])
    squares = np.square(turned(shape.root, v)).sum(axis=0)
    pulled, precision = turned(shape.precision[some], v), shape.precision[np.ix_(some, some)]
    lacks, k = missing.sum(axis=0), len(v)
    # Most rows lack a single column: what that one explains, of all rows at once.
    single, explained = lacks == 1, pulled * missing
    squares[single] -= ((1 / np.diag(precision)) @ (explained * explained))[single]
    for several in np.unique(lacks[lacks > 1]).tolist():
        rows = np.flatnonzero(lacks == several)
        if 2 * several <= k:
            squares[rows] -= _quadratic(precision, pulled[:, rows], missing[:, rows])
        else:
            there = np.ones((k, len(rows)), bool)
            there[some] = ~missing[:, rows]
            squares[rows] = _quadratic(shape.covariance, v[:, rows], there)
    return np.asarray(np.maximum(squares, 0.0))


def _quadratic(matrix: Floats, x: Floats, chosen: NDArray[np.bool_]) -> Floats:
    """x' A⁻¹ x of the chosen elements of each row, of which all have as many; A: of the matrix, the chosen part."""
    which = np.nonzero(chosen.T)[1].reshape(x.shape[1], -1)
    if not which.shape[1]:
        return np.zeros(x.shape[1])
    part = np.take_along_axis(x.T, which, axis=1)
    if which.shape[1] == 1:
        return np.asarray(part[:, 0] ** 2 / np.diag(matrix)[which[:, 0]])
    solved = np.linalg.solve(matrix[which[:, :, None], which[:, None, :]], part[:, :, None])
    return np.asarray(np.einsum("ri,ri->r", part, solved[:, :, 0]))


def beyond(ellipsoid: Ellipsoid, rows_at: Mapping[int, int], share: float) -> tuple[int, float]:
    """(bucket from which on new rows lie beyond all but a share of the reference, rows of the reference there).

    rows_at: the reference's rows by bucket. Its rows lie nearer than new ones, as they shaped the ellipsoid: each is
    taken as far away as it would be from the ellipsoid of the others. Rows within a bucket are even: their number is
    not whole. Where many rows are alike it is less than the share; where the reference's own farthest row lies beyond
    every bucket, as one that alone spans a direction does, it is the last bucket.
    """
    m = ellipsoid.rows
    last = max(rows_at)
    tail = np.zeros(last + 2)
    for bucket, rows in rows_at.items():
        tail[bucket] = rows
    tail = np.cumsum(tail[::-1])[::-1]
    edges = np.arange(MOST_BUCKETS) / RESOLUTION
    inside = np.minimum(_with_itself(edges, m) * RESOLUTION, last + 1)
    rows_beyond = np.interp(inside, np.arange(last + 2), tail)
    bucket = int(np.argmax(np.append(usual_share(rows_beyond, m)[:-1] <= share, True)))
    return bucket, float(rows_beyond[bucket])


def usual_share(rows: Any, m: int) -> Any:
    """The share of new rows to expect where so many of m reference rows lie beyond: between rows and rows + 1 of m + 1
    do, as the border was drawn between two of them."""
    return (rows + 0.5) / (m + 1)


def _with_itself(distance: Floats, m: int) -> Floats:
    """How far a row lies from the ellipsoid of all m rows that lies so far from that of the others; exact where nothing
    is missing or regularised (Sherman and Morrison 1950)."""
    s = m / (m - 1)
    square = distance**2
    return np.asarray(np.sqrt(m * square / ((m - 1) * s**2 + s * square)))
