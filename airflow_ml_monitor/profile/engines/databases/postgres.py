"""PostgreSQL's text of the statements: every value with its type; and, on request, arithmetic that never stops.

Where another engine says infinity, or 0, PostgreSQL raises "value out of range", and a single 1e200 among a column's
values would be the end of its scan. Such a statement is asked again in guarded form: operations on numbers so large or
so small go through decimals, which have room for them. It takes many times as long, and is never needed by most.
"""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql.base import PGCompiler
from sqlalchemy.dialects.postgresql.psycopg2 import PGDialect_psycopg2
from sqlalchemy.sql.compiler import SQLCompiler

from airflow_ml_monitor.profile.engines.databases.guarded import NUMBERS, GuardedCompiler

_CASTS: Final = {
    sa.Double: "double precision",
    sa.BigInteger: "bigint",
    sa.String: "varchar",
    sa.Boolean: "boolean",
    sa.TIMESTAMP: "timestamp",
}
_HUGE: Final = "1.7976931348623157e308::numeric"
_TINY: Final = "4.94065645841247e-324::numeric"


def _cast(kind: sa.types.TypeEngine[Any]) -> str:
    """The type of a value, where statements say it; a bare 1.5 would be a decimal."""
    if isinstance(kind, sa.ARRAY):
        return f"{_cast(kind.item_type)}[]"
    if isinstance(kind, sa.TIMESTAMP) and kind.timezone:
        return "timestamptz"
    return _CASTS.get(type(kind), "")


class _Typed(PGCompiler):
    """Values with their types."""

    def visit_bindparam(self, bindparam: sa.BindParameter[Any], *flags: Any, **more: Any) -> str:
        written: str = super().visit_bindparam(bindparam, *flags, **more)  # type: ignore[no-untyped-call]
        kind = _cast(bindparam.type)
        return f"{written}::{kind}" if kind else written


class _Guarded(GuardedCompiler, _Typed):
    """Sums, differences, products and shares of doubles as IEEE 754 has them: out of range is infinite, or 0."""

    operation = staticmethod(lambda a, b, sign: _guarded(a, b, sign))

    def visit_sum_func(self, function: Any, **more: Any) -> str:
        [values] = (self.process(clause, **more) for clause in function.clauses)
        if not isinstance(function.type, NUMBERS) or more.get("within_window"):
            return f"sum({values})"
        return _as_double(f"sum(({values})::numeric)")

    def visit_stddev_samp_func(self, function: Any, **more: Any) -> str:
        [values] = (self.process(clause, **more) for clause in function.clauses)
        # Squares of more are infinite elsewhere.
        return f"CASE WHEN max(abs({values})) < 1e150 THEN {_as_double(f'stddev_samp(({values})::numeric)')} END"

    def visit_over(self, over: Any, **more: Any) -> str:
        inside = {**more, "within_window": True}
        written: str = super().visit_over(over, **inside)  # type: ignore[no-untyped-call]
        return written

    def visit_funcfilter(self, funcfilter: Any, **more: Any) -> str:
        inside = {**more, "within_window": True}
        written: str = super().visit_funcfilter(funcfilter, **inside)  # type: ignore[no-untyped-call]
        return written


def _as_double(x: str) -> str:
    """A decimal as the nearest double."""
    return (
        f"CASE WHEN {x} = 'NaN' THEN 'NaN'::float8 WHEN {x} > {_HUGE} THEN 'Infinity'::float8 "
        f"WHEN {x} < -{_HUGE} THEN '-Infinity'::float8 WHEN abs({x}) < {_TINY} THEN 0::float8 ELSE ({x})::float8 END"
    )


_SAFE: Final = {
    "+": "abs(a) < 8e307 AND abs(b) < 8e307",
    "-": "abs(a) < 8e307 AND abs(b) < 8e307",
    "*": "abs(a) BETWEEN 1e-150 AND 1e150 AND abs(b) BETWEEN 1e-150 AND 1e150 OR a = 0 OR b = 0",
    "/": "b <> 0 AND (abs(a) BETWEEN 1e-10 AND abs(b) AND abs(b) BETWEEN 1 AND 1e290 "
    "OR abs(a) BETWEEN 1e-150 AND 1e150 AND abs(b) BETWEEN 1e-150 AND 1e150 OR a = 0)",
}
"""Where a result is surely in range."""


def _guarded(a: str, b: str, sign: str) -> str:
    """An operation that cannot raise; the offsets have both sides worked out once, however often they are named."""
    divisor = "NULLIF(b, 0)" if sign == "/" else "b"
    # What is infinite or no number stays so.
    direct = f"{_SAFE[sign]} OR NOT (abs(a) < 'Infinity' AND abs(b) < 'Infinity')"
    exact = f"(SELECT a::numeric {sign} {divisor}::numeric AS x OFFSET 0) AS n"
    sides = f"(SELECT ({a})::float8 AS a, ({b})::float8 AS b OFFSET 0) AS o"
    slow = f"(SELECT {_as_double('x')} FROM {exact})"  # noqa: S608
    return f"(SELECT CASE WHEN {direct} THEN a {sign} {divisor} ELSE {slow} END FROM {sides})"  # noqa: S608


def _dialect(compiler: type[SQLCompiler]) -> sa.Dialect:
    made: sa.Dialect = PGDialect_psycopg2()  # type: ignore[no-untyped-call]
    made.statement_compiler = compiler
    return made


PLAIN: Final = _dialect(_Typed)
GUARDED: Final = _dialect(_Guarded)
