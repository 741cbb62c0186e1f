"""The types of warehouses, of the names that they give them."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any, Final

import sqlalchemy as sa

_PLAIN: Final[dict[str, Any]] = {
    **dict.fromkeys(("TINYINT", "BYTEINT", "SMALLINT", "SHORT", "BYTE"), sa.SmallInteger()),
    **dict.fromkeys(("INT", "INTEGER"), sa.Integer()),
    **dict.fromkeys(("INT64", "BIGINT", "LONG"), sa.BigInteger()),
    **dict.fromkeys(("FLOAT64", "FLOAT", "FLOAT8", "DOUBLE", "DOUBLE PRECISION"), sa.Double()),
    **dict.fromkeys(("REAL", "FLOAT4"), sa.REAL()),
    **dict.fromkeys(("BOOL", "BOOLEAN"), sa.Boolean()),
    **dict.fromkeys(("STRING", "TEXT", "VARCHAR", "CHARACTER VARYING", "NVARCHAR"), sa.String()),
    **dict.fromkeys(("CHAR", "CHARACTER", "BPCHAR", "NCHAR"), sa.CHAR()),
    **dict.fromkeys(("BYTES", "BINARY", "VARBINARY", "BINARY VARYING", "VARBYTE"), sa.LargeBinary()),
    **dict.fromkeys(("JSON", "VARIANT", "OBJECT", "SUPER", "STRUCT", "ROW", "MAP"), sa.JSON()),
    "UUID": sa.Uuid(),
    "DATE": sa.Date(),
    "TIME": sa.Time(),
}
_DECIMALS: Final = frozenset({"NUMBER", "NUMERIC", "DECIMAL", "DEC", "BIGNUMERIC", "BIGDECIMAL"})
_LISTED: Final = re.compile(r"ARRAY\s*[<(](.+)[>)]")
_SIZED: Final = re.compile(r"\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\)")


def column_type(written: str, size: tuple[Any, Any], instants: Collection[str]) -> sa.types.TypeEngine[Any]:
    """The type of a column that is called so. size: a decimal's digits, where its name does not say them; instants:
    names of times that carry their zone.

    >>> [str(column_type(name, (None, None), ("TIMESTAMP_LTZ",))) for name in ("numeric(10, 2)", "ARRAY<INT64>")]
    ['NUMERIC(10, 2)', 'ARRAY']
    """
    name = " ".join(written.upper().split())
    if listed := _LISTED.fullmatch(name):
        return sa.ARRAY(column_type(listed[1], (None, None), instants))
    sized = _SIZED.search(name)
    bare = " ".join(_SIZED.sub(" ", name).split())
    if bare in _DECIMALS:
        precision, scale = (sized[1], sized[2] or 0) if sized else size
        if precision is not None and not int(scale or 0) and int(precision) >= 19 and bare == "NUMBER":
            # All of Snowflake's integers are.
            return sa.BigInteger()
        return sa.Numeric(int(precision), int(scale or 0)) if precision is not None else sa.Numeric()
    if bare in instants or bare.endswith("WITH TIME ZONE"):
        return sa.TIMESTAMP(timezone=True) if not bare.startswith("TIME ") else sa.Time(timezone=True)
    if bare.startswith(("TIMESTAMP", "DATETIME")):
        return sa.TIMESTAMP()
    found: sa.types.TypeEngine[Any] = _PLAIN.get(bare.split("<")[0].split("(")[0].strip(), sa.types.NullType())
    return found
