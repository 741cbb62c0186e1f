"""How far rows lie from where a reference's features lie together.

Features are taken as their u (see traces.Products): bounded, so that no value of a single column carries a row away.
The distance is Mahalanobis' (1936), of the columns that a row has: the others say nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from airflow_ml_monitor.profile.dataset import Kind
from airflow_ml_monitor.profile.ellipsoid import Ellipsoid
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
"""A column that more reference rows lack is left out: every set of missing columns costs a matrix of its own."""


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
        is_there = ~np.isnan(u)
        there, filled = is_there.astype(np.float64), np.where(is_there, u, 0.0)
        return cls(there @ there.T, filled @ there.T, filled @ filled.T)

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
    farthest = [_farthest(binnings[i], c) for i, c in zip(kept, centre, strict=True)]
    shape = np.round(_regular(covariance[np.ix_(kept, kept)], np.array(farthest) / REACH), DECIMALS)
    names = tuple(binnings[i].column for i in kept)
    return Ellipsoid(names, rows, tuple(centre.tolist()), tuple(map(tuple, shape.tolist())))


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
    found = np.zeros(u.shape[1])
    for rows, v, precision in _alike(ellipsoid, columns, u):
        found[rows] = np.einsum("ir,ir->r", precision @ v, v)
    return np.asarray(np.sqrt(np.maximum(found, 0.0)))


def buckets(distance: Floats) -> Counts:
    """The bucket of each distance."""
    return np.minimum(RESOLUTION * distance, MOST_BUCKETS - 1).astype(np.int64)


def counted(ellipsoid: Ellipsoid, columns: Sequence[str], u: Floats) -> dict[int, int]:
    """Rows by bucket of their distance; arguments as of `distances`."""
    if not ellipsoid.columns:
        return {}
    rows = np.bincount(buckets(distances(ellipsoid, columns, u)))
    return {int(bucket): int(rows[bucket]) for bucket in np.flatnonzero(rows)}


def explained(ellipsoid: Ellipsoid, columns: Sequence[str], u: Floats) -> Floats:
    """By how much each row's squared distance would fall without a column: k × rows, in the ellipsoid's order."""
    found = np.zeros((len(ellipsoid.columns), u.shape[1]))
    for rows, v, precision in _alike(ellipsoid, columns, u):
        found[:, rows] = (precision @ v) ** 2 / np.diag(precision)[:, None]
    return found


_Rows = slice | Counts


def _alike(ellipsoid: Ellipsoid, columns: Sequence[str], u: Floats) -> Iterator[tuple[_Rows, Floats, Floats]]:
    """(rows, their deviations k × rows, the inverse covariance) of the rows that lack the same columns."""
    v = _deviations(ellipsoid, columns, u)
    missing = np.isnan(v)
    if not missing.any():
        yield slice(None), v, _precision(ellipsoid, 0)
        return
    v[missing] = 0.0
    lacks = (1 << np.arange(len(v))) @ missing
    some = np.flatnonzero(lacks)
    if whole := len(lacks) - len(some):
        rows = np.flatnonzero(lacks == 0)
        yield (slice(None) if whole == len(lacks) else rows), v[:, rows], _precision(ellipsoid, 0)
    some = some[np.argsort(lacks[some], kind="stable")]
    sets, starts = np.unique(lacks[some], return_index=True)
    for pattern, rows in zip(sets.tolist(), np.split(some, starts[1:]), strict=True):
        yield rows, v[:, rows], _precision(ellipsoid, pattern)


def _deviations(ellipsoid: Ellipsoid, columns: Sequence[str], u: Floats) -> Floats:
    """u less the centre; NaN of a column that is not among those given."""
    v = np.full((len(ellipsoid.columns), u.shape[1]), np.nan)
    for i, name in enumerate(ellipsoid.columns):
        if name in columns:
            np.subtract(u[columns.index(name)], ellipsoid.centre[i], out=v[i])
    return v


@lru_cache(maxsize=4096)
def _precision(ellipsoid: Ellipsoid, lacks: int) -> Floats:
    """The inverse covariance of the columns that are there; 1 in the diagonal of the others. lacks: a bit for each."""
    covariance = np.array(ellipsoid.covariance)
    gone = np.array([bool(lacks >> i & 1) for i in range(len(covariance))])
    covariance[gone, :] = covariance[:, gone] = 0.0
    return np.asarray(np.linalg.inv(covariance + np.diag(gone.astype(np.float64))))


def beyond(ellipsoid: Ellipsoid, rows_at: Mapping[int, int], share: float) -> tuple[int, float]:
    """(bucket from which on new rows lie beyond all but a share of the reference, rows of the reference there).

    rows_at: the reference's rows by bucket. Its rows lie nearer than new ones, as they shaped the ellipsoid: each is
    taken as far away as it would be from the ellipsoid of the others. Rows within a bucket are even: their number is
    not whole. Where many rows are alike it is less than the share.
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
    bucket = int(np.argmax(usual_share(rows_beyond, m) <= share))
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
