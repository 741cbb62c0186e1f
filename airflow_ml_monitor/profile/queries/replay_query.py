"""The statement that compares rows with their replay, column by column.

It reads `source` (the dataset) and `replay`, opened by the engine under these names.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from airflow_ml_monitor.profile.dataset import Kind
from airflow_ml_monitor.profile.queries.dialect import instant, not_a_number
from airflow_ml_monitor.profile.queries.ledger_columns import KeyReading, read_key
from airflow_ml_monitor.profile.queries.query import (
    Expression,
    epoch,
    flag,
    in_window,
    number,
    size,
    source,
    text,
    whole,
)

RELATIVE: Final = 1e-6
"""Of the larger of two numbers they may differ: sixteen times what a float of 32 bits is rounded by."""
NOTHING: Final = 1e-12
"""What is left of sums that cancel is no difference."""
MOMENT: Final = 0.0005
"""Seconds by which two times may differ: some stores keep milliseconds."""


@dataclass(frozen=True, slots=True)
class Compared:
    """A column that stands on both sides. zones: of its times here and there, '' where they carry theirs."""

    name: str
    kind: Kind
    zones: tuple[str, str] = ("", "")


@dataclass(frozen=True, slots=True)
class Pairing:
    """What is joined, and how. keys: (here, there), and how each is read."""

    keys: tuple[tuple[str, str], ...]
    readings: tuple[tuple[KeyReading, KeyReading], ...]
    columns: tuple[Compared, ...]
    event_time: str


def skew(pairing: Pairing) -> sa.SelectBase:
    """One row: rows in [:start, :end), those with one partner, those with several; then how many differ, by column."""
    columns, keys = pairing.columns, list(zip(pairing.keys, pairing.readings, strict=True))
    time = [pairing.event_time] if pairing.event_time else []
    p = source(*dict.fromkeys([*(mine for mine, _ in pairing.keys), *(c.name for c in columns), *time]))
    t = source(*dict.fromkeys([*(theirs for _, theirs in pairing.keys), *(c.name for c in columns)]), name="replay")
    here = [read_key(p.c[mine], reading) for (mine, _), (reading, _) in keys]
    there = [read_key(t.c[theirs], reading) for (_, theirs), (_, reading) in keys]
    is_asked = in_window(p, pairing.event_time)
    # Grouped, so that a key that stands there twice brings no row twice; only keys of the window, or all would be.
    one = (
        sa.select(
            *(key.label(f"k{i}") for i, key in enumerate(there)),
            sa.func.count().label("rows"),
            *(sa.func.min(_value(t.c[c.name], c.kind, c.zones[1])).label(f"c{i}") for i, c in enumerate(columns)),
        )
        .where(sa.tuple_(*there).in_(sa.select(*here).where(is_asked)))
        .group_by(*there)
        .subquery("one")
    )
    same = sa.and_(*(key == one.c[f"k{i}"] for i, key in enumerate(here)))
    is_joined = one.c.rows == whole(1)
    differs = [_differs(_value(p.c[c.name], c.kind, c.zones[0]), one.c[f"c{i}"], c.kind) for i, c in enumerate(columns)]
    return (
        sa.select(
            sa.func.count(),
            sa.func.count().filter(is_joined),
            sa.func.count().filter(one.c.rows > whole(1)),
            *(sa.func.count().filter(sa.and_(is_joined, one_differs)) for one_differs in differs),
        )
        .select_from(p.outerjoin(one, same))
        .where(is_asked)
    )


def _value(column: Expression, kind: Kind, zone: str) -> Expression:
    """A value as it is compared: categories as text, times as moments; NaN is missing, as pandas writes it so."""
    if kind is Kind.CATEGORICAL:
        return text(column)
    if kind is Kind.DATETIME:
        moment = instant(sa.literal(zone, sa.String), column) if zone else column
        return sa.cast(epoch(moment), sa.Double)
    x = sa.cast(sa.cast(column, sa.Integer) if kind is Kind.BOOLEAN else column, sa.Double)
    return sa.func.nullif(x, not_a_number(), type_=sa.Double)


def _differs(a: Expression, b: Expression, kind: Kind) -> Expression:
    """True where two values are not the same; a missing one is the same as a missing one, and as no other."""
    alike: Expression = a == b
    if kind is not Kind.CATEGORICAL:
        d = a - b
        within = number(MOMENT)
        if kind is not Kind.DATETIME:
            within = number(RELATIVE) * sa.func.greatest(size(a), size(b), type_=sa.Double) + number(NOTHING)
        # d - d = 0 holds for finite d only: beside an infinite number every other would be near.
        alike = sa.or_(alike, sa.and_(d - d == number(0), size(d) <= within))
    lone = flag(a.is_(None)) != flag(b.is_(None))
    return sa.or_(lone, sa.and_(a.is_not(None), b.is_not(None), sa.not_(sa.func.coalesce(alike, sa.false()))))
