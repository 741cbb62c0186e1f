"""Statements over texts: how they are written, and whether they were decoded wrongly. Only counts leave the engine."""

from __future__ import annotations

import sqlalchemy as sa

from airflow_ml_monitor.profile.query import Expression, in_window, source, text
from airflow_ml_monitor.profile.text_forms import DAMAGE, VALUES, wholly


def text_forms(column: str, event_time: str) -> sa.SelectBase:
    """(form, rows) of a column of texts; '' for what has no known form."""
    table = _table(event_time, column)
    value = sa.func.trim(text(table.c[column]), type_=sa.String)
    ladder = [(_is(value, pattern), sa.literal(name, sa.String)) for name, pattern in VALUES.items()]
    form = sa.case(*ladder, else_=sa.literal("", sa.String))
    where = sa.and_(in_window(table, event_time), table.c[column].is_not(None))
    return sa.select(form.label("form"), sa.func.count().label("rows")).where(where).group_by(form)


def damaged_values(column: str, event_time: str) -> sa.SelectBase:
    """Rows of a column whose value is not in the table `categories` and looks wrongly decoded."""
    table = _table(event_time, column)
    names = source("name", "code", name="categories")
    value = text(table.c[column])
    is_damaged = _is(value, f"(?:.|\n)*(?:{DAMAGE})(?:.|\n)*")
    return (
        sa.select(sa.func.count())
        .select_from(table.outerjoin(names, value == names.c.name))
        .where(in_window(table, event_time), names.c.code.is_(None), is_damaged)
    )


def _is(value: Expression, pattern: str) -> Expression:
    """Whether a whole text is of a pattern: DuckDB's `~` asks that by itself, PostgreSQL's needs the anchors."""
    return value.regexp_match(wholly(pattern))


def _table(event_time: str, column: str) -> sa.TableClause:
    return source(*dict.fromkeys([column, *([event_time] if event_time else [])]))
