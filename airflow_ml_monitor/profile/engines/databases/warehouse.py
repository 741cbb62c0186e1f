"""Text of the statements for warehouses: what they have in common, and where each has words of its own.

Values stand in the text itself, with their types: what is sent is what was checked, and no driver's way to bind one is
in between. A text's quotes, backslashes and control characters are written by their numbers, so that nothing depends on
how a warehouse escapes them.
"""

from __future__ import annotations

import re
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import operators
from sqlalchemy.sql.compiler import IdentifierPreparer, SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from airflow_ml_monitor.profile.engines.databases.portable import PortableCompiler
from airflow_ml_monitor.profile.engines.databases.warehouse_values import MARK, escaped_literal, literal, type_of
from airflow_ml_monitor.profile.engines.databases.warehouse_words import Words
from airflow_ml_monitor.profile.queries.dialect import (
    contains,
    instant,
    is_on_calendar,
    not_a_number,
    row_hash,
    seconds,
)

NAMES: Final = ("snowflake", "bigquery", "redshift", "trino", "databricks")

_RUNNING: Final = frozenset({"sum", "count", "min", "max", "avg", "first_value"})


class structured(FunctionElement[str]):
    """A value with parts, as text."""

    name = "structured"
    type = sa.String()
    inherit_cache = True


class _Quoted(IdentifierPreparer):
    """Every name in quotes: which are reserved differs."""

    def _requires_quotes(self, value: str) -> bool:
        return True

    def quote_identifier(self, value: str) -> str:
        words: Words = self.dialect.words  # type: ignore[attr-defined]
        # Names of some sums; no table's column has such a name there.
        is_odd = "@" in value and not words.names_anything
        written: str = super().quote_identifier(re.sub(r"\W", "_", value) if is_odd else value)
        return written


class WarehouseDialect(DefaultDialect):
    """SQLAlchemy's dialect of a warehouse's text; it connects to nothing."""

    supports_native_boolean = True
    supports_statement_cache = False
    div_is_floordiv = False

    def __init__(self, words: Words, compiler: type[SQLCompiler]) -> None:
        super().__init__(paramstyle="named")
        self.words = words
        self.name = words.name
        self.statement_compiler = compiler
        quote = words.quote
        self.identifier_preparer = _Quoted(self, initial_quote=quote, escape_quote=quote)


class WarehouseCompiler(PortableCompiler, SQLCompiler):
    """A statement as its dialect's words have it."""

    missing_last = "CASE WHEN {0} IS NULL THEN 1 ELSE 0 END, {0}{1}"

    @property
    def words(self) -> Words:
        found: Words = self.dialect.words  # type: ignore[attr-defined]
        return found

    def bindparam_string(self, name: str, *_: Any, **_more: Any) -> str:
        return f"{MARK}{name}{MARK}"

    def visit_cast(self, cast: sa.Cast[Any], **more: Any) -> str:
        x = self.process(cast.clause, **more)
        if isinstance(cast.type, sa.Boolean) and not self.words.casts_to_boolean:
            return f"({x} <> 0)"
        return f"CAST({x} AS {type_of(cast.type, self.words)})"

    def visit_binary(self, binary: sa.BinaryExpression[Any], *position: Any, **more: Any) -> str:
        if self.words.is_nan and binary.operator is operators.eq and isinstance(binary.right, not_a_number):
            return self.words.is_nan.format(self.process(binary.left, **more))
        plain: str = super().visit_binary(binary, *position, **more)  # type: ignore[no-untyped-call]
        return plain

    def visit_nullif_func(self, function: Any, **more: Any) -> str:
        x, other = function.clauses
        if self.words.is_nan and isinstance(other, not_a_number):
            written = self.process(x, **more)
            return f"CASE WHEN NOT {self.words.is_nan.format(written)} THEN {written} END"
        return f"NULLIF({self.process(x, **more)}, {self.process(other, **more)})"

    def visit_mod_binary(self, binary: Any, operator: Any, **more: Any) -> str:
        return f"MOD({self.process(binary.left, **more)}, {self.process(binary.right, **more)})"

    def visit_is_not_distinct_from_binary(self, binary: Any, _operator: Any, **more: Any) -> str:
        a, b = (self.process(side, **more) for side in (binary.left, binary.right))
        if self.words.compares_missing:
            return f"{a} IS NOT DISTINCT FROM {b}"
        return f"({a} = {b} OR {a} IS NULL AND {b} IS NULL)"

    def visit_in_op_binary(self, binary: Any, _operator: Any, **more: Any) -> str:
        among = binary.right.element if isinstance(binary.right, sa.ScalarSelect) else None
        is_pair = among is not None and isinstance(binary.left, sa.sql.elements.Tuple) and len(binary.left.clauses) > 1
        if not is_pair or self.words.pairs == "rows":
            return f"{self.process(binary.left, **more)} IN {self.process(binary.right, **more)}"
        sides = [self.process(side, **more) for side in binary.left.clauses]
        found = _renamed(among).subquery("among")
        columns = [self.process(column, **more) for column in found.c]
        rows = self.process(found, asfrom=True, **more)
        if self.words.pairs == "structs":
            return f"({', '.join(sides)}) IN (SELECT ({', '.join(columns)}) FROM {rows})"  # noqa: S608
        same = " AND ".join(f"{side} = {column}" for side, column in zip(sides, columns, strict=True))
        return f"EXISTS (SELECT 1 FROM {rows} WHERE {same})"  # noqa: S608

    def visit_regexp_match_op_binary(self, binary: Any, operator: Any, **more: Any) -> str:
        return self.matches(binary.left, binary.right, **more)

    def matches(self, value: Any, pattern: Any, **more: Any) -> str:
        """Whether a text holds a match; groups as POSIX writes them, which all know."""
        written = str(pattern.value).replace("(?:", "(")
        is_literal = self.words.pattern_is_literal
        asked = escaped_literal(written) if is_literal else self.process(sa.literal(written, sa.String), **more)
        return self.words.contains.format(self.process(value, **more), asked)

    def visit_array_to_string_func(self, function: Any, **more: Any) -> str:
        return self.words.joined.format(*(self.process(clause, **more) for clause in function.clauses))

    def visit_funcfilter(self, funcfilter: Any, **more: Any) -> str:
        function, condition = funcfilter.func, self.process(funcfilter.criterion, **more)
        [of] = (self.process(clause, **more) for clause in function.clauses)
        return f"{function.name}(CASE WHEN {condition} THEN {'1' if of == '*' else of} END)"

    def visit_over(self, over: Any, **more: Any) -> str:
        written = super().visit_over(over, **more)
        is_ordered = over.order_by is not None and len(over.order_by)
        if is_ordered and self.words.needs_frame and over.element.name in _RUNNING:
            return f"{written.removesuffix(')')} ROWS UNBOUNDED PRECEDING)"
        if not is_ordered and self.words.needs_order and over.element.name == "row_number":
            return f"{written.removesuffix(')').rstrip()} ORDER BY 1)"
        return written

    def _of_those_there(self, function: Any, name: str, none: str, **more: Any) -> str:
        if self.words.skips_missing:
            return f"{name}({', '.join(self.process(clause, **more) for clause in function.clauses)})"
        return super()._of_those_there(function, name, literal(float(none), sa.Double(), self.words), **more)

    def limit_clause(self, select: Any, **more: Any) -> str:
        # An offset of 0 is for planners that join subqueries to what reads them.
        limit = select._limit_clause
        return "" if limit is None else f"\n LIMIT {self.process(limit, **more)}"

    def _generate_prefixes(self, stmt: Any, prefixes: Any, **more: Any) -> str:
        # They decide by themselves what they hold.
        return "" if isinstance(stmt, sa.CTE) else str(super()._generate_prefixes(stmt, prefixes, **more))  # type: ignore[no-untyped-call]


def _renamed(among: Any) -> sa.SelectBase:
    """A query whose columns are k0, k1 …"""
    if isinstance(among, sa.CompoundSelect):
        first, *rest = among.selects
        return sa.union_all(_renamed(first), *rest)
    assert isinstance(among, sa.Select)
    chosen: list[Any] = list(among._raw_columns)
    columns = (column.label(f"k{i}") for i, column in enumerate(chosen))
    return among.with_only_columns(*columns, maintain_column_froms=True)


def _arguments(element: FunctionElement[Any], compiler: SQLCompiler, **more: Any) -> list[str]:
    return [compiler.process(clause, **more) for clause in element.clauses]


@compiles(row_hash, *NAMES)
def _hash(element: row_hash, compiler: WarehouseCompiler, **more: Any) -> str:
    words = compiler.words
    texts = (x if isinstance(x.type, sa.String) else sa.cast(x, sa.String) for x in element.clauses)
    listed = (f"COALESCE({compiler.process(x, **more)}, CHR(30))" for x in texts)
    return words.hash.format(" || CHR(31) || ".join(listed))


@compiles(seconds, *NAMES)
def _epoch(element: seconds, compiler: WarehouseCompiler, **more: Any) -> str:
    return compiler.words.seconds.format(*_arguments(element, compiler, **more))


@compiles(not_a_number, *NAMES)
def _nan(_element: not_a_number, compiler: WarehouseCompiler, **_more: Any) -> str:
    return f"CAST('NaN' AS {compiler.words.double})"


@compiles(is_on_calendar, *NAMES)
def _is_there(element: is_on_calendar, compiler: SQLCompiler, **more: Any) -> str:
    return f"({_arguments(element, compiler, **more)[0]} IS NOT NULL)"


@compiles(instant, *NAMES)
def _instant(element: instant, compiler: WarehouseCompiler, **more: Any) -> str:
    return compiler.words.instant.format(*_arguments(element, compiler, **more))


@compiles(contains, *NAMES)
def _contains(element: contains, compiler: WarehouseCompiler, **more: Any) -> str:
    value, pattern = element.clauses
    return compiler.matches(value, pattern, **more)


@compiles(structured, *NAMES)
def _structured(element: structured, compiler: WarehouseCompiler, **more: Any) -> str:
    return compiler.words.structured.format(*_arguments(element, compiler, **more))
