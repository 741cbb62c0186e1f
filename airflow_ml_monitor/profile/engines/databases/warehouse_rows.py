"""Small tables that are brought to a warehouse in the text of the statements that name them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from airflow_ml_monitor.profile.engines.databases.sql_types import sql_type
from airflow_ml_monitor.profile.engines.databases.warehouse_values import literal, text_literal, type_of
from airflow_ml_monitor.profile.engines.databases.warehouse_words import Words


def rows_of(table: pa.Table, words: Words) -> str:
    """A query of its rows: every value as text, cast once a column; a thousand rows are a short text so."""
    kinds = [sql_type(kind) for kind in table.schema.types]
    names = [_quoted(name, words) for name in table.column_names]
    bare = [f"v{i}" for i in range(len(names))]
    chosen = ", ".join(
        f"{_cast(f'listed.{v}', kind, words)} AS {name}" for v, kind, name in zip(bare, kinds, names, strict=True)
    )
    brought = list(zip(*(column.to_pylist() for column in table.columns), strict=True))
    written = [[_text(value, kind, words) for value, kind in zip(row, kinds, strict=True)] for row in brought]
    none = [[f"CAST(NULL AS {words.text})"] * len(names)]
    return f"SELECT {chosen} FROM {_table(written or none, bare, words)}{'' if written else ' WHERE 1 = 0'}"  # noqa: S608


def _table(rows: Sequence[Sequence[str]], names: Sequence[str], words: Words) -> str:
    listed = ", ".join(f"({', '.join(row)})" for row in rows)
    if words.listed == "structs":
        fields = ", ".join(f"{name} {words.text}" for name in names)
        return f"UNNEST(ARRAY<STRUCT<{fields}>>[{listed}]) AS listed"
    if words.listed == "unions":
        parts = (
            f"SELECT {', '.join(f'{value} AS {name}' for value, name in zip(row, names, strict=True))}" for row in rows
        )
        return f"({' UNION ALL '.join(parts)}) AS listed"
    return f"(VALUES {listed}) AS listed ({', '.join(names)})"


def _quoted(name: str, words: Words) -> str:
    return f"{words.quote}{name.replace(words.quote, 2 * words.quote)}{words.quote}"


def _text(value: Any, kind: sa.types.TypeEngine[Any], words: Words) -> str:
    if value is None:
        return f"CAST(NULL AS {words.text})"
    if isinstance(kind, sa.TIMESTAMP):
        # Of `CAST('…' AS …)` what stands in quotes.
        return f"'{literal(value, kind, words).split(chr(39))[1]}'"
    return text_literal(str(int(value)) if isinstance(value, bool) else str(value))


def _cast(name: str, kind: sa.types.TypeEngine[Any], words: Words) -> str:
    if isinstance(kind, sa.Boolean):
        return f"(CAST({name} AS {words.whole}) <> 0)"
    return f"CAST({name} AS {type_of(kind, words)})"
