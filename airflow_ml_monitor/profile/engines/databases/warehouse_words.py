"""The words of each warehouse, as its vendor's reference has them; none of them was run on a server of theirs.

Snowflake: docs.snowflake.com/en/sql-reference. BigQuery: cloud.google.com/bigquery/docs/reference/standard-sql.
Redshift: docs.aws.amazon.com/redshift/latest/dg. Trino: trino.io/docs/current. Databricks SQL:
docs.databricks.com/en/sql/language-manual.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Words:
    """What a warehouse says otherwise. {0}, {1}: the arguments.

    text …: names of types. structured: what is no text, number or time, as text. aware_zone: how UTC is written after
    an aware time. hash: of a text, a whole number that is not negative. contains: (text, pattern) whether it holds a
    match; pattern_is_literal: whether the pattern may be nothing else. joined: an array as text. is_nan: whether a
    number is none; '' where NaN is equal to itself. listed: how rows stand in a statement: "values", "structs" or
    "unions". names_anything: whether a column may be called x@0.5. pairs: how several columns are looked up in a query:
    as "rows", as "structs" or by their "existence". compares_missing: whether it knows IS NOT DISTINCT FROM.
    skips_missing: whether the largest of some numbers is that of those that are there. groups_columns_alone: whether
    grouping sets are of nothing else. casts_to_boolean: whether numbers are. needs_frame: of running sums; needs_order:
    of row numbers.
    """

    name: str
    quote: str
    text: str
    double: str
    whole: str
    boolean: str
    naive: str
    aware: str
    aware_zone: str
    seconds: str
    instant: str
    hash: str
    contains: str
    structured: str
    listed: str = "values"
    joined: str = ""
    is_nan: str = ""
    names_anything: bool = True
    pairs: str = "rows"
    pattern_is_literal: bool = False
    compares_missing: bool = True
    skips_missing: bool = False
    groups_columns_alone: bool = False
    casts_to_boolean: bool = True
    needs_frame: bool = False
    needs_order: bool = False


_POSITIVE: Final = "ABS(MOD({}, 4611686018427387904))"
"""Of 64 bits with a sign."""

SNOWFLAKE: Final = Words(
    name="snowflake",
    quote='"',
    text="VARCHAR",
    double="DOUBLE",
    whole="BIGINT",
    boolean="BOOLEAN",
    naive="TIMESTAMP_NTZ",
    aware="TIMESTAMP_TZ",
    aware_zone=" +00:00",
    # EXTRACT of seconds knows no parts of them.
    seconds="(DATE_PART(EPOCH_MICROSECOND, {0}) / CAST('1000000.0' AS DOUBLE))",
    instant="CONVERT_TIMEZONE({0}, 'UTC', {1})",
    # HASH is Snowflake's own and may change.
    hash="MOD(MD5_NUMBER_LOWER64({0}), 4611686018427387904)",
    # REGEXP_LIKE asks for the whole text.
    contains="(REGEXP_INSTR({0}, {1}) > 0)",
    structured="TO_JSON(TO_VARIANT({0}))",
    joined="ARRAY_TO_STRING({0}, {1})",
    needs_order=True,
)

BIGQUERY: Final = Words(
    name="bigquery",
    quote="`",
    text="STRING",
    double="FLOAT64",
    whole="INT64",
    boolean="BOOL",
    naive="DATETIME",
    aware="TIMESTAMP",
    aware_zone="+00:00",
    seconds="(UNIX_MICROS(CAST({0} AS TIMESTAMP)) / CAST('1000000.0' AS FLOAT64))",
    instant="TIMESTAMP({1}, {0})",
    hash=_POSITIVE.format("FARM_FINGERPRINT({0})"),
    contains="REGEXP_CONTAINS({0}, {1})",
    structured="TO_JSON_STRING({0})",
    listed="structs",
    joined="ARRAY_TO_STRING({0}, {1})",
    is_nan="IS_NAN({0})",
    # What stands after IN has one column; a query that hangs on its row is refused where it is one of several ors.
    pairs="structs",
    names_anything=False,
)

REDSHIFT: Final = Words(
    name="redshift",
    quote='"',
    # Without a length it ends after 256 bytes.
    text="VARCHAR(65535)",
    double="DOUBLE PRECISION",
    whole="BIGINT",
    boolean="BOOLEAN",
    naive="TIMESTAMP",
    aware="TIMESTAMPTZ",
    aware_zone="+00",
    # EXTRACT(EPOCH …) is of whole seconds.
    seconds="(DATEDIFF(microsecond, CAST('1970-01-01 00:00:00' AS TIMESTAMP), CAST({0} AS TIMESTAMP))"
    " / CAST('1000000.0' AS DOUBLE PRECISION))",
    instant="CONVERT_TIMEZONE({0}, 'UTC', {1})",
    hash="STRTOL(LEFT(MD5({0}), 15), 16)",
    contains="({0} ~ {1})",
    pattern_is_literal=True,
    structured="JSON_SERIALIZE({0})",
    listed="unions",
    compares_missing=False,
    skips_missing=True,
    casts_to_boolean=False,
    needs_frame=True,
)

TRINO: Final = Words(
    name="trino",
    quote='"',
    text="VARCHAR",
    double="DOUBLE",
    whole="BIGINT",
    boolean="BOOLEAN",
    naive="TIMESTAMP(6)",
    aware="TIMESTAMP(6) WITH TIME ZONE",
    aware_zone=" +00:00",
    seconds="TO_UNIXTIME({0})",
    instant="WITH_TIMEZONE({1}, {0})",
    hash=_POSITIVE.format("FROM_BIG_ENDIAN_64(XXHASH64(TO_UTF8({0})))"),
    contains="REGEXP_LIKE({0}, {1})",
    structured="JSON_FORMAT(CAST({0} AS JSON))",
    joined="ARRAY_JOIN({0}, {1})",
    is_nan="IS_NAN({0})",
    # What stands after IN has one column.
    pairs="existence",
    groups_columns_alone=True,
)

DATABRICKS: Final = Words(
    name="databricks",
    quote="`",
    text="STRING",
    double="DOUBLE",
    whole="BIGINT",
    boolean="BOOLEAN",
    naive="TIMESTAMP_NTZ",
    aware="TIMESTAMP",
    aware_zone="+00:00",
    seconds="(UNIX_MICROS(CAST({0} AS TIMESTAMP)) / CAST('1000000.0' AS DOUBLE))",
    instant="TO_UTC_TIMESTAMP(CAST({1} AS TIMESTAMP), {0})",
    hash=_POSITIVE.format("XXHASH64({0})"),
    contains="({0} RLIKE {1})",
    structured="TO_JSON({0})",
    joined="ARRAY_JOIN({0}, {1})",
    skips_missing=True,
    needs_order=True,
)
