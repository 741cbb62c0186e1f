"""Text of the statements that MariaDB and SQLite share, where SQL's words are not known to them.

Neither has grouping sets: a statement of the whole and of its slices is one of each, joined, and reads rows as often.
Missing values come last in every order, as they do elsewhere, and the largest of some numbers is that of those that are
there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import operators, visitors
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import grouping_sets

from airflow_ml_monitor.profile.engines.scan import Build
from airflow_ml_monitor.profile.queries import preview_query, query, rank_query
from airflow_ml_monitor.profile.queries.dialect import is_on_calendar, not_a_number

BY_RANK: Final[Mapping[Build, Build]] = {
    query.spread: rank_query.spread,
    preview_query.arrivals: rank_query.arrivals,
}
"""Statements in place of those of quantiles."""

LEAST: Final = "-1.7976931348623157e308"
"""Of all doubles."""


class PortableCompiler(SQLCompiler):
    """What both write."""

    greatest = "GREATEST"
    least = "LEAST"
    missing_last = "{0}{1} NULLS LAST"
    """An expression {0} and its direction {1}, to order by with NULL after all others."""

    def visit_over(self, over: Any, **more: Any) -> str:
        written = over.element._compiler_dispatch(self, **more)
        parts = []
        if over.partition_by is not None and len(over.partition_by):
            parts.append(f"PARTITION BY {over.partition_by._compiler_dispatch(self, **more)}")
        if over.order_by is not None and len(over.order_by):
            parts.append(f"ORDER BY {', '.join(self._ordered(clause, **more) for clause in over.order_by)}")
        return f"{written} OVER ({' '.join(parts)})"

    def _ordered(self, clause: Any, **more: Any) -> str:
        descending = False
        while isinstance(clause, sa.UnaryExpression) and clause.modifier is not None:
            descending = descending or clause.modifier is operators.desc_op
            clause = clause.element
        return self.missing_last.format(self.process(clause, **more), " DESC" if descending else "")

    def visit_values(self, element: Any, *_: Any, **_more: Any) -> str:
        # Neither names the columns of VALUES.
        names = [self.preparer.quote(column.name) for column in element.columns]
        rows = []
        for chunk in element._data:
            for row in chunk:
                written = (self.process(sa.literal(x, c.type)) for x, c in zip(row, element.columns, strict=True))
                rows.append(f"SELECT {', '.join(f'{x} AS {name}' for x, name in zip(written, names, strict=True))}")
        return f"({' UNION ALL '.join(rows)}) AS {self.preparer.quote(element.name)}"

    def visit_greatest_func(self, function: Any, **more: Any) -> str:
        return self._of_those_there(function, self.greatest, LEAST, **more)

    def visit_least_func(self, function: Any, **more: Any) -> str:
        return self._of_those_there(function, self.least, LEAST.removeprefix("-"), **more)

    def _of_those_there(self, function: Any, name: str, none: str, **more: Any) -> str:
        written = (f"COALESCE({self.process(clause, **more)}, {none})" for clause in function.clauses)
        return f"NULLIF({name}({', '.join(written)}), {none})"


def parted(statement: sa.SelectBase) -> sa.SelectBase:
    """A statement without grouping sets: one of each set, joined; keys of the others are NULL there."""
    if not isinstance(statement, sa.Select):
        return statement
    found = (part for clause in statement._group_by_clauses for part in visitors.iterate(clause))
    grouped = next((part for part in found if isinstance(part, grouping_sets)), None)
    if grouped is None:
        return statement
    sets = [[_bare(key) for key in _bare(part).clauses] for part in grouped.clauses]
    every = [key for part in sets for key in part]
    parts = []
    for keys in sets:
        chosen = []
        for column in statement._raw_columns:
            bare: Any = _bare(column)
            is_absent = any(bare is key for key in every) and not any(bare is key for key in keys)
            chosen.append(sa.cast(sa.null(), bare.type).label(_name(column)) if is_absent else column)
        parts.append(statement.with_only_columns(*chosen, maintain_column_froms=True).group_by(None).group_by(*keys))
    return sa.union_all(*parts)


def _bare(column: Any) -> Any:
    while isinstance(column, sa.Label | sa.sql.elements.Grouping):
        column = column.element
    return column


def _name(column: Any) -> str:
    return str(column.name)


@compiles(not_a_number, "mariadb", "sqlite")
def _none(_element: not_a_number, _compiler: SQLCompiler, **_more: Any) -> str:
    # Neither holds one; what is cast of its name is 0.
    return "NULL"


@compiles(is_on_calendar, "mariadb", "sqlite")
def _is_there(element: is_on_calendar, compiler: SQLCompiler, **more: Any) -> str:
    [moment] = element.clauses
    return f"({compiler.process(moment, **more)} IS NOT NULL)"
