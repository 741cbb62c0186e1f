"""The statements behind outlying.py, for engines that keep their rows: moments of the u, and rows by their distance.

A row's distance is that of the columns that it has, so that rows are told apart by which they lack: there is one matrix
for each such pattern, a number whose binary digits are the missing columns, the first the lowest.
"""

from __future__ import annotations

from functools import reduce
from operator import add
from typing import Any, Final

import sqlalchemy as sa

from airflow_ml_monitor.profile.dialect import product_sum
from airflow_ml_monitor.profile.layout import Binning
from airflow_ml_monitor.profile.product_query import u_values
from airflow_ml_monitor.profile.query import Expression, number, size, source, whole

_NEARLY_NONE: Final = 1e-150
"""Less is 0: its square would be, and PostgreSQL does not go on where a product vanishes."""


def u_moments(binnings: tuple[Binning, ...], event_time: str) -> sa.SelectBase:
    """(pairs, products) of each two columns (0·0, 0·1 … 1·1, 1·2 …), then sums of each where each is there: see
    outlying.Moments."""
    u = list(_u(binnings, event_time).c)
    two = [(a, b) for i, a in enumerate(u) for b in u[i:]]
    pairs = [sa.func.count().filter(a.is_not(None), b.is_not(None)) for a, b in two]
    sums = [sa.func.sum(a).filter(b.is_not(None)) for a in u for b in u]
    return sa.select(*pairs, *(product_sum(a, b) for a, b in two), *sums)


def patterns(binnings: tuple[Binning, ...], event_time: str) -> sa.SelectBase:
    """(pattern, rows)."""
    pattern = _pattern(list(_u(binnings, event_time).c)).label("pattern")
    return sa.select(pattern, sa.func.count()).group_by(pattern)


def distances(
    binnings: tuple[Binning, ...], centre: tuple[float, ...], most: tuple[int, int], event_time: str
) -> sa.SelectBase:
    """(bucket, rows) of the rows whose pattern the table `shapes` has, with its matrix: r0_0, r0_1 … r1_1 …

    most: buckets a unit of distance, and of all.
    """
    k, u = len(binnings), list(_u(binnings, event_time).c)
    # The offsets keep an engine from joining a subquery to what reads it: each part would be worked out many times.
    off = (sa.func.coalesce(x - number(at), number(0)).label(f"v{i}") for i, (x, at) in enumerate(zip(u, centre)))  # noqa: B905
    rows = sa.select(_pattern(u).label("pattern"), *off).offset(0).subquery("rows")
    shapes = source("pattern", *cells(k), name="shapes")
    turned = [
        reduce(add, (shapes.c[f"r{i}_{j}"] * rows.c[f"v{j}"] for j in range(i, k))).label(f"t{i}") for i in range(k)
    ]
    joined = rows.join(shapes, rows.c.pattern == shapes.c.pattern)
    t = sa.select(*turned).select_from(joined).offset(0).subquery("turned")
    square = reduce(add, (sa.case((size(x) > number(_NEARLY_NONE), x * x), else_=number(0)) for x in t.c))
    resolution, last = most
    distance = number(resolution) * sa.func.sqrt(square, type_=sa.Double)
    nearest = sa.func.least(sa.func.floor(distance, type_=sa.Double), number(last - 1), type_=sa.Double)
    found = sa.select(sa.cast(nearest, sa.BigInteger).label("bucket")).subquery("found")
    return sa.select(found.c.bucket, sa.func.count()).group_by(found.c.bucket)


def cells(k: int) -> list[str]:
    """Names of the elements of an upper triangle, row by row."""
    return [f"r{i}_{j}" for i in range(k) for j in range(i, k)]


def _u(binnings: tuple[Binning, ...], event_time: str) -> Any:
    read = u_values(binnings, event_time).offset(0).subquery("read")
    plain = (sa.case((size(x) > number(_NEARLY_NONE), x), (x.is_not(None), number(0))) for x in read.c)
    return sa.select(*(x.label(f"u{i}") for i, x in enumerate(plain))).offset(0).subquery("u")


def _pattern(u: list[Any]) -> Expression:
    return reduce(add, (sa.case((x.is_(None), whole(2**i)), else_=whole(0)) for i, x in enumerate(u)))
