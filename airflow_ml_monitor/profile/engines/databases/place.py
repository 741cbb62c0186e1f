"""Where a table of a database was found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql import quoted_name

from airflow_ml_monitor.profile.engines.databases.sql_types import type_name


@dataclass(frozen=True, slots=True)
class Place:
    """A table that is there. columns: their types, in order. row_names: columns that name a stored row; none of a
    view's."""

    table: sa.FromClause
    columns: Mapping[str, Any]
    row_names: tuple[str, ...] = ()

    @property
    def arrived(self) -> dict[str, str]:
        return {name: type_name(kind) for name, kind in self.columns.items()}


def place(name: str, schema: str, columns: Sequence[Mapping[str, Any]], row_names: tuple[str, ...] = ()) -> Place:
    """Of columns as SQLAlchemy finds them."""
    kinds = {str(column["name"]): column["type"] for column in columns}
    named: Iterator[sa.ColumnClause[Any]] = (sa.column(quoted_name(column, True)) for column in (*kinds, *row_names))
    return Place(sa.table(quoted_name(name, True), *named, schema=quoted_name(schema, True)), kinds, row_names)
