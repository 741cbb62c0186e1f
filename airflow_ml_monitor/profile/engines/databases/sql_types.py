"""A database's types by the names that DuckDB has for them, so that a fault reads alike wherever the data lies."""

from __future__ import annotations

from typing import Any, Final

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql

from airflow_ml_monitor.profile.engines.scan import INTEGERS

_NAMES: Final[tuple[tuple[type[Any], str], ...]] = (
    (mysql.TINYINT, "TINYINT"),
    (mysql.MEDIUMINT, "INTEGER"),
    (mysql.YEAR, "SMALLINT"),
    (mysql.FLOAT, "FLOAT"),
    (mysql.BIT, "BIT"),
    (mysql.TIME, "TIME"),
    (sa.Boolean, "BOOLEAN"),
    (sa.SmallInteger, "SMALLINT"),
    (sa.BigInteger, "BIGINT"),
    (sa.Integer, "INTEGER"),
    (sa.REAL, "FLOAT"),
    (sa.Float, "DOUBLE"),
    (sa.Date, "DATE"),
    (sa.Time, "TIME"),
    (sa.Interval, "INTERVAL"),
    (postgresql.INTERVAL, "INTERVAL"),
    (sa.LargeBinary, "BLOB"),
    (sa.Uuid, "VARCHAR"),
    (sa.JSON, "JSON"),
    (sa.String, "VARCHAR"),
)
"""The first that fits; text whatever its length, and enumerations."""

_AS_TEXT: Final = (sa.CHAR, sa.Enum, sa.Uuid, postgresql.CITEXT)
"""Read as text: elsewhere two of them would not be equal, or differ in blanks at their end."""

_ARROW: Final = {
    **dict.fromkeys(INTEGERS - {"HUGEINT", "UHUGEINT", "UBIGINT"}, pa.int64()),
    "UBIGINT": pa.uint64(),
    "BOOLEAN": pa.bool_(),
    "FLOAT": pa.float64(),
    "DOUBLE": pa.float64(),
    "DATE": pa.date32(),
    "TIMESTAMP": pa.timestamp("us"),
    "TIMESTAMP WITH TIME ZONE": pa.timestamp("us", "UTC"),
}


def type_name(kind: Any) -> str:
    """DuckDB's name of a column's type; of one that DuckDB has not the database's own."""
    if isinstance(kind, postgresql.DOMAIN):
        return type_name(kind.data_type)
    if isinstance(kind, mysql.TIMESTAMP):
        # Kept as an instant, and shown by the session's clock.
        return "TIMESTAMP WITH TIME ZONE"
    if isinstance(kind, sa.ARRAY):
        return f"{type_name(kind.item_type)}{'[]' * (kind.dimensions or 1)}"
    if isinstance(kind, sa.TIMESTAMP | sa.DateTime):
        return "TIMESTAMP WITH TIME ZONE" if kind.timezone else "TIMESTAMP"
    if isinstance(kind, sa.Numeric) and not isinstance(kind, sa.Float):
        return f"DECIMAL({kind.precision},{kind.scale or 0})" if kind.precision else "DECIMAL"
    found = next((name for base, name in _NAMES if isinstance(kind, base)), "")
    if found in INTEGERS and getattr(kind, "unsigned", False):
        return f"U{found}"
    return found or str(kind).upper() if not isinstance(kind, sa.types.NullType) else "UNKNOWN"


def arrow_type(name: str) -> pa.DataType:
    """The Arrow type of a column's values as the driver brings them."""
    if name.startswith("DECIMAL("):
        precision, scale = (int(part) for part in name[8:-1].split(","))
        return pa.decimal128(precision, scale) if precision <= 38 else pa.float64()
    return pa.float64() if name == "DECIMAL" else _ARROW.get(name, pa.string())


def is_read_as_text(kind: Any) -> bool:
    """Whether a column is cast to text before it is looked at."""
    return isinstance(kind.data_type if isinstance(kind, postgresql.DOMAIN) else kind, _AS_TEXT)


def has_any_size(kind: Any) -> bool:
    """Whether a column's numbers may be too large, or too small, for a double."""
    is_decimal = isinstance(kind, sa.Numeric) and not isinstance(kind, sa.Float)
    return is_decimal and (kind.precision is None or kind.precision > 300 or abs(kind.scale or 0) > 300)


def sql_type(kind: pa.DataType) -> sa.types.TypeEngine[Any]:
    """The type of an Arrow column in statements."""
    if pa.types.is_timestamp(kind):
        return sa.TIMESTAMP(timezone=kind.tz is not None)
    if pa.types.is_boolean(kind):
        return sa.Boolean()
    if pa.types.is_integer(kind):
        return sa.BigInteger()
    return sa.Double() if pa.types.is_null(kind) or pa.types.is_floating(kind) else sa.String()
