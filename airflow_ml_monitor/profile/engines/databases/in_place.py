"""A window's rows where they lie, for whoever asks a database about them itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.sql import quoted_name

from airflow_ml_monitor.keys import Window
from airflow_ml_monitor.profile.dataset import Dataset
from airflow_ml_monitor.profile.engines.databases.postgres_database import POSTGRES
from airflow_ml_monitor.profile.engines.databases.sql_opening import opened
from airflow_ml_monitor.profile.engines.databases.sql_types import arrow_type
from airflow_ml_monitor.profile.engines.opening import declared
from airflow_ml_monitor.profile.queries.dialect import not_a_number
from airflow_ml_monitor.profile.queries.query import Expression


@dataclass(frozen=True, slots=True, eq=False)
class InPlace:
    """A transaction that only reads, and the statement of a window's rows in it.

    Columns are the dataset's that arrived, in its order, and hold what `Engine.frame` would bring: NaN is missing,
    decimals are doubles, and what is neither number, time nor true or false is text. types: their own, as the database
    has them.
    """

    connection: sa.Connection
    rows: sa.Select[Any]
    types: Mapping[str, Any]


def in_place(connection: sa.Connection, dataset: Dataset, window: Window) -> InPlace:
    """A table's rows of a window, in PostgreSQL.

    Raises NoSource, and MissingColumn or WrongType where the event time is none.
    """
    scan = opened(connection, POSTGRES, {"source": declared(dataset, window)})
    scan.within(dataset, window)
    kinds = POSTGRES.found(connection, dataset.source).columns
    names = list(dict.fromkeys(column.name for column in dataset.columns if column.name in scan.types["source"]))
    read: Any = scan.tables["source"].element
    inner = read.subquery("read")
    columns = [_as_framed(inner.c[name], scan.types["source"][name]).label(quoted_name(name, True)) for name in names]
    return InPlace(connection, sa.select(*columns).select_from(inner), {name: kinds[name] for name in names})


def _as_framed(column: Expression, arrived: str) -> Expression:
    kind = arrow_type(arrived)
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return sa.func.nullif(sa.cast(column, sa.Double), not_a_number(), type_=sa.Double)
    if pa.types.is_string(kind):
        return sa.cast(column, sa.Text)
    return column
