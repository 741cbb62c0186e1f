"""Spark's types by the names that DuckDB has for them, so that a fault reads alike wherever the data lies."""

from __future__ import annotations

from typing import Any, Final

_NAMES: Final = {
    "tinyint": "TINYINT",
    "smallint": "SMALLINT",
    "int": "INTEGER",
    "bigint": "BIGINT",
    "float": "FLOAT",
    "double": "DOUBLE",
    "string": "VARCHAR",
    "boolean": "BOOLEAN",
    "binary": "BLOB",
    "date": "DATE",
    "timestamp": "TIMESTAMP WITH TIME ZONE",
    "timestamp_ntz": "TIMESTAMP",
    "void": '"NULL"',
}


def type_name(kind: Any) -> str:
    """DuckDB's name of a column's type; of one that DuckDB has not Spark's own."""
    written: str = kind.simpleString()
    if written.startswith("array<"):
        return f"{type_name(kind.elementType)}[]"
    if written.startswith(("varchar(", "char(", "string ")):
        return "VARCHAR"
    return _NAMES.get(written, written.upper())


def held(kind: Any) -> type[Any]:
    """How a column of a statement is kept in numpy: int, float or object."""
    name = type_name(kind)
    if name in ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "BOOLEAN"):
        return int
    return float if name in ("FLOAT", "DOUBLE") or name.startswith("DECIMAL(") else object
