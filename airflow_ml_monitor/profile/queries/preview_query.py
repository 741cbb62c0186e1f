"""The statements by which data is looked at before its first run: spans, partners, rows by the clock, labels' arrival.

They read `source`, `labels` and `wanted` as the engine opens them; see query.py.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from airflow_ml_monitor.profile.label_source import LabelSource
from airflow_ml_monitor.profile.queries.dialect import instant, is_on_calendar, row_hash
from airflow_ml_monitor.profile.queries.label_events import label_value
from airflow_ml_monitor.profile.queries.ledger_columns import KeyReading, LedgerColumns, read_key
from airflow_ml_monitor.profile.queries.multilabel_query import has_undeclared
from airflow_ml_monitor.profile.queries.query import Expression, epoch, number, source, whole
from airflow_ml_monitor.profile.task import TaskKind

STEP: Final = 900
"""Seconds; rows are counted by quarters of an hour: every zone's midnight is the end of one."""

_DAY: Final = 86_400.0


def spans(name: str, columns: tuple[str, ...]) -> sa.SelectBase:
    """First and last moment of columns of times, one pair after the other, by UTC's clock; naive ones as they are."""
    table = source(*columns, name=name)
    ends = (end(table.c[column]) for column in columns for end in (sa.func.min, sa.func.max))
    return sa.select(*(sa.cast(end, sa.TIMESTAMP) for end in ends))


def partners(
    name: str,
    theirs: tuple[str, ...],
    readings: tuple[tuple[KeyReading, KeyReading], ...],
    columns: tuple[str, ...],
    most: int,
) -> sa.SelectBase:
    """Up to `most` rows of a table whose key is in `wanted` (nth, k0, k1 …): nth, c0, c1 …."""
    wanted = source("nth", *(f"k{i}" for i in range(len(theirs))), name="wanted")
    table = source(*dict.fromkeys([*theirs, *columns]), name=name)
    both = (
        read_key(wanted.c[f"k{i}"], mine) == read_key(table.c[column], other)
        for i, (column, (mine, other)) in enumerate(zip(theirs, readings, strict=True))
    )
    named = (table.c[column].label(f"c{i}") for i, column in enumerate(columns))
    return sa.select(wanted.c.nth, *named).select_from(wanted.join(table, sa.and_(*both))).limit(most)


def steps(event_time: str) -> sa.SelectBase:
    """(step of STEP seconds since 1970 by the column's own clock, rows); NULL: rows without a finite time."""
    moment = source(event_time).c[event_time]
    step = sa.cast(sa.func.floor(epoch(moment) / number(STEP), type_=sa.Double), sa.BigInteger)
    finite = sa.case((is_on_calendar(moment), step), else_=sa.null())
    return sa.select(finite, sa.func.count()).group_by(finite)


def label_values(columns: LedgerColumns, label: str) -> sa.SelectBase:
    """(labels that are there, those that count as 1, different values).

    Of several classes those count that are declared, of a ranking those above 0.
    """
    column = source(label).c[label]
    value, classes = label_value(columns, column), len(columns.task.classes)
    if columns.task.kind is TaskKind.MULTILABEL:
        hit: Expression = sa.not_(has_undeclared(columns.task, value))
    elif columns.task.kind is TaskKind.RANKING:
        hit = value > number(0)
    else:
        hit = value < whole(classes) if classes else value == whole(1)
    return sa.select(sa.func.count(column), sa.func.count().filter(hit), sa.func.count(column.distinct()))


def arrivals(
    columns: LedgerColumns, labels: LabelSource, clocks: tuple[str | None, str | None], one_in: int
) -> sa.SelectBase:
    """One row about keys, of which the hash picks one in `one_in`, on both sides alike.

    clocks: of the predictions' and the labels' times: '' aware, a zone for naive ones, None without times.
    Columns: predictions, labelled, orphans, labels (keys of each), repeated (label rows beyond a key's first); median,
    99th percentile and share below 0 of the delay in days, NULL without times.
    """
    mine, theirs, both = sides(columns, labels, clocks, one_in)
    delay = theirs.c.moment - mine.c.moment
    late = [sa.func.percentile_cont(number(part)).within_group(delay.asc()) for part in (0.5, 0.99)]
    count, lone = sa.func.count, mine.c.rows.is_(None)
    return sa.select(
        count(mine.c.rows),
        count(theirs.c.rows).filter(mine.c.rows.is_not(None)),
        count().filter(lone),
        count(theirs.c.rows),
        sa.cast(sa.func.coalesce(sa.func.sum(theirs.c.rows - whole(1)), whole(0)), sa.BigInteger),
        *late,
        sa.func.avg(sa.case((delay < number(0), number(1)), (delay >= number(0), number(0)))),
    ).select_from(mine.outerjoin(theirs, both, full=True))


def sides(
    columns: LedgerColumns, labels: LabelSource, clocks: tuple[str | None, str | None], one_in: int
) -> tuple[sa.CTE, sa.CTE, Expression]:
    """Keys of predictions, keys of labels, and when they are the same: k0 …, moment (the first, in days), rows."""
    dataset, label_time = columns.dataset, labels.label_time or ""
    p = source(*dict.fromkeys([*dataset.entity_key, *([dataset.event_time] if clocks[0] is not None else [])]))
    names = [*labels.key, labels.label, *([label_time] if clocks[1] is not None else [])]
    table = source(*dict.fromkeys(names), name="labels")
    there = sa.and_(*(table.c[name].is_not(None) for name in (*labels.key, labels.label)))
    mine = _firsts(p, columns.predicted_keys(p), _days(p, dataset.event_time, clocks[0]), one_in, sa.true())
    theirs = _firsts(table, columns.label_keys(labels, table), _days(table, label_time, clocks[1]), one_in, there)
    both = sa.and_(*(mine.c[f"k{i}"] == theirs.c[f"k{i}"] for i in range(len(labels.key))))
    return mine, theirs, both


def _firsts(
    table: sa.TableClause, keys: list[Expression], moment: Expression, one_in: int, there: Expression
) -> sa.CTE:
    """k0, k1 …, moment (the first), rows, by key."""
    # A bare literal, which takes the hash's type: signed and unsigned together would be 128 bits wide, and slow.
    part = sa.func.mod(row_hash(*keys), sa.literal_column(str(int(one_in)), sa.BigInteger))
    picked = part == sa.literal_column("0", sa.BigInteger) if one_in > 1 else sa.true()
    named = [key.label(f"k{i}") for i, key in enumerate(keys)]
    first = sa.select(*named, sa.func.min(moment).label("moment"), sa.func.count().label("rows"))
    return first.select_from(table).where(there, picked).group_by(*keys).cte(f"firsts_of_{table.name}")


def _days(table: sa.TableClause, column: str, clock: str | None) -> Expression:
    """A time as days since 1970."""
    if clock is None:
        return sa.cast(sa.null(), sa.Double)
    moment: Expression = table.c[column]
    if clock:
        moment = instant(sa.literal(clock, sa.String), moment)
    return sa.cast(epoch(moment), sa.Double) / number(_DAY)
