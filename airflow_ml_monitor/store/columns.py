"""Column types that mean the same on SQLite, PostgreSQL and MariaDB."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, Dialect, Integer, LargeBinary, String, Text, types
from sqlalchemy.dialects import mysql, postgresql

from airflow_ml_monitor.keys import utc

DIGEST_LENGTH = 64

Id = BigInteger().with_variant(Integer(), "sqlite")
"""A generated key. SQLite numbers rows by itself only in a column of type INTEGER."""

# MariaDB's BLOB and TEXT end at 64 KB; a profile of 40 columns has 80 KB.
Payload = LargeBinary().with_variant(mysql.LONGBLOB(), "mysql")
LongText = Text().with_variant(mysql.LONGTEXT(), "mysql")


class Moment(types.TypeDecorator[datetime]):
    """An instant in UTC, to the microsecond; a naive one is refused.

    PostgreSQL: timestamptz. MariaDB and SQLite have no zone: the column holds UTC.
    """

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> types.TypeEngine[Any]:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(postgresql.TIMESTAMP(timezone=True))
        if dialect.name == "mysql":
            return dialect.type_descriptor(mysql.DATETIME(fsp=6))
        return dialect.type_descriptor(DateTime())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        moment = utc(value)
        return moment if dialect.name == "postgresql" else moment.replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Digest(types.TypeDecorator[str]):
    """Up to 64 ASCII characters, compared byte by byte (MariaDB's default takes 'US' for 'us')."""

    impl = String
    cache_ok = True

    def __init__(self) -> None:
        super().__init__(DIGEST_LENGTH)

    def load_dialect_impl(self, dialect: Dialect) -> types.TypeEngine[Any]:
        if dialect.name == "mysql":
            return dialect.type_descriptor(mysql.VARCHAR(DIGEST_LENGTH, charset="ascii", collation="ascii_bin"))
        return dialect.type_descriptor(String(DIGEST_LENGTH))

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        # SQLite checks neither length nor characters; a digest that only some databases take is refused by all.
        if value is not None and not (len(value) <= DIGEST_LENGTH and value.isascii()):
            raise ValueError(f"{value!r} is no digest: at most {DIGEST_LENGTH} ASCII characters")
        return value


class Json(types.TypeDecorator[Any]):
    """A plain JSON document as text, keys sorted; NaN is refused."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> types.TypeEngine[Any]:
        return dialect.type_descriptor(mysql.LONGTEXT() if dialect.name == "mysql" else Text())

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else canonical(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else json.loads(value)


def canonical(value: Any) -> str:
    """One text for one JSON value: keys sorted, no blanks.

    >>> canonical({"b": 1, "a": "é"})
    '{"a":"é","b":1}'
    """
    return json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def digest_of(value: Any) -> str:
    """128 bits that stand for one JSON value: the unique key of a row with many texts."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()[:32]
