"""The statement behind scatter.py, for engines that keep their rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any, Final

import sqlalchemy as sa

from airflow_ml_monitor.profile.layout import Binning
from airflow_ml_monitor.profile.queries.dialect import drawn
from airflow_ml_monitor.profile.queries.product_query import u_values
from airflow_ml_monitor.profile.queries.query import Expression, number, size

_NEARLY_NONE: Final = 1e-30
"""Less is 0: its eighth power would be, and PostgreSQL does not go on where a product vanishes. What is left of a
difference of two products has at least its last digit."""


@dataclass(frozen=True, slots=True)
class Standard:
    """By what rows are standardised: means and deviations of the columns' u (0: does not vary), and their correlations.

    of_axes: by axis, the weight of each of the columns named in `along`, by their place; spread: the weight of each.
    """

    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    correlations: tuple[tuple[float, ...], ...]
    along: tuple[int, ...] = ()
    spread: tuple[float, ...] = ()
    of_axes: tuple[tuple[float, ...], ...] = ()


def scattered(binnings: tuple[Binning, ...], standard: Standard, share: float, event_time: str) -> sa.SelectBase:
    """Rows looked at; for each column Σ x⁴, for each two (0·1, 0·2 … 1·2 …) the sum of squares of what rows add to
    their correlation; along each axis Σ t² and Σ t⁴; of all squares and those outside the axes Σ all, Σ outside,
    Σ outside², Σ outside·all, Σ all².

    share: the part of the rows that is looked at, drawn anew each time.
    """
    every = u_values(binnings, event_time)
    # The offsets keep an engine from joining a subquery to what reads it: each part would be worked out many times.
    u = (every.where(drawn() < number(share)) if share < 1 else every).offset(0).subquery("u")
    x = sa.select(*_standardised(list(u.c), standard)).offset(0).subquery("x")
    squares = [_square(c).label(f"q{i}") for i, c in enumerate(x.c)]
    turned = sa.select(*x.c, *squares, *_turned(list(x.c), standard)).offset(0).subquery("turned")
    k, p = len(binnings), len(standard.of_axes)
    mine, q, t, whole = (list(turned.c)[i:j] for i, j in ((0, k), (k, 2 * k), (2 * k, 2 * k + p), (-1, None)))
    outside = _plain(whole[0] - _added(_square(one) for one in t)).label("outside")
    two = [
        (mine[i] * mine[j] - number(standard.correlations[i][j] / 2) * (q[i] + q[j])).label(f"g{i}_{j}")
        for i in range(k)
        for j in range(i + 1, k)
    ]
    rows = sa.select(*q, *two, *t, *whole, outside).offset(0).subquery("rows").c
    squared = [_sum(_square(rows[part.name])) for part in (*q, *two)]
    along = [part for one in t for part in (_sum(_square(rows[one.name])), _sum(_square(_square(rows[one.name]))))]
    all_of, rest = rows["whole"], rows["outside"]
    besides = [_sum(part) for part in (all_of, rest, _square(rest), rest * all_of, _square(all_of))]
    return sa.select(sa.func.count(), *squared, *along, *besides)


def _turned(x: list[Any], standard: Standard) -> list[Any]:
    """Where a row lies along each axis, and its squares together."""
    mine = [sa.func.coalesce(x[i], number(0), type_=sa.Double) for i in standard.along]
    axes = (zip(mine, weights, strict=True) for weights in standard.of_axes)
    t = [_plain(_added(a * number(weight) for a, weight in axis)).label(f"t{i}") for i, axis in enumerate(axes)]
    squares = (_square(_plain(a * number(weight))) for a, weight in zip(mine, standard.spread, strict=True))
    return [*t, _added(squares).label("whole")]


def _standardised(u: list[Any], standard: Standard) -> list[Any]:
    found = []
    for i, (c, mean, deviation) in enumerate(zip(u, standard.mean, standard.deviation, strict=True)):
        x = _plain((c - number(mean)) / number(deviation)) if deviation else sa.case((c.is_not(None), number(0)))
        found.append(x.label(f"x{i}"))
    return found


def _plain(x: Expression) -> Expression:
    """x, or 0 where it is nearly 0; NULL where x is."""
    return sa.case((size(x) > number(_NEARLY_NONE), x), (x.is_not(None), number(0)))


def _square(x: Expression) -> Expression:
    return x * x


def _sum(x: Expression) -> Expression:
    return sa.func.sum(x, type_=sa.Double)


def _added(parts: Iterable[Expression]) -> Expression:
    return reduce(add, parts, number(0))
