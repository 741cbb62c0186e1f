"""What several metrics of columns together share: products of the reference and of a window, and how these scatter."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from airflow_ml_monitor.errors import TooFew, Undefined
from airflow_ml_monitor.keys import WHOLE
from airflow_ml_monitor.profile.axes import Axes, axes_of
from airflow_ml_monitor.profile.cells import Floats, Profile
from airflow_ml_monitor.profile.scatter import CONSTANT, Scatter
from airflow_ml_monitor.profile.traces import Products
from airflow_ml_monitor.profile.views import DatasetPair

LEAST_ROWS: Final = 50
"""On either side; of fewer, normal approximations of correlations and variances say too much."""
LEAST_DEVIATION: Final = 1e-3
"""Of a u: less is a constant, or a column at the end of u's range, as one in another unit is; what sums of squares near
1 leave of it is rounding from the seventh digit on."""
ENOUGH: Final = 10
"""Rows, times the kurtosis of a column, from which on its mean is nearly normal; times that of two columns, their
product: so many rows with a rare value, or with both of two."""

SHAPELESS: Final = (
    "the reference has no shape: it was frozen by an older release, or with second_moments off; freeze it again"
)


@dataclass(frozen=True)
class Side:
    """Products of one profile by pair; k × k. rows: with values in both; means: of the first column in them."""

    rows: Floats
    mean: Floats
    covariance: Floats

    @classmethod
    def of(cls, products: Products) -> Side:
        return cls(*products.moments)

    @property
    def correlations(self) -> Floats:
        """Covariances in deviations of the columns' own rows; NaN of a column that hardly varies."""
        deviation = np.sqrt(np.maximum(np.diag(self.covariance), 0.0))
        deviation = np.where(deviation > LEAST_DEVIATION, deviation, np.nan)
        return np.asarray(np.clip(self.covariance / np.outer(deviation, deviation), -1.0, 1.0))


@dataclass(frozen=True)
class Together:
    """Columns of the reference and of a window that both have; scatter: of both, their rows pooled."""

    columns: tuple[str, ...]
    reference: Side
    current: Side
    n: int
    m: int
    scatter: Scatter

    @classmethod
    def of(cls, pair: DatasetPair) -> Together:
        """TooFew of fewer than 50 rows on either side; Undefined where a profile of an older release has no scatter."""
        before, m = _products(pair.reference, "in the reference")
        now, n = _products(pair.current, "in the window")
        old, new = pair.reference.traces.scatter, pair.current.traces.scatter
        if old is None or new is None:
            whose = "reference" if old is None else "window"
            raise Undefined(f"how products of columns scatter is not known of the {whose}: {_WITHOUT}")
        columns = tuple(name for name in before.columns if name in now.columns)
        if len(columns) < 2:
            raise Undefined("fewer than two columns are there in the reference and in the window")
        return cls(columns, Side.of(before.of(columns)), Side.of(now.of(columns)), n, m, old + new)

    @cached_property
    def variance(self) -> Floats:
        """k × k: of what a row adds to Fisher's z of two columns; of one its kurtosis. NaN where none varies."""
        rows = np.where(self.scatter.rows > 0, self.scatter.rows, np.nan)
        return np.asarray(self.scatter.pairs / rows)


_WITHOUT: Final = "an older release profiled it, or a warehouse, which draws no rows"


def _products(profile: Profile, where: str) -> tuple[Products, int]:
    products = profile.traces.products
    if products is None and profile.rows.get(WHOLE):
        raise Undefined(
            f"no products of columns were kept {where}: the dataset has second_moments off, or no column is a "
            "number or has categories"
        )
    rows = products.n if products else 0
    if products is None or rows < LEAST_ROWS:
        raise TooFew(f"{rows} rows {where}, {LEAST_ROWS} needed")
    return products, rows


@dataclass(frozen=True)
class Along:
    """The window's and the reference's features along the reference's principal components.

    shift: (p,) how far the mean moved, in deviations; error: of it. ratio: (p,) variances over the reference's, which
    is corrected for having shaped its own axes; doubt: (p,) of that correction. outside: shares of variance outside the
    axes, (the reference's, corrected, the window's); rest_doubt: of that correction. peaks: (p,) kurtosis - 1; rest:
    see Scatter. rows: (the reference's, the window's), of mean pairs.
    """

    shift: Floats
    error: Floats
    ratio: Floats
    doubt: Floats
    outside: tuple[float, float]
    rest_doubt: float
    peaks: Floats
    rest: float
    rows: tuple[float, float]

    @classmethod
    def of(cls, pair: DatasetPair) -> Along:
        """Raises as Together.of; Undefined without axes, or where one of their columns is not there."""
        if pair.layout.ellipsoid is None:
            raise Undefined(SHAPELESS)
        both, axes = Together.of(pair), axes_of(pair.layout.ellipsoid)
        if not axes.columns:
            raise Undefined("fewer than two features vary in the reference: there are no components")
        if lost := [name for name in axes.columns if name not in both.columns]:
            raise Undefined(f"the components need every feature, and {lost[0]!r} did not arrive as declared")
        place = [both.columns.index(name) for name in axes.columns]
        old, new = (_sided(side, place) for side in (both.reference, both.current))
        if not (np.isfinite(old.covariance).all() and np.isfinite(new.covariance).all()):
            raise TooFew("two features have no row in which both have a value")
        return _along(axes, old, new, both.scatter)


def _sided(side: Side, place: list[int]) -> Side:
    at = np.ix_(place, place)
    return Side(side.rows[at], side.mean[at], side.covariance[at])


def _along(axes: Axes, old: Side, new: Side, scatter: Scatter) -> Along:
    weights = axes.vectors / axes.deviation[:, None]
    own, total = zip(*(_variances(axes, side, weights) for side in (old, new)), strict=True)
    if min(total) <= CONSTANT or scatter.seen == 0:
        raise Undefined("no feature of the components varies")
    rows = tuple(float(np.average(side.rows, weights=np.abs(side.covariance))) for side in (old, new))
    # Rows that vary together in size turn axes more than a normal's (kurtosis 3) would, bounded ones less.
    optimism = _optimism(axes, old, rows[0]) * float(np.median(scatter.components / scatter.seen) + 1) / 3
    expected = own[0] - optimism.sum(axis=1)
    p = len(expected)
    errors = [_mean_variance(side, weights) for side in (old, new)]
    root = np.sqrt(np.maximum(own[0], CONSTANT))
    return Along(
        (np.diag(new.mean) - np.diag(old.mean)) @ weights / root,
        np.sqrt(errors[0] + errors[1]) / root,
        np.maximum(own[1], 0.0) / np.maximum(expected, CONSTANT),
        np.sqrt((optimism**2).sum(axis=1)) / 2 / root**2,
        (1 - float(expected.sum()) / total[0], 1 - float(own[1].sum()) / total[1]),
        float(np.sqrt((optimism[:, p:] ** 2).sum()) / 2 / total[0]),
        scatter.components / scatter.seen,
        scatter.rest / scatter.seen,
        (rows[0], rows[1]),
    )


def _variances(axes: Axes, side: Side, weights: Floats) -> tuple[Floats, float]:
    """(along each axis, of all features together)"""
    along = np.einsum("ij,ik,kj->j", weights, side.covariance, weights)
    return along, float((np.diag(side.covariance) / axes.deviation**2).sum())


def _mean_variance(side: Side, weights: Floats) -> Floats:
    """(p,): of the mean along each axis, of columns that have their values in different rows."""
    own = np.diag(side.rows)
    return np.asarray(np.einsum("ij,ik,kj->j", weights, side.covariance * side.rows / np.outer(own, own), weights))


def _optimism(axes: Axes, side: Side, rows: float) -> Floats:
    """p × k: by how much the reference's rows vary more along its own axes than new ones will, for each other axis
    (Lawley 1956; Anderson 1963): 2 λᵢ λⱼ / (λⱼ - λᵢ) / rows."""
    every = np.linalg.eigvalsh(side.covariance / np.outer(axes.deviation, axes.deviation))[::-1]
    p = axes.vectors.shape[1]
    crossed, gap = np.abs(np.outer(every[:p], every)), every[:p, None] - every
    # Of eigenvalues that rows cannot tell apart the expansion says nothing; their axes turn freely.
    least = np.maximum(np.sqrt(2 / rows * crossed), CONSTANT)
    found = 2 * crossed / np.where(np.abs(gap) > least, gap, np.where(gap < 0, -least, least)) / rows
    found[np.arange(p), np.arange(p)] = 0.0
    return np.asarray(found)
