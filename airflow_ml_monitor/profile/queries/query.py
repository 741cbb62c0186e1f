"""Layout → statement over user data, in SQLAlchemy Core, every literal typed.

Statements read a table that the engine opens under the name `source`; what changes from window to window is a
parameter, so that a statement is built once for each of its arguments. A literal without a type would be read as
DECIMAL by some engines, and 2 % of the rows change bucket. The ledger's statements are in label_query.py, what each
kind of task reads and sums in modules of the shape of reading.py, those that look at data before its first run in
preview_query.py.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql import quoted_name

from airflow_ml_monitor.profile.dataset import Kind
from airflow_ml_monitor.profile.layout import (
    MINUS_INF,
    MOST_CATEGORIES,
    NAN,
    NULL,
    OTHER,
    PLUS_INF,
    Binning,
)
from airflow_ml_monitor.profile.queries.dialect import (
    is_finite,
    item,
    low_bits,
    not_a_number,
    quartiles,
    row_hash,
    seconds,
)
from airflow_ml_monitor.profile.traces import WEEK_HOURS

Expression = sa.ColumnElement[Any]


def number(value: float) -> Expression:
    """A float literal with its type."""
    return sa.literal(float(value), sa.Double)


def whole(value: int) -> Expression:
    return sa.literal(int(value), sa.BigInteger)


def one_where(condition: Expression) -> Expression:
    """1 where a condition holds, else 0: what is summed to count such rows."""
    return part_where(condition, number(1))


def part_where(condition: Expression, part: Expression) -> Expression:
    """A part of a sum where a condition holds, else 0; 0 too where the condition is NULL."""
    return sa.case((condition, part), else_=number(0))


def flag(condition: Expression) -> Expression:
    """1 where a condition holds, else 0, as a whole number."""
    return sa.case((condition, whole(1)), else_=whole(0))


def size(x: Expression) -> Expression:
    """The absolute value."""
    return sa.func.abs(x, type_=sa.Double)


def products(one: str, x: Expression, other: str, y: Expression) -> dict[str, Expression]:
    """Powers of two numbers and their products, up to the fourth order together, by their names: x, y2, x_y2 …"""
    found = {}
    for i in range(5):
        for j in range(5 - i):
            parts = [(name, of, k) for name, of, k in ((one, x, i), (other, y, j)) if k]
            if parts:
                name = "_".join(f"{part}{k if k > 1 else ''}" for part, _, k in parts)
                product = _power(parts[0][1], parts[0][2])
                for _, of, k in parts[1:]:
                    product = product * _power(of, k)
                found[name] = product
    return found


def powers(name: str, x: Expression, most: int) -> dict[str, Expression]:
    """x, x2, x3 … by their names."""
    return {f"{name}{k if k > 1 else ''}": _power(x, k) for k in range(1, most + 1)}


def _power(x: Expression, k: int) -> Expression:
    """x times itself, k times."""
    return x if k == 1 else _power(x, k - 1) * x


def source(*columns: str, name: str = "source") -> sa.TableClause:
    """A table of the engine, with the columns a statement names."""
    # Quoted, every one: what is a reserved word differs from engine to engine.
    return sa.table(name, *(sa.column(quoted_name(column, True)) for column in columns))


def epoch(moment: Expression) -> Expression:
    """Seconds since 1970 of a time; sessions run in UTC."""
    return seconds(moment)


def number_of(column: Expression, kind: Kind) -> Expression:
    """A value as a double, a time in seconds."""
    if kind is Kind.DATETIME:
        return sa.cast(epoch(column), sa.Double)
    if kind is Kind.BOOLEAN:
        return sa.cast(sa.cast(column, sa.Integer), sa.Double)
    return sa.cast(column, sa.Double)


def text(column: Expression) -> Expression:
    return sa.cast(column, sa.String)


def hashed(*columns: Expression) -> Expression:
    """A whole number for the values of a row, below 2²⁴: sums stay whole in a double over 500 million rows.

    Hashed twice: engines join the columns' hashes bit by bit, and of two rows that exchange a value one pair in a
    thousand would leave its sum as it was.
    """
    return sa.cast(low_bits(row_hash(row_hash(*columns))), sa.Double)


def category(column: Expression, binning: Binning) -> Expression:
    """A category's (or boolean's) bucket, by comparison: for slices, which have few."""
    if binning.kind is Kind.BOOLEAN:
        x = number_of(column, Kind.BOOLEAN)
        ladder = [(x == number(v), whole(i)) for i, v in enumerate(binning.values)]
    else:
        ladder = [(text(column) == sa.literal(c, sa.String), whole(i)) for i, c in enumerate(binning.categories)]
    return sa.case((column.is_(None), whole(NULL)), *ladder, else_=whole(OTHER))


def _bucket(x: Expression, d: Expression, binning: Binning, resolution: int) -> Expression:
    """The bucket of a number that lies d from the centre."""
    if binning.values:
        inside: Expression = sa.case(
            *((x == number(v), whole(i)) for i, v in enumerate(binning.values)), else_=whole(OTHER)
        )
    else:
        share = d / (number(binning.scale) + sa.func.abs(d, type_=sa.Double))
        inside = sa.cast(sa.func.floor(number(resolution) * share, type_=sa.Double), sa.BigInteger)
    return sa.case(
        (x.is_(None), whole(NULL)),
        (is_finite(d), inside),
        (x == not_a_number(), whole(NAN)),
        (x > number(0), whole(PLUS_INF)),
        else_=whole(MINUS_INF),
    )


def _table(event_time: str, *columns: str, name: str = "source") -> sa.TableClause:
    return source(*dict.fromkeys([*columns, *([event_time] if event_time else [])]), name=name)


def in_window(table: sa.TableClause, event_time: str) -> Expression:
    """Rows whose event time lies in [:start, :end), bounds in the column's own terms; every row if it has no name."""
    if not event_time:
        return sa.true()
    moment = table.c[event_time]
    return sa.and_(moment >= sa.bindparam("start"), moment < sa.bindparam("end"))


def numeric_cells(binning: Binning, slices: tuple[Binning, ...], event_time: str) -> sa.SelectBase:
    """A numeric, boolean or time column's cells, of the whole and of every slice, in one scan.

    Columns: bucket (whole; NULL for slices), s0, s1 … (the slice column's bucket, NULL where not sliced by it), count,
    d1, d2, low, high (of use where the bucket holds finite numbers) and, with slices, coarse (NULL for the whole).
    """
    table = _table(event_time, binning.column, *(s.column for s in slices))
    x = number_of(table.c[binning.column], binning.kind)
    codes = [category(table.c[s.column], s).label(f"s{i}") for i, s in enumerate(slices)]
    read = (
        sa.select(x.label("x"), (x - number(binning.centre)).label("d"), *codes)
        .where(in_window(table, event_time))
        .subquery("read")
    )
    cut = [_bucket(read.c.x, read.c.d, binning, binning.resolution).label("bucket")]
    if slices:
        cut.append(_bucket(read.c.x, read.c.d, binning, binning.coarse).label("coarse"))
    rows = sa.select(*read.c, *cut).subquery("rows")
    sliced, joined = [rows.c[c.name] for c in codes], [rows.c.coarse] if slices else []
    return sa.select(
        rows.c.bucket,
        *joined,
        *sliced,
        sa.func.count().label("count"),
        sa.func.sum(rows.c.d).label("d1"),
        sa.func.sum(rows.c.d * rows.c.d).label("d2"),
        sa.func.min(rows.c.x).label("low"),
        sa.func.max(rows.c.x).label("high"),
    ).group_by(*sets([rows.c.bucket], sliced, joined))


def categorical_cells(column: str, slices: tuple[Binning, ...], event_time: str) -> sa.SelectBase:
    """A categorical column's cells, as numeric_cells, without sums.

    Its categories are looked up in the table `categories` (name, code): a thousand of them are too many to compare
    one by one, and values that have no bucket, however many, never leave the engine.
    """
    table = _table(event_time, column, *(s.column for s in slices))
    names = source("name", "code", name="categories")
    codes = [category(table.c[s.column], s).label(f"s{i}") for i, s in enumerate(slices)]
    read = sa.select(text(table.c[column]).label("value"), *codes).where(in_window(table, event_time))
    if len(slices) < 2:
        # Values are counted before they are looked up, which takes half the time; of two slice columns there are more
        # combinations than that saves.
        keys = list(read.selected_columns)
        read = read.add_columns(sa.func.count().label("rows")).group_by(*(key.element for key in keys))
    else:
        read = read.add_columns(whole(1).label("rows"))
    found = read.subquery("found")
    bucket = sa.case((found.c.value.is_(None), whole(NULL)), else_=sa.func.coalesce(names.c.code, whole(OTHER)))
    rows = (
        sa.select(bucket.label("bucket"), *(found.c[c.name] for c in codes), found.c.rows)
        .select_from(found.outerjoin(names, found.c.value == names.c.name))
        .subquery("rows")
    )
    sliced = [rows.c[c.name] for c in codes]
    count = sa.cast(sa.func.sum(rows.c.rows), sa.BigInteger).label("count")
    return sa.select(rows.c.bucket, *sliced, count).group_by(*sets([rows.c.bucket], sliced, [rows.c.bucket]))


def values(columns: tuple[tuple[str, Kind], ...], event_time: str) -> sa.SelectBase:
    """The rows themselves, as the kernel reads them: c0, c1 … as numbers or, if categorical, as text."""
    table = _table(event_time, *(name for name, _ in columns))
    read = [
        text(table.c[name]) if kind is Kind.CATEGORICAL else number_of(table.c[name], kind) for name, kind in columns
    ]
    return sa.select(*(column.label(f"c{i}") for i, column in enumerate(read))).where(in_window(table, event_time))


def sets(whole_keys: list[Any], slices: list[Any], slice_keys: list[Any]) -> list[Any]:
    """What to group by: the whole's keys and, in the same scan, each slice column with the slices' keys."""
    if not slices:
        return whole_keys
    parts = [sa.tuple_(*whole_keys), *(sa.tuple_(s, *slice_keys) for s in slices)]
    return [sa.func.grouping_sets(*parts)]


def held(rows: sa.Select[Any]) -> sa.CTE:
    """Labelled rows, worked out once: engines write a subquery's expressions out wherever they are named.

    Of several classes the label's score would cost K² a row; of quantiles that are forecast the plan alone would cost
    more than the rows.
    """
    return rows.cte("rows").prefix_with("MATERIALIZED")


def totals(moment: str, keys: tuple[str, ...], event_time: str, name: str = "source") -> sa.SelectBase:
    """rows, groups (distinct keys) and newest (of the times in `moment`, seconds since 1970 in its own clock).

    Without keys groups is rows; without `moment` newest is NULL.
    """
    table = _table(event_time, *keys, *([moment] if moment else []), name=name)
    newest: Expression = sa.null()
    if moment:
        # Within a window every time is finite: the latest is told by a file's statistics where they say that all rows
        # lie there; only of an infinite one there are no seconds, which all others would be passed over with.
        latest = sa.func.max(table.c[moment])
        newest = epoch(latest) if moment == event_time else sa.func.max(epoch(table.c[moment]))
    where = in_window(table, event_time)
    if not keys:
        return sa.select(sa.func.count(), sa.func.count(), newest).select_from(table).where(where)
    groups = (
        sa.select(sa.func.count().label("rows"), newest.label("newest"))
        .select_from(table)
        .where(where)
        .group_by(*(table.c[key] for key in keys))
        .subquery("groups")
    )
    rows = sa.cast(sa.func.coalesce(sa.func.sum(groups.c.rows), whole(0)), sa.BigInteger)
    return sa.select(rows, sa.func.count(), sa.func.max(groups.c.newest)).select_from(groups)


def by_value(column: str, rare: int, event_time: str, name: str = "source") -> sa.SelectBase:
    """(text, rows) of a column's values with at least `rare` rows, the most frequent first."""
    table = _table(event_time, column, name=name)
    value = text(table.c[column])
    # By name: Spark 3 does not find the column of an expression below a HAVING.
    named, rows = value.label("value"), sa.func.count().label("rows")
    return (
        sa.select(named, rows)
        .where(in_window(table, event_time), table.c[column].is_not(None))
        .group_by(value)
        .having(sa.func.count() >= whole(rare))
        .order_by(rows.desc(), named)
        .limit(MOST_CATEGORIES)
    )


def hours(moment: str, event_time: str, name: str = "source") -> sa.SelectBase:
    """(hour of the week, rows), in the clock of the times in `moment`."""
    table = _table(event_time, moment, name=name)
    hour = sa.func.floor(epoch(table.c[moment]) / number(3600.0), type_=sa.Double)
    where = sa.and_(in_window(table, event_time), table.c[moment].is_not(None))
    # The remainder is taken of hours, not of rows, which are many more.
    found = sa.select(hour.label("hour"), sa.func.count().label("rows")).where(where).group_by(hour).subquery("found")
    week, of_all = whole(WEEK_HOURS), sa.cast(found.c.hour, sa.BigInteger)
    # Before 1970 too, where the remainder would be negative.
    of_week = (of_all % week + week) % week
    rows = sa.cast(sa.func.sum(found.c.rows), sa.BigInteger).label("rows")
    return sa.select(of_week.label("hour"), rows).group_by(of_week)


def few_values(column: str, kind: Kind, most: int, event_time: str) -> sa.SelectBase:
    """Up to most + 1 distinct finite values."""
    table = _table(event_time, column)
    x = number_of(table.c[column], kind)
    return sa.select(x).where(in_window(table, event_time), x - x == number(0)).distinct().limit(most + 1)


def spread(column: str, kind: Kind, event_time: str) -> sa.SelectBase:
    """(rows, quartiles, standard deviation) of a column's finite values."""
    table = _table(event_time, column)
    x = number_of(table.c[column], kind)
    where = sa.and_(in_window(table, event_time), x - x == number(0))
    # Together: each on its own would gather and sort every value again.
    found = sa.select(
        sa.func.count().label("rows"), quartiles(x).label("quartiles"), sa.func.stddev_samp(x).label("deviation")
    ).where(where)
    of = found.subquery("found").c
    return sa.select(of.rows, *(item(of.quartiles, whole(i)) for i in (1, 2, 3)), of.deviation)


def sample(columns: tuple[str, ...], limit: int, event_time: str) -> sa.SelectBase:
    """Up to `limit` rows of some columns."""
    table = _table(event_time, *columns)
    return sa.select(*(table.c[name] for name in columns)).where(in_window(table, event_time)).limit(limit)
