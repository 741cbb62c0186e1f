"""The statements behind traces.Products: each row's u, or the sums of their products."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import sqlalchemy as sa

from airflow_ml_monitor.profile.dataset import Kind
from airflow_ml_monitor.profile.layout import Binning
from airflow_ml_monitor.profile.queries.dialect import is_finite, product_sum
from airflow_ml_monitor.profile.queries.query import Expression, in_window, number, number_of, size, source, text

_NEARLY_NONE: Final = 1e-150
"""A u below it is 0, as a missing one: its square would be, and PostgreSQL does not go on where a product vanishes."""

Which = Callable[[sa.TableClause], Expression]
"""A condition on the rows of a table."""


def u_values(binnings: tuple[Binning, ...], event_time: str, which: Which | None = None) -> sa.Select[Any]:
    """Each row's u, column by column (u0, u1 …): see traces.Products. NULL where a value is missing or not finite.

    which: rows, of all.
    """
    table = source(*dict.fromkeys([*(b.column for b in binnings), *([event_time] if event_time else [])]))
    read = [u_of(table.c[b.column], b).label(f"u{i}") for i, b in enumerate(binnings)]
    rows = sa.select(*read).where(in_window(table, event_time))
    return rows if which is None else rows.where(which(table))


def lacking_one(binnings: tuple[Binning, ...]) -> Which:
    """Rows that lack a value in one of some columns: it is missing, or not finite."""
    return lambda table: sa.or_(*(_is_lacking(table.c[binning.column], binning) for binning in binnings))


def lacking_none(binnings: tuple[Binning, ...]) -> Which:
    """All other rows."""
    return lambda table: sa.and_(sa.true(), *(sa.not_(_is_lacking(table.c[b.column], b)) for b in binnings))


def _is_lacking(column: Expression, binning: Binning) -> Expression:
    if binning.kind is Kind.CATEGORICAL:
        return column.is_(None)
    d = _off(column, binning)
    return sa.case((is_finite(d), number(0)), else_=number(1)) == number(1)


def u_sums(binnings: tuple[Binning, ...], lacking: tuple[int, ...], event_time: str) -> sa.SelectBase:
    """(rows, those with a value of each column, sum of each u, then of each product of two of them: 0·0, 0·1 … 1·1, 1·2
    …); no row leaves the engine.

    lacking: places of the columns of which some row has no value: of each two of them (0·0, 0·1 … 1·1 …) come the rows
    without one in both, then of every column the sums of u where each of those has none: such rows are few.
    """
    # The offsets keep an engine from joining a subquery to what reads it: each u would be worked out for each product.
    read = u_values(binnings, event_time).offset(0).subquery("rows")
    u = [sa.case((size(x) > number(_NEARLY_NONE), x), else_=number(0)).label(x.name) for x in read.c]
    there = [x.label(f"n{i}") for i, x in enumerate(read.c)]
    found = sa.select(*u, *there).offset(0).subquery("u")
    values, counted = list(found.c)[: len(u)], list(found.c)[len(u) :]
    products = [product_sum(a, b) for i, a in enumerate(values) for b in values[i:]]
    none = [counted[i].is_(None) for i in lacking]
    pairs = [sa.func.count().filter(a, b) for i, a in enumerate(none) for b in none[i:]]
    without = [sa.func.sum(a).filter(b) for a in values for b in none]
    return sa.select(
        sa.func.count(), *map(sa.func.count, counted), *map(sa.func.sum, values), *products, *pairs, *without
    )


def u_of(column: Expression, binning: Binning) -> Expression:
    """A value's u in (-1, 1): how far it lies from the centre; of a category, whether it is the first one."""
    if binning.kind is Kind.CATEGORICAL:
        first = sa.literal(binning.categories[0], sa.String)
        return sa.case((text(column) == first, number(1.0)), (column.is_not(None), number(0.0)))
    d = _off(column, binning)
    return sa.case((is_finite(d), d / (number(binning.scale) + size(d))))


def _off(column: Expression, binning: Binning) -> Expression:
    return number_of(column, binning.kind) - number(binning.centre)
