"""The statements behind outlying.py, for engines that keep their rows: moments of the u, and rows by their distance.

A row's distance is that of the columns that it has, so that rows are told apart by which they lack: there is one matrix
for each such pattern, a number whose binary digits are the missing columns, the first the lowest.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any, Final

import sqlalchemy as sa

from airflow_ml_monitor.profile.layout import Binning
from airflow_ml_monitor.profile.queries.dialect import product_sum
from airflow_ml_monitor.profile.queries.product_query import Which, lacking_none, lacking_one, u_values
from airflow_ml_monitor.profile.queries.query import Expression, number, size, source, whole

_NEARLY_NONE: Final = 1e-150
"""Less is 0: its square would be, and PostgreSQL does not go on where a product vanishes."""


Root = tuple[tuple[float, ...], ...]
"""An upper triangle, row by row, from the diagonal on."""


@dataclass(frozen=True, slots=True)
class Grid:
    """From where distances are counted, in how many buckets a unit, and in how many of all."""

    centre: tuple[float, ...]
    resolution: int
    buckets: int


def u_moments(binnings: tuple[Binning, ...], event_time: str) -> sa.SelectBase:
    """(pairs, products) of each two columns (0·0, 0·1 … 1·1, 1·2 …), then sums of each where each is there: see
    outlying.Moments."""
    u = list(_u(binnings, event_time).c)
    two = [(a, b) for i, a in enumerate(u) for b in u[i:]]
    pairs = [sa.func.count().filter(a.is_not(None), b.is_not(None)) for a, b in two]
    sums = [sa.func.sum(a).filter(b.is_not(None)) for a in u for b in u]
    return sa.select(*pairs, *(product_sum(a, b) for a, b in two), *sums)


def patterns(binnings: tuple[Binning, ...], lacking: tuple[int, ...], event_time: str) -> sa.SelectBase:
    """(pattern, rows) of the rows that lack a value. lacking: places of the columns of which some row lacks it."""
    some = _of(binnings, lacking)
    u = u_values(some, event_time, lacking_one(some)).offset(0).subquery("u")
    pattern = _pattern(dict(zip(lacking, u.c, strict=True))).label("pattern")
    return sa.select(pattern, sa.func.count()).group_by(pattern)


def distances(binnings: tuple[Binning, ...], lacking: tuple[int, ...], grid: Grid, event_time: str) -> sa.SelectBase:
    """(bucket, rows) of the rows that lack a value and whose pattern the table `shapes` has, with its matrix: r0_0,
    r0_1 … r1_1 …"""
    k = len(binnings)
    u = list(_u(binnings, event_time, lacking_one(_of(binnings, lacking))).c)
    rows = sa.select(_pattern({i: u[i] for i in lacking}).label("pattern"), *_off(u, grid)).offset(0).subquery("rows")
    shapes = source("pattern", *cells(k), name="shapes")
    turned = [[shapes.c[f"r{i}_{j}"] * rows.c[f"v{j}"] for j in range(i, k)] for i in range(k)]
    return _counted(turned, rows.join(shapes, rows.c.pattern == shapes.c.pattern), grid)


def whole_distances(
    binnings: tuple[Binning, ...], lacking: tuple[int, ...], grid: Grid, root: Root, event_time: str
) -> sa.SelectBase:
    """(bucket, rows) of the rows that lack nothing: they have one matrix, and nothing is looked up for a row."""
    u = _u(binnings, event_time, lacking_none(_of(binnings, lacking)))
    rows = sa.select(*_off(list(u.c), grid)).offset(0).subquery("rows")
    v = list(rows.c)
    turned = [[number(r) * x for r, x in zip(line, v[i:], strict=True)] for i, line in enumerate(root)]
    return _counted(turned, rows, grid)


def _of(binnings: tuple[Binning, ...], places: tuple[int, ...]) -> tuple[Binning, ...]:
    return tuple(binnings[i] for i in places)


def _off(u: list[Any], grid: Grid) -> list[Any]:
    """From the centre; 0 of what is missing. The offsets keep an engine from joining a subquery to what reads it: each
    part would be worked out many times."""
    off = (sa.func.coalesce(x - number(at), number(0)) for x, at in zip(u, grid.centre, strict=True))
    return [x.label(f"v{i}") for i, x in enumerate(off)]


def _counted(turned: list[list[Any]], rows: Any, grid: Grid) -> sa.SelectBase:
    parts = (reduce(add, line).label(f"t{i}") for i, line in enumerate(turned))
    t = sa.select(*parts).select_from(rows).offset(0).subquery("turned")
    square = reduce(add, (sa.case((size(x) > number(_NEARLY_NONE), x * x), else_=number(0)) for x in t.c))
    distance = number(grid.resolution) * sa.func.sqrt(square, type_=sa.Double)
    nearest = sa.func.least(sa.func.floor(distance, type_=sa.Double), number(grid.buckets - 1), type_=sa.Double)
    found = sa.select(sa.cast(nearest, sa.BigInteger).label("bucket")).subquery("found")
    return sa.select(found.c.bucket, sa.func.count()).group_by(found.c.bucket)


def cells(k: int) -> list[str]:
    """Names of the elements of an upper triangle, row by row."""
    return [f"r{i}_{j}" for i in range(k) for j in range(i, k)]


def _u(binnings: tuple[Binning, ...], event_time: str, which: Which | None = None) -> Any:
    read = u_values(binnings, event_time, which).offset(0).subquery("read")
    plain = (sa.case((size(x) > number(_NEARLY_NONE), x), (x.is_not(None), number(0))) for x in read.c)
    return sa.select(*(x.label(f"u{i}") for i, x in enumerate(plain))).offset(0).subquery("u")


def _pattern(u: dict[int, Any]) -> Expression:
    """Of the columns that rows may lack, by their place."""
    return reduce(add, (sa.case((x.is_(None), whole(2**i)), else_=whole(0)) for i, x in u.items()))
