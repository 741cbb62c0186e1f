"""What a statement may say in the dialect of a warehouse, beyond its grammar."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqlglot import exp

SHARED = {
    "SUM", "COUNT", "MIN", "MAX", "AVG", "ABS", "FLOOR", "SQRT", "LN", "SIGN", "COALESCE", "NULLIF", "GREATEST",
    "LEAST", "LENGTH", "LOWER", "TRIM", "REPLACE", "CHR", "MOD", "ROW_NUMBER", "FIRST_VALUE", "LAG", "LEAD", "CAST",
    "SUBSTR",
}  # fmt: skip
"""Functions of all five, by these names."""
FUNCTIONS = {
    # By name at docs.snowflake.com/en/sql-reference/functions
    "snowflake": {"DATE_PART", "MD5_NUMBER_LOWER64", "REGEXP_INSTR", "CONVERT_TIMEZONE", "ARRAY_TO_STRING", "TO_JSON",
                  "TO_VARIANT"},
    # By kind at cloud.google.com/bigquery/docs/reference/standard-sql/functions-all
    "bigquery": {"UNIX_MICROS", "TIMESTAMP", "FARM_FINGERPRINT", "REGEXP_CONTAINS", "IS_NAN", "UNNEST",
                 "ARRAY_TO_STRING", "TO_JSON_STRING"},
    # By name at docs.aws.amazon.com/redshift/latest/dg/c_SQL_functions.html
    "redshift": {"DATEDIFF", "CONVERT_TIMEZONE", "STRTOL", "MD5", "LEFT", "JSON_SERIALIZE", "VARCHAR"},
    # Of math, binary, datetime, regexp, array and json functions at trino.io/docs/current/functions
    "trino": {"TO_UNIXTIME", "WITH_TIMEZONE", "FROM_BIG_ENDIAN_64", "XXHASH64", "TO_UTF8", "REGEXP_LIKE", "IS_NAN",
              "ARRAY_JOIN", "JSON_FORMAT", "TIMESTAMP"},
    # By name at docs.databricks.com/en/sql/language-manual/functions
    "databricks": {"UNIX_MICROS", "XXHASH64", "TO_UTC_TIMESTAMP", "ARRAY_JOIN", "TO_JSON"},
}  # fmt: skip
"""Besides, those of one, with where its vendor tells of them; VARCHAR and TIMESTAMP have a size."""
_WORDS = {"IN", "OVER", "AS", "AND", "OR", "NOT", "WHEN", "THEN", "ELSE", "ON", "WHERE", "FROM", "SELECT", "EXISTS",
          "SETS", "VALUES", "DECIMAL", "BY", "JOIN", "CASE", "ALL", "RLIKE", "LISTED", "DISTINCT"}  # fmt: skip
OWN = {"listed", "brought", "microsecond", "epoch_microsecond"}
"""Names of ours that need no quotes, and parts of times."""
MOST = 10**6
"""Letters of a statement; Trino's query.max-length, BigQuery's and Snowflake's limits are no smaller."""


def wrong(tree: exp.Expression, text: str, name: str) -> Iterator[str]:
    """What is against the rules of a warehouse."""
    bare = re.sub(r"'[^']*'", "''", text)
    if len(text) > MOST:
        yield f"{len(text)} letters"
    if found := re.search(r"::|[\\%\x00]|\bFILTER\b|\bMATERIALIZED\b|\bOFFSET\b", bare):
        yield f"says {found[0]}"
    called = {word.upper() for word in re.findall(r"\b([A-Za-z_]\w*)\s*\(", re.sub(r"`[^`]*`|\"[^\"]*\"", "``", bare))}
    yield from (f"{word} is no function of {name}" for word in called - _WORDS - SHARED - FUNCTIONS[name])
    for literal in tree.find_all(exp.Literal):
        if not literal.is_string and not literal.name.isdigit():
            yield f"{literal.name} has no type"
    for identifier in tree.find_all(exp.Identifier):
        if not identifier.quoted and identifier.name.lower() not in OWN and not re.fullmatch(r"v\d+", identifier.name):
            yield f"{identifier.name} stands without quotes"
    for share in tree.find_all(exp.Div):
        if any(cast.is_type("decimal") for side in (share.left, share.right) for cast in side.find_all(exp.Cast)):
            yield f"{share.sql()} divides decimals"
    yield from _OWN_RULES.get(name, _none)(tree, bare)
    yield from _windows(tree, name)


def _none(_tree: exp.Expression, _bare: str) -> Iterator[str]:
    yield from ()


def _windows(tree: exp.Expression, name: str) -> Iterator[str]:
    for window in tree.find_all(exp.Window):
        is_ranking = isinstance(window.this, exp.RowNumber)
        if is_ranking and name in ("snowflake", "databricks") and not window.args.get("order"):
            yield "row_number needs an order"
        is_running = isinstance(window.this, exp.AggFunc | exp.FirstValue) and not isinstance(
            window.this, exp.Lag | exp.Lead
        )
        if name == "redshift" and is_running and window.args.get("order") and not window.args.get("spec"):
            yield f"{window.sql()} needs a frame"


def _of_redshift(tree: exp.Expression, bare: str) -> Iterator[str]:
    if "DISTINCT FROM" in bare or re.search(r"\(\s*VALUES", bare):
        yield "Redshift has no table of VALUES, nor IS DISTINCT FROM"
    for cast in tree.find_all(exp.Cast):
        if cast.is_type("varchar") and not cast.to.expressions:
            yield f"{cast.sql()} would end after 256 bytes"


def _without_nan(tree: exp.Expression, _bare: str) -> Iterator[str]:
    for cast in tree.find_all(exp.Cast):
        if cast.this.name == "NaN" and isinstance(cast.parent, exp.EQ | exp.Nullif):
            yield f"{cast.parent.sql()} never holds"
    for among in tree.find_all(exp.In):
        found = among.args.get("query")
        if found is not None and len(found.this.selects) > 1:
            yield "what stands after IN has one column"


def _of_bigquery(tree: exp.Expression, bare: str) -> Iterator[str]:
    yield from _without_nan(tree, bare)
    if re.search(r"\(\s*VALUES|ESCAPE", bare):
        yield "BigQuery has no VALUES in FROM, nor an ESCAPE of LIKE"
    if isinstance(tree, exp.Query):
        for column in tree.selects:
            if column.alias_or_name and not re.fullmatch(r"\w{1,300}", column.alias_or_name):
                yield f"{column.alias_or_name} is no name of a column"


def _of_trino(tree: exp.Expression, bare: str) -> Iterator[str]:
    yield from _without_nan(tree, bare)
    for sets in tree.find_all(exp.GroupingSets):
        for part in sets.find_all(exp.Func, exp.Binary):
            yield f"{part.sql()} in grouping sets, which are of columns alone"


_OWN_RULES = {"redshift": _of_redshift, "bigquery": _of_bigquery, "trino": _of_trino}
