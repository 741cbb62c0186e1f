"""Statements for databases that have no function of quantiles, nor full joins: the same numbers, by ranks of values."""

from __future__ import annotations

import sqlalchemy as sa

from airflow_ml_monitor.profile.dataset import Kind
from airflow_ml_monitor.profile.label_source import LabelSource
from airflow_ml_monitor.profile.queries import preview_query
from airflow_ml_monitor.profile.queries.ledger_columns import LedgerColumns
from airflow_ml_monitor.profile.queries.query import Expression, in_window, number, number_of, source, whole


def spread(column: str, kind: Kind, event_time: str) -> sa.SelectBase:
    """See query.spread."""
    table = source(*dict.fromkeys([column, *([event_time] if event_time else [])]))
    x = number_of(table.c[column], kind)
    finite = sa.select(x.label("x")).where(in_window(table, event_time), x - x == number(0)).subquery("finite")
    count = sa.func.count().over()
    ranked = sa.select(
        finite.c.x,
        (sa.func.row_number().over(order_by=finite.c.x) - whole(1)).label("nth"),
        (count - whole(1)).label("last"),
        sa.func.avg(finite.c.x).over().label("mean"),
    ).subquery("ranked")
    squares = sa.func.sum((ranked.c.x - ranked.c.mean) * (ranked.c.x - ranked.c.mean))
    deviation = sa.func.sqrt(squares / sa.func.nullif(sa.func.max(ranked.c.last), whole(0)), type_=sa.Double)
    return sa.select(sa.func.count(), *(_quantile(ranked, "x", p) for p in (0.25, 0.5, 0.75)), deviation)


def arrivals(
    columns: LedgerColumns, labels: LabelSource, clocks: tuple[str | None, str | None], one_in: int
) -> sa.SelectBase:
    """See preview_query.arrivals; without a full join."""
    mine, theirs, both = preview_query.sides(columns, labels, clocks, one_in)
    delay = (theirs.c.moment - mine.c.moment).label("delay")
    found = sa.select(mine.c.rows.label("mine"), theirs.c.rows.label("theirs"), delay)
    none = sa.cast(sa.null(), sa.BigInteger), theirs.c.rows, sa.cast(sa.null(), sa.Double)
    lone = sa.select(*none).select_from(theirs.outerjoin(mine, both)).where(mine.c.rows.is_(None))
    pairs = sa.union_all(found.select_from(mine.outerjoin(theirs, both)), lone).subquery("pairs")
    ranked = sa.select(
        pairs,
        (sa.func.row_number().over(order_by=pairs.c.delay) - whole(1)).label("nth"),
        (sa.func.count(pairs.c.delay).over() - whole(1)).label("last"),
    ).subquery("ranked")
    count, late = sa.func.count, ranked.c.delay
    return sa.select(
        count(ranked.c.mine),
        count(ranked.c.theirs).filter(ranked.c.mine.is_not(None)),
        count().filter(ranked.c.mine.is_(None)),
        count(ranked.c.theirs),
        sa.cast(sa.func.coalesce(sa.func.sum(ranked.c.theirs - whole(1)), whole(0)), sa.BigInteger),
        *(_quantile(ranked, "delay", p) for p in (0.5, 0.99)),
        sa.func.avg(sa.case((late < number(0), number(1)), (late >= number(0), number(0)))),
    )


def _quantile(ranked: sa.Subquery, of: str, p: float) -> Expression:
    """Between the two values next to it, as PERCENTILE_CONT has it. nth, last: a value's place, and the last one's."""
    at = ranked.c.last * number(p)
    below = sa.func.floor(at, type_=sa.Double)
    low = sa.func.max(sa.case((ranked.c.nth == below, ranked.c[of])), type_=sa.Double)
    high = sa.func.min(sa.case((ranked.c.nth >= at, ranked.c[of])), type_=sa.Double)
    return low + sa.func.max(at - below, type_=sa.Double) * (high - low)
