"""Delay strata: kinds of rows whose labels take longer or shorter, by the columns of role delay_stratum."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import prod
from typing import Final

import sqlalchemy as sa

from airflow_ml_monitor.errors import ReferenceMismatch
from airflow_ml_monitor.profile.dataset import Kind
from airflow_ml_monitor.profile.layout import Binning
from airflow_ml_monitor.profile.queries.query import Expression, category, number, whole

MOST_STRATA: Final = 50
"""Kinds of rows that several columns may make together: each has an arrival curve, and needs labels of its own."""
OTHER: Final = "other"
"""What a stratum is called whose value the reference does not know, or that has none."""
_HALF_RANGE: Final = 1.349 / 2
"""Half the interquartile range, in the layout's scale."""


def edges(binning: Binning) -> tuple[float, float, float]:
    """Where a number is cut: at the reference's median and half its interquartile range to either side.

    Of a symmetric distribution its quartiles. Six digits, as the names say.

    >>> edges(Binning("x", Kind.NUMERIC, centre=10.0, scale=4.0))
    (7.302, 10.0, 12.698)
    """
    half = _HALF_RANGE * binning.scale
    low, middle, high = (float(f"{x:.6g}") for x in (binning.centre - half, binning.centre, binning.centre + half))
    return low, middle, high


def names(binnings: Sequence[Binning]) -> tuple[str, ...]:
    """What the strata are called, in the order of their codes; ('',) without any column."""
    return tuple(" × ".join(parts) for parts in product(*(_parts(binning) for binning in binnings)))


def code(table: sa.FromClause, binnings: Sequence[Binning]) -> Expression:
    """The stratum of a row: its place among the names."""
    found: Expression = whole(0)
    for binning in binnings:
        found = found * whole(len(_parts(binning))) + _part(table.c[binning.column], binning)
    return found


def check(binnings: Sequence[Binning]) -> None:
    """ReferenceMismatch where several columns make too many strata."""
    kinds = prod(len(_parts(binning)) for binning in binnings)
    if len(binnings) > 1 and kinds > MOST_STRATA:
        columns = ", ".join(binning.column for binning in binnings)
        raise ReferenceMismatch(
            f"the delay strata {columns} make {kinds} kinds of rows, more than {MOST_STRATA}; name fewer columns, or "
            "group their values",
            field="datasets.columns",
        )


def _parts(binning: Binning) -> tuple[str, ...]:
    if binning.kind is not Kind.NUMERIC:
        return (*binning.labels, OTHER)
    low, middle, high = edges(binning)
    return f"up to {low:g}", f"up to {middle:g}", f"up to {high:g}", f"above {high:g}", OTHER


def _part(column: Expression, binning: Binning) -> Expression:
    last = whole(len(_parts(binning)) - 1)
    if binning.kind is not Kind.NUMERIC:
        known = category(column, binning)
        return sa.case((known < whole(0), last), else_=known)
    x = sa.cast(column, sa.Double)
    ladder = [(x <= number(edge), whole(i)) for i, edge in enumerate(edges(binning))]
    # NULL, NaN and infinite: no number that lies anywhere.
    return sa.case((x - x == number(0), sa.case(*ladder, else_=whole(len(ladder)))), else_=last)
