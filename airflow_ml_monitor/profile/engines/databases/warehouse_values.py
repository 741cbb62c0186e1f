"""Values in the text of a warehouse's statements, each with its type."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

import sqlalchemy as sa

from airflow_ml_monitor.profile.engines.databases.warehouse_words import Words

MARK: Final = "\x00"
"""Before and after the name of a value, until it stands there itself."""
_MARKED: Final = re.compile(f"{MARK}([^{MARK}]+){MARK}")
_ODD: Final = re.compile(r"""[\x00-\x1f\x7f'\\%$]""")
"""Characters of a text that are written by their numbers. `$`: Databricks replaces `${name}` even in a text."""


def type_of(kind: sa.types.TypeEngine[Any], words: Words) -> str:
    """What a warehouse calls a type."""
    if isinstance(kind, sa.Double | sa.Float):
        return words.double
    if isinstance(kind, sa.Integer):
        return words.whole
    if isinstance(kind, sa.Numeric):
        return "DECIMAL(38, 0)" if words.name != "bigquery" else "BIGNUMERIC"
    if isinstance(kind, sa.DateTime | sa.TIMESTAMP):
        return words.aware if kind.timezone else words.naive
    if isinstance(kind, sa.Date):
        return "DATE"
    return words.boolean if isinstance(kind, sa.Boolean) else words.text


def filled(statement: sa.SelectBase, dialect: sa.Dialect, shared: Mapping[str, Any]) -> str:
    """A statement's text, its values in it. shared: those of the parameters that all statements share."""
    compiled: Any = statement.compile(dialect=dialect)
    words: Words = dialect.words  # type: ignore[attr-defined]
    values = compiled.construct_params({name: value for name, value in shared.items() if name in compiled.binds})
    written = partial(_in_place, compiled.binds, values, words)
    return _MARKED.sub(written, str(compiled))


def _in_place(binds: Mapping[str, Any], values: Mapping[str, Any], words: Words, mark: re.Match[str]) -> str:
    return literal(values[mark[1]], binds[mark[1]].type, words)


def literal(value: Any, kind: sa.types.TypeEngine[Any], words: Words) -> str:
    """A value with its type."""
    if value is None:
        return f"CAST(NULL AS {type_of(kind, words)})"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, datetime):
        by_utc = value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
        zone, name = (words.aware_zone, words.aware) if value.tzinfo else ("", words.naive)
        return f"CAST('{by_utc.isoformat(' ', 'microseconds')}{zone}' AS {name})"
    if isinstance(value, float) or isinstance(kind, sa.Double | sa.Float):
        # A bare 0.5 would be a decimal.
        return f"CAST('{float(value)!r}' AS {words.double})"
    if isinstance(value, int):
        return str(value) if value >= 0 else f"({value})"
    return text_literal(str(value))


def text_literal(text: str) -> str:
    """A text, its odd characters by their numbers.

    >>> text_literal("it's")
    "('it' || CHR(39) || 's')"
    """
    parts, at = [], 0
    for odd in _ODD.finditer(text):
        parts += [f"'{text[at : odd.start()]}'"] if odd.start() > at else []
        parts.append(f"CHR({ord(odd[0])})")
        at = odd.end()
    parts += [f"'{text[at:]}'"] if at < len(text) or not parts else []
    return parts[0] if len(parts) == 1 else f"({' || '.join(parts)})"


def escaped_literal(text: str) -> str:
    """A text where nothing but a literal may stand: quotes and backslashes twice, as Redshift has them."""
    doubled = text.replace("\\", 2 * "\\").replace("'", "''")
    return f"'{doubled}'"
