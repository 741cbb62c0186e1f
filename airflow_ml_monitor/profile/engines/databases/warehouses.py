"""The warehouses whose statements are generated, and not run: how each is asked. See warehouse_words.py."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from airflow_ml_monitor.profile.engines.databases import warehouse_words
from airflow_ml_monitor.profile.engines.databases.warehouse_database import Vendor, Warehouse
from airflow_ml_monitor.profile.label_source import Several

_OF_SCHEMA: Final = (
    "SELECT column_name, {what} FROM {where} WHERE table_schema = {{schema}} AND table_name = {{table}} "
    "ORDER BY ordinal_position"
)

SNOWFLAKE: Final = Warehouse(
    Vendor(
        name="Snowflake",
        package="snowflake-sqlalchemy",
        words=warehouse_words.SNOWFLAKE,
        columns=_OF_SCHEMA.format(
            what="data_type, numeric_precision, numeric_scale", where="information_schema.columns"
        ),
        here="CURRENT_SCHEMA()",
        session=(
            "ALTER SESSION SET TIMEZONE = 'UTC'",
            "ALTER SESSION SET STATEMENT_TIMEOUT_IN_SECONDS = {seconds}",
        ),
        instants=frozenset({"TIMESTAMP_TZ", "TIMESTAMP_LTZ"}),
    )
)

BIGQUERY: Final = Warehouse(
    Vendor(
        name="BigQuery",
        package="sqlalchemy-bigquery",
        words=warehouse_words.BIGQUERY,
        columns="SELECT column_name, data_type, NULL, NULL FROM {place}.INFORMATION_SCHEMA.COLUMNS "
        "WHERE table_name = {table} ORDER BY ordinal_position",
        here="",
        # A statement has no session: its zone is UTC unless a project says otherwise, its end the reservation's.
        instants=frozenset({"TIMESTAMP"}),
    )
)

REDSHIFT: Final = Warehouse(
    Vendor(
        name="Redshift",
        package="airflow-ml-monitor[postgres]",
        words=warehouse_words.REDSHIFT,
        columns=_OF_SCHEMA.format(what="data_type, numeric_precision, numeric_scale", where="svv_columns"),
        here="CURRENT_SCHEMA()",
        session=("SET timezone TO 'UTC'", "SET statement_timeout TO {milliseconds}"),
        holds_moment=True,
        hooked="redshift+ml_monitor",
        coded=frozenset({"FLOAT", "DOUBLE", "BOOLEAN"}),
        # Its windows are of rows alone: of two labels of one moment each would see another sum.
        refused_several=frozenset({Several.MEAN, Several.MAJORITY, Several.ANY, Several.ALL}),
    )
)

TRINO: Final = Warehouse(
    Vendor(
        name="Trino",
        package="trino[sqlalchemy]",
        words=warehouse_words.TRINO,
        columns=_OF_SCHEMA.format(what="data_type, NULL, NULL", where="information_schema.columns"),
        here="CURRENT_SCHEMA",
        session=("SET TIME ZONE 'UTC'", "SET SESSION query_max_execution_time = '{seconds}s'"),
    )
)

DATABRICKS: Final = Warehouse(
    Vendor(
        name="Databricks",
        package="databricks-sqlalchemy",
        words=warehouse_words.DATABRICKS,
        columns=_OF_SCHEMA.format(what="full_data_type, NULL, NULL", where="information_schema.columns"),
        here="CURRENT_SCHEMA()",
        session=("SET TIME ZONE 'UTC'", "SET STATEMENT_TIMEOUT = {seconds}"),
        instants=frozenset({"TIMESTAMP"}),
    )
)

WAREHOUSES: Final = {
    "snowflake": SNOWFLAKE,
    "bigquery": BIGQUERY,
    "redshift": REDSHIFT,
    "trino": TRINO,
    "databricks": DATABRICKS,
}
"""By the first word of an SQLAlchemy URL."""

# It speaks PostgreSQL's protocol, without all of its settings.
sa.dialects.registry.register(
    "redshift.ml_monitor", "airflow_ml_monitor.profile.engines.databases.redshift", "RedshiftDialect"
)
