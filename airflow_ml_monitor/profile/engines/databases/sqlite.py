"""SQLite's text of the statements, and the functions that its connections are given.

SQLite has no times: they are read as whole microseconds since 1970, by UTC's clock or their own, whatever text they are
kept as. It holds infinity, and no NaN.
"""

from __future__ import annotations

import hashlib
import math
import re
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite.base import SQLiteCompiler
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from airflow_ml_monitor.profile.engines.databases.portable import PortableCompiler
from airflow_ml_monitor.profile.queries.dialect import (
    ascending_mean,
    contains,
    drawn,
    gathered,
    instant,
    row_hash,
    seconds,
)

DAY: Final = 86_400_000_000
"""Microseconds."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TICK: Final = timedelta(microseconds=1)
_CASTS: Final[tuple[tuple[Any, str], ...]] = (
    (sa.Double, "REAL"),
    (sa.Float, "REAL"),
    (sa.Integer, "INTEGER"),
    (sa.String, "TEXT"),
)


class moment_of_text(FunctionElement[int]):
    """Microseconds since 1970 of a time that is kept as text; NULL where it is none."""

    name = "moment_of_text"
    type = sa.BigInteger()
    inherit_cache = True


class _Compiler(PortableCompiler, SQLiteCompiler):
    """What SQLite says otherwise."""

    greatest = "max"
    least = "min"

    def visit_cast(self, cast: sa.Cast[Any], **more: Any) -> str:
        x = self.process(cast.clause, **more)
        if isinstance(cast.type, sa.Boolean):
            return f"({x} <> 0)"
        if isinstance(cast.type, sa.Date):
            return f"({x} / {DAY})"
        kind = next((name for base, name in _CASTS if isinstance(cast.type, base)), "")
        return f"CAST({x} AS {kind})" if kind else f"({x})"

    def visit_mod_func(self, function: Any, **more: Any) -> str:
        a, b = (self.process(clause, **more) for clause in function.clauses)
        return f"({a} % {b})"

    def visit_regexp_match_op_binary(self, binary: Any, operator: Any, **more: Any) -> str:
        return f"monitor_matches({self.process(binary.left, **more)}, {self.process(binary.right, **more)})"


def _dialect() -> sa.Dialect:
    made: sa.Dialect = SQLiteDialect_pysqlite(paramstyle="named")
    made.statement_compiler = _Compiler
    return made


PLAIN: Final = _dialect()


@compiles(moment_of_text, "sqlite")
def _moment(element: moment_of_text, compiler: SQLCompiler, **more: Any) -> str:
    return _called("monitor_moment", element, compiler, **more)


@compiles(row_hash, "sqlite")
def _hash(element: row_hash, compiler: SQLCompiler, **more: Any) -> str:
    return _called("monitor_hash", element, compiler, **more)


@compiles(drawn, "sqlite")
def _drawn(_element: drawn, _compiler: SQLCompiler, **_more: Any) -> str:
    # Of 64 bits, half of them below 0.
    return "(random() / 18446744073709551616.0 + 0.5)"


@compiles(contains, "sqlite")
def _contains(element: contains, compiler: SQLCompiler, **more: Any) -> str:
    return _called("monitor_matches", element, compiler, **more)


@compiles(instant, "sqlite")
def _instant(element: instant, compiler: SQLCompiler, **more: Any) -> str:
    return _called("monitor_instant", element, compiler, **more)


@compiles(ascending_mean, "sqlite")
def _mean(element: ascending_mean, compiler: SQLCompiler, **more: Any) -> str:
    return _called("monitor_mean", element, compiler, **more)


@compiles(gathered, "sqlite")
def _gathered(element: gathered, compiler: SQLCompiler, **more: Any) -> str:
    return f"group_concat({_called('monitor_digits', element, compiler, **more)}, ' ')"


@compiles(seconds, "sqlite")
def _epoch(element: seconds, compiler: SQLCompiler, **more: Any) -> str:
    [moment] = element.clauses
    return f"({compiler.process(moment, **more)} / 1e6)"


def _called(name: str, element: FunctionElement[Any], compiler: SQLCompiler, **more: Any) -> str:
    return f"{name}({', '.join(compiler.process(clause, **more) for clause in element.clauses)})"


def equip(connection: sqlite3.Connection) -> None:
    """Give a connection the functions that statements name; of mathematics those that its build has not."""
    own: dict[str, tuple[int, Callable[..., Any]]] = {
        "monitor_moment": (1, moment),
        "monitor_hash": (-1, _row_hash),
        "monitor_matches": (2, _matches),
        "monitor_instant": (2, _by_zone),
        "monitor_digits": (1, _digits),
        "monitor_mean": (1, _ascending_mean),
    }
    for name, (size, function) in own.items():
        connection.create_function(name, size, function, deterministic=True)
    for name, function in {"floor": _floor, "ln": _ln, "sqrt": _sqrt}.items():
        try:
            connection.execute(f"SELECT {name}(1.0)")
        except sqlite3.OperationalError:
            connection.create_function(name, 1, function, deterministic=True)


def moment(text: Any) -> int | None:
    """Of a text as ISO 8601 writes times; one without a zone by its own clock.

    >>> moment("1970-01-01 00:00:00.000001"), moment("1970-01-01T02:00:00+02:00"), moment("tomorrow")
    (1, 0, None)
    """
    try:
        at = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return microseconds(at)


def microseconds(at: datetime) -> int:
    """Since 1970."""
    return ((at if at.tzinfo else at.replace(tzinfo=UTC)) - _EPOCH) // _TICK


def _by_zone(zone: str, at: int | None) -> int | None:
    if at is None:
        return None
    naive = (_EPOCH + at * _TICK).replace(tzinfo=None)
    return microseconds(naive.replace(tzinfo=ZoneInfo(zone)))


def _row_hash(*values: Any) -> int:
    # Of 32 bits: a sum of two thousand million of them is a number still.
    return int.from_bytes(hashlib.blake2b(repr(values).encode(), digest_size=4).digest(), "big")


@lru_cache(maxsize=256)
def _expression(pattern: str) -> re.Pattern[str]:
    # An end is that of the text, also of one that ends with a line's end.
    return re.compile(f"{pattern.removesuffix('$')}\\Z" if pattern.endswith("$") else pattern)


def _matches(text: Any, pattern: str) -> bool | None:
    return None if text is None else _expression(pattern).search(str(text)) is not None


def _digits(x: float | None) -> str | None:
    return None if x is None else float(x).hex()


def _ascending_mean(digits: str | None) -> float | None:
    if not digits:
        return None
    values = sorted(map(float.fromhex, digits.split()))
    return sum(values) / len(values)


def _floor(x: float | None) -> float | None:
    return x if x is None or not math.isfinite(x) else float(math.floor(x))


def _ln(x: float | None) -> float | None:
    return math.log(x) if x is not None and x > 0 else None


def _sqrt(x: float | None) -> float | None:
    return math.sqrt(x) if x is not None and x >= 0 else None
