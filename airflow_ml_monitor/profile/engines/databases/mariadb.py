"""MariaDB's text of the statements: every value with its type; and, on request, arithmetic that never stops.

MariaDB holds neither infinity nor NaN. A product out of range raises, a sum out of range is 0 without a word. Such a
statement is asked again in guarded form: what would be infinite is the largest double, which its answer means by it.
"""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.mysql.base import MySQLCompiler
from sqlalchemy.dialects.mysql.pymysql import MySQLDialect_pymysql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import visitors
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from airflow_ml_monitor.profile.engines.databases.guarded import NUMBERS, GuardedCompiler
from airflow_ml_monitor.profile.engines.databases.portable import LEAST, PortableCompiler
from airflow_ml_monitor.profile.queries.dialect import (
    ascending_mean,
    contains,
    drawn,
    gathered,
    instant,
    row_hash,
    seconds,
)

LARGEST: Final = float(LEAST.removeprefix("-"))
"""Stands for infinity where a statement is guarded."""
EXACT: Final = "utf8mb4_nopad_bin"
"""The order of texts in which only equal ones are equal: others take 'a', 'A' and 'a ' for one."""

_UTC: Final = "UTC"
_CASTS: Final[tuple[tuple[Any, str], ...]] = (
    (sa.Double, "DOUBLE"),
    (sa.Float, "DOUBLE"),
    (sa.Numeric, "DECIMAL(65, 0)"),
    (sa.Integer, "SIGNED"),
    (sa.DateTime, "DATETIME(6)"),
    (sa.Date, "DATE"),
    (sa.String, "CHAR"),
)


class exact_text(FunctionElement[str]):
    """A text of any encoding and order, to be compared letter by letter."""

    name = "exact_text"
    type = sa.String()
    inherit_cache = True


def is_moment(parameter: sa.BindParameter[Any]) -> bool:
    """Whether a parameter is a time: those that all statements share are nothing else."""
    return isinstance(parameter.type, sa.DateTime) or (
        parameter.required and isinstance(parameter.type, sa.types.NullType)
    )


class _Typed(PortableCompiler, MySQLCompiler):
    """Values with their types."""

    missing_last = "ISNULL({0}), {0}{1}"

    def visit_bindparam(self, bindparam: sa.BindParameter[Any], *flags: Any, **more: Any) -> str:
        written: str = super().visit_bindparam(bindparam, *flags, **more)  # type: ignore[no-untyped-call]
        # A time in quotes is compared as text with one that was read.
        return f"CAST({written} AS DATETIME(6))" if is_moment(bindparam) else written

    def visit_cast(self, cast: sa.Cast[Any], **more: Any) -> str:
        x = self.process(cast.clause, **more)
        if isinstance(cast.type, sa.Boolean):
            return f"({x} <> 0)"
        kind = next((name for base, name in _CASTS if isinstance(cast.type, base)), "")
        return f"CAST({x} AS {kind})" if kind else x

    def visit_funcfilter(self, funcfilter: Any, **more: Any) -> str:
        function, condition = funcfilter.func, self.process(funcfilter.criterion, **more)
        [of] = (self.process(clause, **more) for clause in function.clauses)
        chosen = f"CASE WHEN {condition} THEN {'1' if of == '*' else of} END"
        return _exact_mean(chosen) if isinstance(function, gathered) else f"{function.name}({chosen})"

    def visit_length_func(self, function: Any, **more: Any) -> str:
        # LENGTH counts bytes.
        return f"CHAR_LENGTH{self.function_argspec(function, **more)}"

    def visit_in_op_binary(self, binary: Any, _operator: Any, **more: Any) -> str:
        if not isinstance(binary.right, sa.ScalarSelect):
            return f"{self.process(binary.left, **more)} IN {self.process(binary.right, **more)}"
        # Two queries joined would be asked again for every row.
        inner = self.process(binary.right, **more)
        return f"{self.process(binary.left, **more)} IN (SELECT * FROM {inner} AS among)"  # noqa: S608

    def visit_regexp_match_op_binary(self, binary: Any, operator: Any, **more: Any) -> str:
        return _matches(self, binary.left, binary.right, **more)

    def get_select_precolumns(self, select: sa.Select[Any], **more: Any) -> str:
        # Tables as they are named: the largest first, then what is looked up for each of its rows. Left to choose, it
        # begins with the small ones, whose every pair meets every row.
        written: str = super().get_select_precolumns(select, **more)
        return f"{written}STRAIGHT_JOIN "

    def _generate_prefixes(self, stmt: Any, prefixes: Any, **more: Any) -> str:
        # It decides by itself what it holds.
        return "" if isinstance(stmt, sa.CTE) else str(super()._generate_prefixes(stmt, prefixes, **more))  # type: ignore[no-untyped-call]


class _Guarded(GuardedCompiler, _Typed):
    """Sums, differences, products and shares of doubles that end at the largest one."""

    operation = staticmethod(lambda a, b, sign: _guarded(a, b, sign))

    def visit_sum_func(self, function: Any, **more: Any) -> str:
        [values] = (self.process(clause, **more) for clause in function.clauses)
        if not isinstance(function.type, NUMBERS):
            return f"sum({values})"
        small = f"SUM(({values}) / 1e60)"
        return f"CASE WHEN ABS({small}) < 1.7e248 THEN SUM({values}) ELSE SIGN({small}) * {LARGEST!r} END"


def _guarded(a: str, b: str, sign: str) -> str:
    """An operation that cannot raise."""
    a, b = f"({a})", f"({b})"
    if sign in "+-":
        half = f"({a} / 2e0 {sign} {b} / 2e0)"
        return f"CASE WHEN ABS({half}) < 8.9e307 THEN {a} {sign} {b} ELSE SIGN({half}) * {LARGEST!r} END"
    size = f"LOG10(NULLIF(ABS({a}), 0)) {'+' if sign == '*' else '-'} LOG10(NULLIF(ABS({b}), 0))"
    return (
        f"CASE WHEN {a} = 0 OR {b} = 0 OR {size} < 308 THEN {a} {sign} {b} "
        f"WHEN {size} IS NOT NULL THEN SIGN({a}) * SIGN({b}) * {LARGEST!r} END"
    )


def _matches(compiler: SQLCompiler, value: Any, pattern: Any, **more: Any) -> str:
    """Whether a text holds a match; an end is that of the text, also of one that ends with a line's end."""
    written = str(pattern.value)
    if written.endswith("$"):
        written = f"{written.removesuffix('$')}\\z"
    return f"({compiler.process(value, **more)} REGEXP {compiler.process(sa.literal(written, sa.String), **more)})"


def zones(statement: sa.SelectBase) -> set[str]:
    """Those by whose clocks a statement reads times, besides UTC."""
    return {_zone(part) for part in visitors.iterate(statement) if isinstance(part, instant)} - {_UTC}


def _zone(element: instant) -> str:
    zone: Any = next(iter(element.clauses))
    return str(zone.value)


def _exact_mean(x: str) -> str:
    # Of decimals, whose sum is the same in any order.
    return f"AVG(CAST({x} AS DECIMAL(65, 30)))"


def _dialect(compiler: type[SQLCompiler]) -> sa.Dialect:
    made: sa.Dialect = MySQLDialect_pymysql(paramstyle="pyformat")
    made.name, made.is_mariadb, made.statement_compiler = "mariadb", True, compiler  # type: ignore[attr-defined]
    return made


PLAIN: Final = _dialect(_Typed)
GUARDED: Final = _dialect(_Guarded)


@compiles(exact_text, "mariadb")
def _exact(element: exact_text, compiler: SQLCompiler, **more: Any) -> str:
    [column] = element.clauses
    return f"CONVERT({compiler.process(column, **more)} USING utf8mb4) COLLATE {EXACT}"


@compiles(row_hash, "mariadb")
def _hash(element: row_hash, compiler: SQLCompiler, **more: Any) -> str:
    listed = (f"COALESCE(CAST({compiler.process(x, **more)} AS CHAR), CHAR(30))" for x in element.clauses)
    return f"CAST(CONV(LEFT(MD5(CONCAT_WS(CHAR(31), {', '.join(listed)})), 15), 16, 10) AS SIGNED)"


@compiles(seconds, "mariadb")
def _epoch(element: seconds, compiler: SQLCompiler, **more: Any) -> str:
    [moment] = element.clauses
    return f"(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', {compiler.process(moment, **more)}) / 1e6)"


@compiles(instant, "mariadb")
def _instant(element: instant, compiler: SQLCompiler, **more: Any) -> str:
    zone, moment = (compiler.process(clause, **more) for clause in element.clauses)
    return moment if _zone(element) == _UTC else f"CONVERT_TZ({moment}, {zone}, '+00:00')"


@compiles(drawn, "mariadb")
def _drawn(_element: drawn, _compiler: SQLCompiler, **_more: Any) -> str:
    return "RAND()"


@compiles(contains, "mariadb")
def _contains(element: contains, compiler: SQLCompiler, **more: Any) -> str:
    value, pattern = element.clauses
    return _matches(compiler, value, pattern, **more)


@compiles(gathered, "mariadb")
def _gathered(element: gathered, compiler: SQLCompiler, **more: Any) -> str:
    [x] = element.clauses
    return _exact_mean(compiler.process(x, **more))


@compiles(ascending_mean, "mariadb")
def _mean(element: ascending_mean, compiler: SQLCompiler, **more: Any) -> str:
    [mean] = element.clauses
    return f"CAST({compiler.process(mean, **more)} AS DOUBLE)"
