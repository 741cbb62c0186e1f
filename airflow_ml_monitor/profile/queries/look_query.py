"""The statements by which a reference's rows are looked at for a contract; see query.py. Aggregates, and one sample."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import add
from typing import Final

import sqlalchemy as sa

from airflow_ml_monitor.profile import text_forms
from airflow_ml_monitor.profile.queries.dialect import contains, is_on_calendar, not_a_number, row_hash
from airflow_ml_monitor.profile.queries.query import Expression, epoch, in_window, number, size, source, whole

SUM_TOLERANCE: Final = 1e-6
"""A sum is met where it is off by at most this share of its terms: less than a cent in 10,000."""

Columns = tuple[tuple[str, bool], ...]
"""(name, whether it is a time)."""


def present(columns: tuple[str, ...], floats: tuple[str, ...], event_time: str) -> sa.SelectBase:
    """(rows, rows with a value of each column); NaN is none."""
    table = _table(event_time, *columns)
    counts = (
        sa.func.count(sa.func.nullif(table.c[name], not_a_number())) if name in floats else sa.func.count(table.c[name])
        for name in columns
    )
    return sa.select(sa.func.count(), *counts).select_from(table).where(in_window(table, event_time))


def text_form(column: str, event_time: str) -> sa.SelectBase:
    """(length, rows, damaged rows, foreign rows, rows of each form) of a column of texts, by length."""
    table = _table(event_time, column)
    value = table.c[column]
    length = sa.func.length(value)
    patterns = (text_forms.DAMAGE, text_forms.FOREIGN, *map(text_forms.wholly, text_forms.FORMS.values()))
    hits = (sa.func.count().filter(_matches(value, pattern)) for pattern in patterns)
    shown = sa.select(length, sa.func.count(), *hits).where(in_window(table, event_time), value.is_not(None))
    return shown.group_by(length)


def distinct_keys(columns: tuple[str, ...], event_time: str) -> sa.SelectBase:
    """(rows with a whole key, different keys)."""
    table = _table(event_time, *columns)
    there = sa.and_(in_window(table, event_time), *(table.c[name].is_not(None) for name in columns))
    groups = sa.select(sa.func.count().label("rows")).where(there).group_by(*(table.c[name] for name in columns))
    counted = groups.subquery("groups")
    return sa.select(sa.func.coalesce(sa.func.sum(counted.c.rows), whole(0)), sa.func.count()).select_from(counted)


def spread(columns: Columns, event_time: str, one_in: int, limit: int) -> sa.SelectBase:
    """Up to `limit` rows, picked by their hash, one in `one_in`; times as seconds."""
    table = _table(event_time, *(name for name, _ in columns))
    # A bare literal, which takes the hash's type; see preview_query.
    part = sa.func.mod(
        row_hash(*(table.c[name] for name, _ in columns)), sa.literal_column(str(int(one_in)), sa.BigInteger)
    )
    picked = part == sa.literal_column("0", sa.BigInteger) if one_in > 1 else sa.true()
    read = (_number(table, *column).label(f"c{i}") for i, column in enumerate(columns))
    return sa.select(*read).where(in_window(table, event_time), picked).limit(limit)


def orders(pairs: tuple[tuple[str, str], ...], times: frozenset[str], event_time: str) -> sa.SelectBase:
    """For each (a, b): rows in which both are finite, rows with a <= b."""
    table = _table(event_time, *dict.fromkeys(name for pair in pairs for name in pair))
    counts = []
    for pair in pairs:
        a, b = (_number(table, name, name in times) for name in pair)
        both = _finite(a, b)
        counts += [sa.func.count().filter(both), sa.func.count().filter(sa.and_(both, a <= b))]
    return sa.select(*counts).select_from(table).where(in_window(table, event_time))


def sums(triples: tuple[tuple[str, str, str], ...], event_time: str) -> sa.SelectBase:
    """For each (a, b, c): rows in which all are finite, rows with a + b = c."""
    table = _table(event_time, *dict.fromkeys(name for triple in triples for name in triple))
    counts = []
    for triple in triples:
        columns = [_number(table, name, False) for name in triple]
        both = _finite(*columns)
        counts += [sa.func.count().filter(both), sa.func.count().filter(sa.and_(both, adds_up(columns)))]
    return sa.select(*counts).select_from(table).where(in_window(table, event_time))


def adds_up(columns: Sequence[Expression]) -> Expression:
    """Whether the last of some floats is the sum of those before it."""
    *terms, total = columns
    return size(reduce(add, terms) - total) <= number(SUM_TOLERANCE) * reduce(add, map(size, columns))


def _table(event_time: str, *columns: str) -> sa.TableClause:
    return source(*dict.fromkeys([*columns, *([event_time] if event_time else [])]))


def _matches(value: Expression, pattern: str) -> Expression:
    return contains(value, sa.literal(pattern, sa.String))


def _number(table: sa.TableClause, name: str, is_time: bool) -> Expression:
    column: Expression = table.c[name]
    if is_time:
        # Infinite times have no epoch.
        column = sa.case((is_on_calendar(column), epoch(column)), else_=sa.null())
    return sa.cast(column, sa.Double)


def _finite(*numbers: Expression) -> Expression:
    """x - x = 0 holds for finite x only, in every dialect."""
    return sa.and_(*(x - x == number(0) for x in numbers))
