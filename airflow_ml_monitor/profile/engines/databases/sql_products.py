"""What columns tell together, where rows stay in their database: sums of products, and how these scatter."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from airflow_ml_monitor.profile.axes import Axes, axes_of
from airflow_ml_monitor.profile.ellipsoid import Ellipsoid
from airflow_ml_monitor.profile.engines.databases.sql_distances import symmetric
from airflow_ml_monitor.profile.layout import Binning
from airflow_ml_monitor.profile.queries import product_query, scatter_query
from airflow_ml_monitor.profile.queries.scatter_query import Standard
from airflow_ml_monitor.profile.scatter import CONSTANT, LEAST, NEARLY_ONE, Scatter, summed, turned
from airflow_ml_monitor.profile.traces import Matrix, Products

if TYPE_CHECKING:
    from airflow_ml_monitor.profile.engines.scan import Scan

_LOOKED_AT: Final = 5_000
"""Rows: their variance is known to 3 %. 276 sums of ten operations each cost as much a row as all else together."""


def products(scan: Scan, binnings: tuple[Binning, ...], lacking: Collection[str], event_time: str) -> Products:
    """See traces.Products; by one statement. lacking: columns of which some row has no value."""
    size, names = len(binnings), tuple(binning.column for binning in binnings)
    places = [i for i, name in enumerate(names) if name in lacking]
    [(count, *found)] = scan.rows(product_query.u_sums, binnings, tuple(places), event_time)
    several, few = size * (size + 1) // 2, len(places) * (len(places) + 1) // 2
    there, sums, matrix, both, without = np.split(_numbers(found), np.cumsum([size, size, several, few]))
    plain = names, int(count), sums, symmetric(matrix, size)
    if not places:
        return Products(*plain)
    pairs, shared = np.minimum.outer(there, there), np.repeat(sums[:, None], size, axis=1)
    missing = int(count) - there[places]
    # Who lacks neither: all but those who lack either, and who lacks both was taken away twice.
    pairs[np.ix_(places, places)] = int(count) - np.add.outer(missing, missing) + symmetric(both, len(places))
    shared[:, places] -= without.reshape(size, len(places))
    return Products(*plain, pairs, shared)


def scatter(
    scan: Scan, binnings: tuple[Binning, ...], products: Products, ellipsoid: Ellipsoid | None, event_time: str
) -> Scatter | None:
    """See scatter.scatter_of; by one statement, of rows that the database draws."""
    if products.n < LEAST:
        return None
    k, names = len(binnings), products.columns
    rows, mean, covariance = products.moments
    deviation = np.sqrt(np.maximum(np.nan_to_num(np.diag(covariance)), 0.0))
    deviation[deviation <= CONSTANT] = 0.0
    with np.errstate(invalid="ignore", divide="ignore"):
        r = np.clip(np.nan_to_num(covariance / np.outer(deviation, deviation), posinf=0, neginf=0), -1.0, 1.0)
    axes = axes_of(ellipsoid) if ellipsoid else None
    standard = _standard(np.nan_to_num(np.diag(mean)), deviation, r, axes, names)
    share = min(_LOOKED_AT / products.n, 1.0)
    [(count, *found)] = scan.rows(scatter_query.scattered, binnings, standard, share, event_time)
    if count < LEAST:
        return None
    fourth, two, rest = np.split(_numbers(found), [k, k + k * (k - 1) // 2])
    seen = rows * count / products.n * np.outer(deviation > 0, deviation > 0)
    pairs = np.zeros((k, k))
    pairs[np.triu_indices(k, 1)] = two
    pairs = (pairs + pairs.T) / np.maximum(1 - r * r, NEARLY_ONE) ** 2
    np.fill_diagonal(pairs, fourth)
    if not standard.of_axes:
        return Scatter(names, seen, pairs * (seen > 0))
    along, besides = np.split(rest / count, [-5])
    of_axes = summed(float(count), along[::2], along[1::2], *besides)
    return Scatter(names, seen, pairs * (seen > 0), *of_axes)


def _standard(mean: Matrix, deviation: Matrix, r: Matrix, axes: Axes | None, names: tuple[str, ...]) -> Standard:
    plain = tuple(mean.tolist()), tuple(deviation.tolist()), tuple(map(tuple, r.tolist()))
    if axes is None or (found := turned(axes, names, deviation)) is None:
        return Standard(*plain)
    place, weight = found
    of_axes = tuple(map(tuple, (axes.vectors * weight[:, None]).T.tolist()))
    return Standard(*plain, tuple(place), tuple(weight.tolist()), of_axes)


def _numbers(row: Sequence[Any]) -> Matrix:
    return np.array([x or 0.0 for x in row], np.float64)
