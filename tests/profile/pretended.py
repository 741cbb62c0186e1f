"""Warehouses that are none: what is sent to one is read by sqlglot as its dialect, and run by DuckDB.

So its statements are known to be of the dialect's grammar, and to mean what ours mean as far as sqlglot's reading of
the dialect is right. What a server would say besides (permissions, limits, how it plans) is not known.
"""

from __future__ import annotations

import itertools
import re
import sys
import warnings
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

import duckdb
import pyarrow as pa
import sqlalchemy as sa
import sqlglot
from sqlalchemy.dialects import registry
from sqlalchemy.engine.default import DefaultDialect
from sqlglot import exp

from airflow_ml_monitor.profile.engines.embedded.duckdb_opening import plain_times

words = sys.modules["tests_warehouse_words"]
"""The file beside this one, which the fixture loads first: test folders are no packages."""

NAMES = ("snowflake", "bigquery", "redshift", "trino", "databricks")
_NUMBERED = itertools.count()
_REGISTERED = {name: name for name in NAMES} | {"redshift": "redshift.ml_monitor"}

INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER")
TYPES: dict[str, dict[str, str]] = {
    "snowflake": {
        **dict.fromkeys(INTEGERS, "NUMBER"), "UBIGINT": "NUMBER", "DOUBLE": "FLOAT", "FLOAT": "FLOAT",
        "VARCHAR": "TEXT", "BOOLEAN": "BOOLEAN", "DATE": "DATE", "TIMESTAMP": "TIMESTAMP_NTZ",
        "TIMESTAMP WITH TIME ZONE": "TIMESTAMP_LTZ",
    },
    "bigquery": {
        **dict.fromkeys(INTEGERS, "INT64"), "UBIGINT": "BIGNUMERIC(20)", "DOUBLE": "FLOAT64", "FLOAT": "FLOAT64",
        "VARCHAR": "STRING", "BOOLEAN": "BOOL", "DATE": "DATE", "TIMESTAMP": "DATETIME",
        "TIMESTAMP WITH TIME ZONE": "TIMESTAMP",
    },
    "redshift": {
        **dict.fromkeys(INTEGERS, "bigint"), "UBIGINT": "numeric", "DOUBLE": "double precision", "FLOAT": "real",
        "VARCHAR": "character varying", "BOOLEAN": "boolean", "DATE": "date",
        "TIMESTAMP": "timestamp without time zone", "TIMESTAMP WITH TIME ZONE": "timestamp with time zone",
    },
    "trino": {
        **dict.fromkeys(INTEGERS, "bigint"), "UBIGINT": "decimal(20,0)", "DOUBLE": "double", "FLOAT": "real",
        "VARCHAR": "varchar(200)", "BOOLEAN": "boolean", "DATE": "date", "TIMESTAMP": "timestamp(6)",
        "TIMESTAMP WITH TIME ZONE": "timestamp(6) with time zone",
    },
    "databricks": {
        **dict.fromkeys(INTEGERS, "bigint"), "UBIGINT": "decimal(20,0)", "DOUBLE": "double", "FLOAT": "float",
        "VARCHAR": "string", "BOOLEAN": "boolean", "DATE": "date", "TIMESTAMP": "timestamp_ntz",
        "TIMESTAMP WITH TIME ZONE": "timestamp",
    },
}  # fmt: skip
"""By warehouse, what its catalogue calls the types that DuckDB has."""

WANTING = {
    "snowflake": ("M_D5_NUMBER_LOWER64(x) AS hash(x)",),
    "bigquery": ("FARM_FINGERPRINT(x) AS CAST(hash(x) % 9223372036854775807 AS BIGINT)",),
    "redshift": ("FROM_BASE(x, base) AS CAST('0x' || x AS BIGINT)",),
    "trino": (
        "FROM_BIG_ENDIAN_64(x) AS CAST(hash(x) % 9223372036854775807 AS BIGINT)", "XXHASH64(x) AS x",
        "TO_UTF8(x) AS x", "WITH_TIMEZONE(x, zone) AS timezone(zone, x)",
    ),
    "databricks": ("XXHASH64(x) AS CAST(hash(x) % 9223372036854775807 AS BIGINT)",),
}  # fmt: skip
"""Functions that sqlglot does not translate, as DuckDB has them: what is known of them is their names alone."""


def checked(text: str, name: str) -> exp.Expression:
    """A warehouse's statement, read as its dialect; ParseError or AssertionError where it is none."""
    [tree] = sqlglot.parse(text, read=name, error_level=sqlglot.ErrorLevel.RAISE)
    assert tree is not None
    found = sorted(set(words.wrong(tree, text, name)))
    assert not found, (name, found, text[:2000])
    return tree


@lru_cache(maxsize=4096)
def translated(text: str, name: str) -> str:
    """A warehouse's statement as DuckDB's."""
    generator = sqlglot.Dialect.get_or_raise("duckdb").generator(unsupported_level=sqlglot.ErrorLevel.IGNORE)
    written = generator.generate(checked(text, name), copy=False)
    # Sessions run in UTC, there and here.
    wrong = [told for told in generator.unsupported_messages if not told.startswith("EXTRACT from TIMESTAMPTZ")]
    assert not wrong, wrong
    # DuckDB wants no blank before a zone; BIGNUMERIC is exact, whatever is left of it here.
    return written.replace(" +00:00'", "+00:00'").replace("DECIMAL(38, 5)", "DECIMAL(38, 0)")


class _Cursor:
    arraysize = 1

    def __init__(self, connection: _Connection) -> None:
        self._to = connection
        self.description: Any = None
        self._rows: list[tuple[Any, ...]] = []
        self.rowcount = -1

    def execute(self, text: str, parameters: Any = None) -> None:
        assert parameters is None
        self._to.sent.append(text)
        self.description, self._rows = None, []
        if re.match(r"(SET|ALTER SESSION)\b", text):
            return
        if text.startswith("SELECT CURRENT_SCHEMA"):
            self.description, self._rows = _NAMED[:1], [("main",)]
            return
        if "ordinal_position" in text:
            # Of the catalogue nothing but its grammar is known here.
            sqlglot.parse_one(text, read=self._to.name, error_level=sqlglot.ErrorLevel.RAISE)
            self.description, self._rows = _NAMED, self._columns(text)
            return
        found = self._to.held.execute(translated(text, self._to.name))
        self.description = found.description
        if any("ZONE" in str(kind) for _, kind, *_ in found.description):
            # DuckDB's own way to such times needs a package of zones.
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)
                columns = found.to_arrow_table().columns
            self._rows = list(zip(*(column.to_pylist() for column in columns), strict=True))
        else:
            self._rows = found.fetchall()

    def _columns(self, text: str) -> list[tuple[Any, ...]]:
        found = re.search(r"table_name = '([^']*)'", text)
        assert found is not None
        told = (
            "SELECT column_name, data_type FROM information_schema.columns "
            "WHERE table_name = ? ORDER BY ordinal_position"
        )
        rows = self._to.held.execute(told, [found[1]]).fetchall()
        return [(column, *_size(kind, self._to.name)) for column, kind in rows]

    def fetchall(self) -> list[tuple[Any, ...]]:
        rows, self._rows = self._rows, []
        return rows

    def fetchone(self) -> tuple[Any, ...] | None:
        return self._rows.pop(0) if self._rows else None

    def fetchmany(self, size: int = 1) -> list[tuple[Any, ...]]:
        rows, self._rows = self._rows[:size], self._rows[size:]
        return rows

    def close(self) -> None:
        self._rows = []


_NAMED = [(name, None, None, None, None, None, None) for name in ("column_name", "type", "digits", "after")]


def _size(kind: str, name: str) -> tuple[str, Any, Any]:
    """(type, digits, digits after the point) as a catalogue says them."""
    if kind.startswith("DECIMAL"):
        digits, after = (int(part) for part in kind[8:-1].split(","))
        if name in ("snowflake", "redshift"):
            return {"snowflake": "NUMBER", "redshift": "numeric"}[name], digits, after
        return f"{'NUMERIC' if name == 'bigquery' else 'decimal'}({digits}, {after})", None, None
    if kind.endswith("[]"):
        inner = TYPES[name].get(kind.removesuffix("[]"), "TEXT")
        return (f"ARRAY<{inner}>" if name in ("bigquery", "databricks") else f"array({inner})"), None, None
    sized = {"snowflake": (38, 0), "redshift": (20, 0)}.get(name, (None, None)) if "INT" in kind else (None, None)
    return (TYPES[name].get(kind, kind), *sized)


class Error(Exception):
    """What a driver raises."""


class _Connection:
    def __init__(self, name: str, file: str) -> None:
        self.name = name
        self.held = opened(file)
        self.sent: list[str] = SENT.setdefault(file, [])
        for macro in WANTING[name]:
            self.held.execute(f"CREATE OR REPLACE TEMP MACRO {macro}")

    def cursor(self) -> _Cursor:
        return _Cursor(self)

    def commit(self) -> None: ...

    def rollback(self) -> None: ...

    def close(self) -> None:
        self.held.close()


_HELD: dict[str, duckdb.DuckDBPyConnection] = {}
"""What is in memory is gone with its last connection."""
_REPLACED: dict[str, Any] = {}
"""What SQLAlchemy had by the names that are pretended."""
SENT: dict[str, list[str]] = {}
"""What was sent, by file."""


def opened(file: str) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(file)
    connection.execute("SET TimeZone = 'UTC'")
    return connection


class _Pretended(DefaultDialect):
    supports_statement_cache = False
    default_isolation_level = "SERIALIZABLE"

    @classmethod
    def import_dbapi(cls) -> Any:
        return SimpleNamespace(
            Error=Error, connect=_Connection, paramstyle="pyformat", apilevel="2.0", threadsafety=1, Warning=Warning
        )

    def create_connect_args(self, url: sa.URL) -> Any:
        return [url.get_backend_name(), url.query["file"]], {}

    def initialize(self, connection: Any) -> None: ...

    def set_isolation_level(self, dbapi_connection: Any, level: Any) -> None: ...

    def get_isolation_level_values(self, dbapi_connection: Any) -> list[str]:
        return ["SERIALIZABLE"]


def pretend(name: str) -> str:
    """The URL of a warehouse that is none."""
    known = _REGISTERED[name]
    _REPLACED.setdefault(known, registry.impls.get(known))
    registry.impls[known] = lambda: _Pretended
    file = f":memory:pretended_{next(_NUMBERED)}"
    _HELD[file] = duckdb.connect(file)
    return f"{name}://u@account/main?file={file}"


def retract() -> None:
    """Nothing is pretended from here on."""
    for known, plain in _REPLACED.items():
        registry.impls.pop(known)
        if plain:
            registry.impls[known] = plain
    for held in _HELD.values():
        held.close()
    for kept in (_REPLACED, _HELD, SENT):
        kept.clear()
    translated.cache_clear()


def bring(url: str, table: pa.Table, name: str) -> None:
    """A table of it that holds the same rows."""
    with opened(str(sa.make_url(url).query["file"])) as held:
        held.register("brought", table)
        plain_times(held.table("brought")).create_view("plain")
        held.execute(f"CREATE OR REPLACE TABLE {name} AS SELECT * FROM plain")  # noqa: S608
