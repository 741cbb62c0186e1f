"""Brings a database to this release's tables, and tells whether it has them.

Alembic is loaded only where something is to be migrated or explained: a task that finds the right version costs one
SELECT.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from airflow_ml_monitor.errors import StoreError, StoreNotMigrated, StoreTooNew
from airflow_ml_monitor.store.connection import Database
from airflow_ml_monitor.store.tables import REVISION, VERSION_TABLE

if TYPE_CHECKING:
    from alembic.config import Config

_LOCK = 7_206_181_101
"""Any number that nobody else locks: two upgrades at once follow each other."""


def upgrade(database: Database) -> None:
    """Make or renew our tables and views; nothing where they are new already. May be run by several at once.

    StoreTooNew when a newer release has migrated the database.
    """
    database.make_directory()
    with database.connected() as connection, _alone(connection):
        stored = stored_revision(connection)
        if stored == REVISION:
            return
        if stored is not None:
            _known(stored, database)
        from alembic import command

        command.upgrade(_config(connection), "head")


def check(database: Database) -> None:
    """StoreNotMigrated or StoreTooNew unless the tables are those of this release."""
    stored = None
    if not database.is_absent:
        with database.reading() as connection:
            stored = stored_revision(connection)
    if stored == REVISION:
        return
    if stored is None:
        raise StoreNotMigrated(f"{database} has no tables of ours; run {database.remedy}")
    _known(stored, database)
    raise StoreNotMigrated(f"{database} is at version {stored}, this release needs {REVISION}; run {database.remedy}")


def stored_revision(connection: Connection) -> str | None:
    """The migration that the database is at, None before the first."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    found: str | None = connection.scalar(text(f"SELECT version_num FROM {VERSION_TABLE}"))  # noqa: S608
    return found


def _known(stored: str, database: Database) -> None:
    from alembic.script import ScriptDirectory

    if stored not in {script.revision for script in ScriptDirectory.from_config(_config(None)).walk_revisions()}:
        raise StoreTooNew(
            f"{database} is at version {stored}, which this release ({REVISION}) does not know; "
            "upgrade airflow-ml-monitor, here too"
        )


def _config(connection: Connection | None) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(str(files("airflow_ml_monitor"))) / "store" / "migrations"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


@contextmanager
def _alone(connection: Connection) -> Iterator[None]:
    """One upgrade at a time; SQLite's transaction is exclusive from its beginning."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        yield
    elif connection.dialect.name == "mysql":
        # MariaDB commits at every DDL statement: the lock must outlive the transaction.
        if connection.scalar(text("SELECT GET_LOCK(:lock, 60)"), {"lock": str(_LOCK)}) != 1:
            raise StoreError("another upgrade of the metrics database has been running for a minute; look there first")
        try:
            yield
        finally:
            connection.execute(text("SELECT RELEASE_LOCK(:lock)"), {"lock": str(_LOCK)})
    else:
        yield
