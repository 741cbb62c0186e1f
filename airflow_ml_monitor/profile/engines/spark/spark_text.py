"""Spark's text of the statements: every value with its type, written out, as no two releases bind them alike."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import IdentifierPreparer, SQLCompiler

from airflow_ml_monitor.profile.engines.databases.portable import PortableCompiler
from airflow_ml_monitor.profile.queries.dialect import (
    ascending_mean,
    contains,
    gathered,
    instant,
    is_on_calendar,
    item,
    quartiles,
    row_hash,
    seconds,
)

_CASTS: Final[tuple[tuple[Any, str], ...]] = (
    (sa.Double, "DOUBLE"),
    (sa.Float, "DOUBLE"),
    (sa.Numeric, "DECIMAL(38, 0)"),
    (sa.BigInteger, "BIGINT"),
    (sa.Integer, "INT"),
    (sa.Boolean, "BOOLEAN"),
    (sa.Date, "DATE"),
    (sa.String, "STRING"),
)
_MARK: Final = "\x00"
"""Around the name of a parameter that all statements share."""


def cast_name(kind: Any) -> str:
    """Spark's name of a type."""
    if isinstance(kind, sa.DateTime):
        return "TIMESTAMP_LTZ" if kind.timezone else "TIMESTAMP_NTZ"
    return next((name for base, name in _CASTS if isinstance(kind, base)), "")


def literal(value: Any, kind: Any = None) -> str:
    """A value as Spark SQL writes it.

    >>> literal(0.5), literal(3, sa.BigInteger()), literal(3), literal("it's"), literal(float("nan"))
    ('0.5D', '3L', '3', "'it\\\\'s'", "CAST('nan' AS DOUBLE)")
    """
    if value is None:
        return f"CAST(NULL AS {cast_name(kind)})" if cast_name(kind) else "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        name = "TIMESTAMP_LTZ" if value.tzinfo else "TIMESTAMP_NTZ"
        return f"{name} '{value.isoformat(sep=' ', timespec='microseconds')}'"
    if isinstance(value, date):
        return f"DATE '{value.isoformat()}'"
    if isinstance(value, str):
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    if isinstance(value, int):
        written = f"{value}L" if isinstance(kind, sa.BigInteger) else str(value)
    else:
        written = f"{float(value)!r}D" if math.isfinite(value) else f"CAST('{value}' AS DOUBLE)"
    return f"({written})" if written.startswith("-") else written


class _Preparer(IdentifierPreparer):
    """Names in backticks, every one."""

    def __init__(self, dialect: sa.Dialect) -> None:
        super().__init__(dialect, initial_quote="`", escape_quote="`")

    def _requires_quotes(self, value: str) -> bool:
        return True


class _Compiler(PortableCompiler):
    """What Spark says otherwise."""

    def visit_bindparam(self, bindparam: sa.BindParameter[Any], *_flags: Any, **_more: Any) -> str:
        if bindparam.required:
            return f"{_MARK}{bindparam.key}{_MARK}"
        return literal(bindparam.effective_value, bindparam.type)

    def visit_cast(self, cast: sa.Cast[Any], **more: Any) -> str:
        x, name = self.process(cast.clause, **more), cast_name(cast.type)
        return f"CAST({x} AS {name})" if name else f"({x})"

    def visit_over(self, over: Any, **more: Any) -> str:
        if over.element.name != "row_number" or over.order_by is not None:
            return super().visit_over(over, **more)
        # Rows are numbered in some order, or not at all: without groups by what no two of them share.
        if over.partition_by is None:
            return "monotonically_increasing_id()"
        return f"row_number() OVER (PARTITION BY {self.process(over.partition_by, **more)} ORDER BY NULL)"

    def visit_greatest_func(self, function: Any, **more: Any) -> str:
        # It passes over what is missing by itself.
        return f"greatest{self.function_argspec(function, **more)}"

    def visit_least_func(self, function: Any, **more: Any) -> str:
        return f"least{self.function_argspec(function, **more)}"

    def visit_mod_func(self, function: Any, **more: Any) -> str:
        a, b = (self.process(clause, **more) for clause in function.clauses)
        return f"({a} % {b})"

    def visit_mod_binary(self, binary: Any, operator: Any, **more: Any) -> str:
        return f"{self.process(binary.left, **more)} % {self.process(binary.right, **more)}"

    def visit_array_to_string_func(self, function: Any, **more: Any) -> str:
        column, between = (self.process(clause, **more) for clause in function.clauses)
        return f"array_join(CAST({column} AS ARRAY<STRING>), {between})"

    def visit_regexp_match_op_binary(self, binary: Any, operator: Any, **more: Any) -> str:
        return _matches(self, binary.left, binary.right, **more)

    def _generate_prefixes(self, stmt: Any, prefixes: Any, **more: Any) -> str:
        # It decides by itself what it holds.
        return "" if isinstance(stmt, sa.CTE) else str(super()._generate_prefixes(stmt, prefixes, **more))  # type: ignore[no-untyped-call]


class _SparkDialect(DefaultDialect):
    name = "spark"
    supports_native_boolean = True
    supports_statement_cache = False
    statement_compiler = _Compiler
    preparer: type[IdentifierPreparer] = _Preparer


SPARK: Final[sa.Dialect] = _SparkDialect(paramstyle="named")


def text_of(statement: sa.SelectBase, shared: Mapping[str, Any] | None = None) -> str:
    """A statement's text, with the values of its parameters."""
    written = str(statement.compile(dialect=SPARK)).split(_MARK)
    written[1::2] = [literal((shared or {})[name]) for name in written[1::2]]
    return "".join(written)


def _matches(compiler: SQLCompiler, value: Any, pattern: Any, **more: Any) -> str:
    """Whether a text holds a match; an end is that of the text, also of one that ends with a line's end."""
    written = str(pattern.value)
    if written.endswith("$"):
        written = f"{written.removesuffix('$')}\\z"
    return f"({compiler.process(value, **more)} RLIKE {literal(written)})"


def _listed(element: Any, compiler: SQLCompiler, **more: Any) -> list[str]:
    return [compiler.process(clause, **more) for clause in element.clauses]


@compiles(row_hash, "spark")
def _hash(element: row_hash, compiler: SQLCompiler, **more: Any) -> str:
    # A missing value is passed over by the hash: (NULL, 1) and (1, NULL) would be one.
    listed = (f"{x}, isnull({x})" for x in _listed(element, compiler, **more))
    # Without its sign, as remainders of it are taken.
    return f"(xxhash64({', '.join(listed)}) & {2**63 - 1}L)"


@compiles(seconds, "spark")
def _epoch(element: seconds, compiler: SQLCompiler, **more: Any) -> str:
    [moment] = _listed(element, compiler, **more)
    return f"(unix_micros(CAST({moment} AS TIMESTAMP_LTZ)) / 1e6D)"


@compiles(is_on_calendar, "spark")
def _is_there(element: is_on_calendar, compiler: SQLCompiler, **more: Any) -> str:
    [moment] = _listed(element, compiler, **more)
    return f"({moment} IS NOT NULL)"


@compiles(instant, "spark")
def _instant(element: instant, compiler: SQLCompiler, **more: Any) -> str:
    zone, moment = _listed(element, compiler, **more)
    return f"to_utc_timestamp(CAST({moment} AS TIMESTAMP_LTZ), {zone})"


@compiles(quartiles, "spark")
def _percentile(element: quartiles, compiler: SQLCompiler, **more: Any) -> str:
    [x] = _listed(element, compiler, **more)
    return f"percentile({x}, array(0.25, 0.5, 0.75))"


@compiles(item, "spark")
def _element_at(element: item, compiler: SQLCompiler, **more: Any) -> str:
    array, place = element.clauses
    return f"element_at({compiler.process(array, **more)}, {place.value})"


@compiles(contains, "spark")
def _contains(element: contains, compiler: SQLCompiler, **more: Any) -> str:
    value, pattern = element.clauses
    return _matches(compiler, value, pattern, **more)


@compiles(gathered, "spark")
def _gathered(element: gathered, compiler: SQLCompiler, **more: Any) -> str:
    return f"collect_list({', '.join(_listed(element, compiler, **more))})"


@compiles(ascending_mean, "spark")
def _mean(element: ascending_mean, compiler: SQLCompiler, **more: Any) -> str:
    [values] = _listed(element, compiler, **more)
    return f"(aggregate(array_sort({values}), 0D, (total, x) -> total + x) / nullif(size({values}), 0))"
