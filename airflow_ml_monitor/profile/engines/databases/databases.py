"""Which databases' tables can be read."""

from __future__ import annotations

import sqlalchemy as sa

from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.profile.engines.databases.database import Database
from airflow_ml_monitor.profile.engines.databases.mariadb_database import MARIADB
from airflow_ml_monitor.profile.engines.databases.postgres_database import POSTGRES
from airflow_ml_monitor.profile.engines.databases.sqlite_database import SQLITE
from airflow_ml_monitor.profile.engines.databases.warehouses import WAREHOUSES

_DATABASES: dict[str, Database] = {
    "postgresql": POSTGRES,
    "mysql": MARIADB,
    "mariadb": MARIADB,
    "sqlite": SQLITE,
    **WAREHOUSES,
}


def database_of(url: sa.URL, connection: str) -> Database:
    """The database of a connection. SpecError where its tables cannot be read, before anything is."""
    if (found := _DATABASES.get(url.get_backend_name())) is None:
        raise SpecError(
            f"connection {connection!r} is of {url.get_backend_name()}, whose tables cannot be read yet; those of "
            "PostgreSQL, MariaDB and SQLite can, and, by statements that are generated and were not run, those of "
            f"{', '.join(warehouse.name for warehouse in WAREHOUSES.values())}",
            field="source.connection",
        )
    return found
