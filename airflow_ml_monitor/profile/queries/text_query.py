"""Statements over texts: how they are written, and whether they were decoded wrongly. Only counts leave the engine."""

from __future__ import annotations

import sqlalchemy as sa

from airflow_ml_monitor.profile.queries.query import Expression, in_window, source, text, whole
from airflow_ml_monitor.profile.text_forms import DAMAGE, VALUES, wholly


def text_forms(column: str, event_time: str) -> sa.SelectBase:
    """(form, rows) of a column of texts; '' for what has no known form."""
    table = _table(event_time, column)
    value = sa.func.trim(text(table.c[column]), type_=sa.String)
    ladder = [(_is(value, pattern), sa.literal(name, sa.String)) for name, pattern in VALUES.items()]
    form = sa.case(*ladder, else_=sa.literal("", sa.String))
    where = sa.and_(in_window(table, event_time), table.c[column].is_not(None))
    return sa.select(form.label("form"), sa.func.count().label("rows")).where(where).group_by(form)


def unseen_values(column: str, rare: int, most: int, event_time: str) -> sa.SelectBase:
    """(text, rows, damaged rows) of a column's values that the table `categories` does not name, the most frequent ones
    first, at most so many; NULL in place of a text that fewer than `rare` rows have.

    damaged: of all of them together, rows whose value looks wrongly decoded.
    """
    table = _table(event_time, column)
    names = source("name", "code", name="categories")
    value = text(table.c[column])
    # Values are counted before they are looked up, as in query.categorical_cells.
    every = (
        sa.select(value.label("value"), sa.func.count().label("rows"))
        .where(in_window(table, event_time), table.c[column].is_not(None))
        .group_by(value)
        .subquery("every")
    )
    found = (
        sa.select(every.c.value, every.c.rows)
        .select_from(every.outerjoin(names, every.c.value == names.c.name))
        .where(names.c.code.is_(None))
        .subquery("found")
    )
    damaged = sa.func.sum(sa.case((looks_damaged(found.c.value), found.c.rows), else_=whole(0))).over()
    often = sa.case((found.c.rows >= whole(rare), found.c.value))
    return (
        sa.select(often.label("value"), found.c.rows, sa.cast(damaged, sa.BigInteger).label("damaged"))
        .order_by(found.c.rows.desc(), found.c.value)
        .limit(most)
    )


def looks_damaged(value: Expression) -> Expression:
    """Whether a text looks wrongly decoded."""
    return _is(value, f"(?:.|\n)*(?:{DAMAGE})(?:.|\n)*")


def _is(value: Expression, pattern: str) -> Expression:
    """Whether a whole text is of a pattern: DuckDB's `~` asks that by itself, PostgreSQL's needs the anchors."""
    return value.regexp_match(wholly(pattern))


def _table(event_time: str, column: str) -> sa.TableClause:
    return source(*dict.fromkeys([column, *([event_time] if event_time else [])]))
