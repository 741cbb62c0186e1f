"""Categories of several columns in one statement, for databases that group by each column of one scan on its own.

To reach a row's last column PostgreSQL walks through all that stand before it, and does so for each statement anew.
"""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

from airflow_ml_monitor.profile.layout import NULL, OTHER, Binning
from airflow_ml_monitor.profile.queries.query import Expression, category, in_window, source, text, whole
from airflow_ml_monitor.profile.queries.text_query import looks_damaged

_LETTER_BY_LETTER: Final = "C"
NOT_SLICED: Final = 0
"""What a statement without slices has in place of one."""


def places(columns: int) -> list[int]:
    """By which number a statement of so many columns, or slices, names each: GROUPING has a bit for each of the others.

    >>> places(3)
    [3, 5, 6]
    """
    return [2**columns - 1 - 2 ** (columns - 1 - i) for i in range(columns)]


def distinct_values(columns: tuple[str, ...], looked_at: int, event_time: str) -> sa.SelectBase:
    """(place, distinct values) of each column in so many rows, whichever the database comes upon."""
    read = _values(columns, (), event_time).limit(looked_at).subquery("read")
    values = list(read.c)
    each = sa.select(_place(values).label("place")).group_by(_each_of([value] for value in values)).subquery("each")
    return sa.select(each.c.place, sa.func.count()).group_by(each.c.place)


def several_categories(
    columns: tuple[str, ...], slices: tuple[Binning, ...], limits: tuple[int, int], event_time: str
) -> sa.SelectBase:
    """(place, by, code, bucket, value, rows, damaged) of columns whose categories the table `categories` (place, name,
    code) has; of a place see `places`. limits: rare, most as of text_query.unseen_values.

    A cell is a bucket's rows in the bucket `code` of the slice column `by`; what a slice column's cells of one bucket
    add up to is the whole's. What has no bucket itself tells of a value that has none: as unseen_values does, of each
    column.
    """
    counted = _counted(columns, slices, event_time)
    names = source("place", "name", "code", name="categories")
    is_named = sa.and_(counted.c.place == names.c.place, counted.c.value == names.c.name)
    looked_up = sa.select(*counted.c, names.c.code.label("named")).select_from(counted.outerjoin(names, is_named))
    found = looked_up.cte("found").prefix_with("MATERIALIZED")
    bucket = sa.case((found.c.value.is_(None), whole(NULL)), else_=sa.func.coalesce(found.c.named, whole(OTHER)))
    keys = found.c.place, found.c.by, found.c.code, bucket
    cells = sa.select(*keys, _none(sa.String), _rows_of(found), _none(sa.BigInteger)).group_by(*keys)
    return cells.union_all(_unseen(found, places(len(slices))[0] if slices else NOT_SLICED, *limits))


def _counted(columns: tuple[str, ...], slices: tuple[Binning, ...], event_time: str) -> sa.CTE:
    """Rows by value, of each column on its own and with each slice."""
    read = _values(columns, slices, event_time).subquery("read")
    values, codes = list(read.c)[: len(columns)], list(read.c)[len(columns) :]
    keys = {
        "place": _place(values),
        "by": _place(codes) if codes else whole(NOT_SLICED),
        # Columns may have orders of letters of their own, of which none would be the value's.
        "value": sa.func.coalesce(*(sa.collate(value, _LETTER_BY_LETTER) for value in values)),
        "code": sa.func.coalesce(*codes) if codes else whole(NOT_SLICED),
    }
    sets = ([value, code] for value in values for code in codes) if codes else ([value] for value in values)
    rows = sa.select(*(key.label(name) for name, key in keys.items()), sa.func.count().label("rows"))
    # Once, for it is named twice.
    return rows.group_by(_each_of(sets)).cte("counted").prefix_with("MATERIALIZED")


def _unseen(found: sa.CTE, by: int, rare: int, most: int) -> sa.Select[Any]:
    is_unseen = sa.and_(found.c.by == whole(by), found.c.value.is_not(None), found.c.named.is_(None))
    values = sa.select(found.c.place, found.c.value, _rows_of(found).label("rows")).where(is_unseen)
    one = values.group_by(found.c.place, found.c.value).subquery("one").c
    damaged = sa.func.sum(sa.case((looks_damaged(one.value), one.rows), else_=whole(0))).over(partition_by=one.place)
    rank = sa.func.row_number().over(partition_by=one.place, order_by=(one.rows.desc(), one.value))
    each = sa.select(*one, sa.cast(damaged, sa.BigInteger).label("damaged"), rank.label("rank")).subquery("each").c
    often = sa.case((each.rows >= whole(rare), each.value))
    told = each.place, whole(by), whole(NOT_SLICED), _none(sa.BigInteger), often, each.rows, each.damaged
    return sa.select(*told).where(each.rank <= whole(most))


def _values(columns: tuple[str, ...], slices: tuple[Binning, ...], event_time: str) -> sa.Select[Any]:
    timed = [event_time] if event_time else []
    table = source(*dict.fromkeys([*columns, *(s.column for s in slices), *timed]))
    values = [text(table.c[name]).label(f"v{i}") for i, name in enumerate(columns)]
    codes = [category(table.c[s.column], s).label(f"s{i}") for i, s in enumerate(slices)]
    return sa.select(*values, *codes).where(in_window(table, event_time))


def _place(columns: list[Any]) -> Expression:
    return sa.cast(sa.func.grouping(*columns), sa.BigInteger)


def _each_of(sets: Any) -> Expression:
    return sa.func.grouping_sets(*(sa.tuple_(*keys) for keys in sets))


def _rows_of(found: sa.CTE) -> Expression:
    return sa.cast(sa.func.sum(found.c.rows), sa.BigInteger)


def _none(kind: type[Any]) -> Expression:
    return sa.cast(sa.null(), kind)
