"""How far rows lie from the reference's shape, where they stay in their database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from airflow_ml_monitor.profile.ellipsoid import Ellipsoid
from airflow_ml_monitor.profile.kernel.outlying import MOST_BUCKETS, RESOLUTION, Moments, roots
from airflow_ml_monitor.profile.layout import Binning
from airflow_ml_monitor.profile.queries import distance_query, query
from airflow_ml_monitor.profile.queries.distance_query import Grid
from airflow_ml_monitor.profile.traces import Matrix
from airflow_ml_monitor.profile.wanted import Wanted

if TYPE_CHECKING:
    from airflow_ml_monitor.profile.engines.scan import Scan

_AT_ONCE: Final = 300
"""Patterns of missing columns whose matrices go into one statement: of 24 columns 90,000 numbers."""


def moments(scan: Scan, binnings: tuple[Binning, ...], event_time: str) -> Moments:
    """See outlying.Moments; by one statement."""
    size = len(binnings)
    [row] = scan.rows(distance_query.u_moments, binnings, event_time)
    found = np.array([x or 0.0 for x in row], np.float64)
    half = size * (size + 1) // 2
    pairs, products = (symmetric(part, size) for part in (found[:half], found[half : 2 * half]))
    return Moments(pairs, found[2 * half :].reshape(size, size), products)


def counted(
    scan: Scan,
    wanted: Wanted,
    lacking: Collection[str],
    *,
    most_numbers: int,
) -> dict[int, int]:
    """See outlying.counted; by one statement and, where rows lack values, one more for every 300 ways in which they do.

    lacking: columns of which some row has no value. most_numbers: that may be brought to one statement.
    """
    ellipsoid, event_time = wanted.ellipsoid, wanted.event_time
    if ellipsoid is None or not ellipsoid.columns:
        return {}
    by_name = {binning.column: binning for binning in wanted.together}
    shape = _of(ellipsoid, [i for i, name in enumerate(ellipsoid.columns) if name in by_name])
    if not shape.columns:
        rows = int(scan.rows(query.totals, "", (), event_time)[0][0])
        return {0: rows} if rows else {}
    mine = tuple(by_name[name] for name in shape.columns)
    places = tuple(i for i, name in enumerate(shape.columns) if name in lacking)
    grid = Grid(shape.centre, RESOLUTION, MOST_BUCKETS)
    [root] = roots(shape, [0])
    lines = tuple(tuple(line[i:]) for i, line in enumerate(root.tolist()))
    found = Counter[int]()
    _add(found, scan.rows(distance_query.whole_distances, mine, places, grid, lines, event_time))
    if not places:
        return dict(found)
    patterns = sorted(int(pattern) for pattern, _ in scan.rows(distance_query.patterns, mine, places, event_time))
    at_once = max(1, min(_AT_ONCE, most_numbers // len(distance_query.cells(len(mine)))))
    for start in range(0, len(patterns), at_once):
        scan.register("shapes", _shapes(shape, patterns[start : start + at_once]))
        _add(found, scan.rows(distance_query.distances, mine, places, grid, event_time))
    return dict(found)


def _add(found: Counter[int], rows: Iterable[Sequence[Any]]) -> None:
    for bucket, count in rows:
        found[int(bucket)] += int(count)


def _of(ellipsoid: Ellipsoid, there: list[int]) -> Ellipsoid:
    """An ellipsoid of some of its columns."""
    covariance = np.array(ellipsoid.covariance)[np.ix_(there, there)]
    return replace(
        ellipsoid,
        columns=tuple(ellipsoid.columns[i] for i in there),
        centre=tuple(ellipsoid.centre[i] for i in there),
        covariance=tuple(map(tuple, covariance.tolist())),
    )


def _shapes(ellipsoid: Ellipsoid, patterns: list[int]) -> pa.Table:
    """The matrix of each pattern, an element a column."""
    k = len(ellipsoid.columns)
    elements = roots(ellipsoid, patterns)[:, *np.triu_indices(k)]
    named = zip(distance_query.cells(k), elements.T, strict=True)
    return pa.table({"pattern": pa.array(patterns, pa.int64()), **{name: pa.array(part) for name, part in named}})


def symmetric(upper: Matrix, size: int) -> Matrix:
    """A matrix of its upper triangle, row by row."""
    matrix = np.zeros((size, size))
    matrix[np.triu_indices(size)] = upper
    return np.asarray(np.triu(matrix) + np.triu(matrix, 1).T)
