"""What engines say differently: expressions of statements that are written once, and the dialect of DuckDB.

DuckDB's SQL is PostgreSQL's but for these. Another database adds its own words, as those of "postgresql" are here, in
the file of its text: engines/mariadb.py, engines/sqlite.py.
"""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class _DuckDBDialect(PGDialect):
    name = "duckdb"
    supports_statement_cache = True


DUCKDB: Final[sa.Dialect] = _DuckDBDialect(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]


class row_hash(FunctionElement[int]):
    """64 bits for the values of a row, NULL among them; the same within one engine only."""

    name = "row_hash"
    type = sa.BigInteger()
    inherit_cache = True


class low_bits(FunctionElement[int]):
    """The 24 lowest bits of a hash."""

    name = "low_bits"
    type = sa.BigInteger()
    inherit_cache = True


class seconds(FunctionElement[float]):
    """Seconds since 1970 of a time, by its own clock; NULL of an infinite one."""

    name = "seconds"
    type = sa.Double()
    inherit_cache = True


class not_a_number(FunctionElement[float]):
    """NaN, which is equal to itself in engines; NULL, which is equal to nothing, of those that hold none."""

    name = "not_a_number"
    type = sa.Double()
    inherit_cache = True


class is_finite(FunctionElement[bool]):
    """Whether a number is neither NaN nor infinite; NULL of none."""

    name = "is_finite"
    type = sa.Boolean()
    inherit_cache = True


class is_on_calendar(FunctionElement[bool]):
    """Whether a time is none of those before and after all others."""

    name = "is_on_calendar"
    type = sa.Boolean()
    inherit_cache = True


class instant(FunctionElement[Any]):
    """A time that names no zone, by the clock of one: (zone, time)."""

    name = "instant"
    type = sa.TIMESTAMP(timezone=True)
    inherit_cache = True


class gathered(FunctionElement[Any]):
    """The values of a group, as an array."""

    name = "gathered"
    type = sa.ARRAY(sa.Double)
    inherit_cache = True


class ascending_mean(FunctionElement[float]):
    """The mean of an array, added up in ascending order: the same digits in whatever order its values came."""

    name = "ascending_mean"
    type = sa.Double()
    inherit_cache = True


class quartiles(FunctionElement[Any]):
    """The quartiles of numbers, between the values next to them: an array of three; NULL of none."""

    name = "quartiles"
    type = sa.ARRAY(sa.Double)
    inherit_cache = True


class item(FunctionElement[float]):
    """One number of an array, by its place from 1 on: (array, place)."""

    name = "item"
    type = sa.Double()
    inherit_cache = True


class contains(FunctionElement[bool]):
    """Whether a text holds a match of a regular expression."""

    name = "contains"
    type = sa.Boolean()
    inherit_cache = True


class product_sum(FunctionElement[float]):
    """The sum of a product of two numbers whose products are neither infinite nor nearly 0."""

    name = "product_sum"
    type = sa.Double()
    inherit_cache = True


class drawn(FunctionElement[float]):
    """A number drawn at random for each row, even in [0, 1)."""

    name = "drawn"
    type = sa.Double()
    inherit_cache = False


def _listed(element: FunctionElement[Any], compiler: SQLCompiler, **more: Any) -> list[str]:
    return [compiler.process(clause, **more) for clause in element.clauses]


@compiles(row_hash)
def _hash(element: row_hash, compiler: SQLCompiler, **more: Any) -> str:
    return f"hash({', '.join(_listed(element, compiler, **more))})"


@compiles(row_hash, "postgresql")
def _hash_of_record(element: row_hash, compiler: SQLCompiler, **more: Any) -> str:
    # Without its sign, as sums of hashes are taken.
    return f"(hash_record_extended(ROW({', '.join(_listed(element, compiler, **more))}), 0) & {2**63 - 1})"


@compiles(low_bits)
def _remainder(element: low_bits, compiler: SQLCompiler, **more: Any) -> str:
    # Hashes are unsigned: beside a number that says it is signed both become 128 bits wide, and a row takes 0.3 µs.
    [hashed] = element.clauses
    return compiler.process(sa.type_coerce(hashed, sa.BigInteger) % sa.literal_column(str(2**24)), **more)


@compiles(low_bits, "duckdb")
def _masked(element: low_bits, compiler: SQLCompiler, **more: Any) -> str:
    # A third of what the division takes.
    return f"({_listed(element, compiler, **more)[0]} & {2**24 - 1})"


@compiles(seconds)
def _epoch(element: seconds, compiler: SQLCompiler, **more: Any) -> str:
    [moment] = _listed(element, compiler, **more)
    return f"EXTRACT(epoch FROM {moment})"


@compiles(seconds, "postgresql")
def _finite_epoch(element: seconds, compiler: SQLCompiler, **more: Any) -> str:
    # Not EXTRACT, which is a decimal there and takes three times as long.
    [moment] = _listed(element, compiler, **more)
    return f"CASE WHEN isfinite({moment}) THEN date_part('epoch', {moment}) END"


@compiles(not_a_number)
def _nan(element: not_a_number, compiler: SQLCompiler, **more: Any) -> str:
    return compiler.process(sa.cast(sa.literal("NaN", sa.String), sa.Double), **more)


@compiles(is_finite)
def _less_itself(element: is_finite, compiler: SQLCompiler, **more: Any) -> str:
    [x] = element.clauses
    return f"({compiler.process(x - x == sa.literal(0.0, sa.Double), **more)})"


@compiles(is_finite, "postgresql")
def _below_infinity(element: is_finite, compiler: SQLCompiler, **more: Any) -> str:
    # NaN lies above it there. To take a number from itself works it out twice.
    return f"(abs({', '.join(_listed(element, compiler, **more))}) < 'Infinity'::float8)"


@compiles(is_on_calendar)
def _isfinite(element: is_on_calendar, compiler: SQLCompiler, **more: Any) -> str:
    return f"isfinite({', '.join(_listed(element, compiler, **more))})"


@compiles(instant)
def _timezone(element: instant, compiler: SQLCompiler, **more: Any) -> str:
    zone, moment = element.clauses
    return f"timezone({compiler.process(zone, **more)}, {compiler.process(sa.cast(moment, sa.TIMESTAMP), **more)})"


@compiles(gathered)
def _list(element: gathered, compiler: SQLCompiler, **more: Any) -> str:
    return f"list({', '.join(_listed(element, compiler, **more))})"


@compiles(gathered, "postgresql")
def _array(element: gathered, compiler: SQLCompiler, **more: Any) -> str:
    return f"array_agg({', '.join(_listed(element, compiler, **more))})"


@compiles(ascending_mean)
def _list_mean(element: ascending_mean, compiler: SQLCompiler, **more: Any) -> str:
    [values] = _listed(element, compiler, **more)
    return f"list_avg(list_sort({values}))"


@compiles(ascending_mean, "postgresql")
def _array_mean(element: ascending_mean, compiler: SQLCompiler, **more: Any) -> str:
    [values] = _listed(element, compiler, **more)
    return f"(SELECT avg(v ORDER BY v) FROM unnest({values}) AS v)"  # noqa: S608


@compiles(product_sum)
def _sum(element: product_sum, compiler: SQLCompiler, **more: Any) -> str:
    a, b = _listed(element, compiler, **more)
    return f"sum({a} * {b})"


@compiles(drawn)
def _random(_element: drawn, _compiler: SQLCompiler, **_more: Any) -> str:
    return "random()"


@compiles(quartiles)
def _quantile_cont(element: quartiles, compiler: SQLCompiler, **more: Any) -> str:
    [x] = _listed(element, compiler, **more)
    return f"quantile_cont({x}, [0.25, 0.5, 0.75])"


@compiles(quartiles, "postgresql")
def _percentile_cont(element: quartiles, compiler: SQLCompiler, **more: Any) -> str:
    [x] = _listed(element, compiler, **more)
    return f"percentile_cont(ARRAY[0.25, 0.5, 0.75]) WITHIN GROUP (ORDER BY {x})"


@compiles(item)
def _item(element: item, compiler: SQLCompiler, **more: Any) -> str:
    array, place = element.clauses
    return f"{compiler.process(array, **more)}[{place.value}]"


@compiles(contains)
def _regexp(element: contains, compiler: SQLCompiler, **more: Any) -> str:
    # DuckDB's `~` asks for the whole text.
    return f"regexp_matches({', '.join(_listed(element, compiler, **more))})"


@compiles(contains, "postgresql")
def _match(element: contains, compiler: SQLCompiler, **more: Any) -> str:
    return f"({' ~ '.join(_listed(element, compiler, **more))})"
