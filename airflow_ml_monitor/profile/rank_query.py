"""Statements for databases that have no function of quantiles: the same numbers, by the ranks of values."""

from __future__ import annotations

import sqlalchemy as sa

from airflow_ml_monitor.profile.dataset import Kind
from airflow_ml_monitor.profile.query import Expression, in_window, number, number_of, source, whole


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
    return sa.select(sa.func.count(), *(_quantile(ranked, "nth", "last", "x", p) for p in (0.25, 0.5, 0.75)), deviation)


def _quantile(ranked: sa.Subquery, nth: str, last: str, of: str, p: float) -> Expression:
    """Between the two values next to it, as PERCENTILE_CONT has it."""
    at = ranked.c[last] * number(p)
    below = sa.func.floor(at, type_=sa.Double)
    low = sa.func.max(sa.case((ranked.c[nth] == below, ranked.c[of])), type_=sa.Double)
    high = sa.func.min(sa.case((ranked.c[nth] >= at, ranked.c[of])), type_=sa.Double)
    return low + sa.func.max(at - below, type_=sa.Double) * (high - low)
