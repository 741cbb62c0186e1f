"""How the metrics database is reached: engine, transactions, retries. Nothing about its tables."""

from __future__ import annotations

import os
import random
import shlex
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from airflow_ml_monitor.errors import SpecError, StoreError

T = TypeVar("T")

ATTEMPTS = 8
BUSY_SECONDS = 30.0
_BEGIN = "ml_monitor_begin"
# The drivers of our extras. Airflow says 'postgres'; SQLAlchemy 2.1 takes 'postgresql' for psycopg 3.
_DRIVERS = {
    "postgres": "postgresql+psycopg2",
    "postgresql": "postgresql+psycopg2",
    "mysql": "mysql+pymysql",
    "mariadb": "mysql+pymysql",
    "mariadb+pymysql": "mysql+pymysql",
}
_SQLSTATES = {"40001", "40P01"}
"""PostgreSQL: serialization failure, deadlock."""
_MYSQL_CODES = {1213, 1205, 1020}
"""MariaDB: deadlock, lock wait timeout, record changed since last read (11.6 and later)."""
_SQLITE_CODES = {5, 6}
"""SQLite: busy, locked."""


class Database:
    """One metrics database; made without connecting. Survives a fork: the child opens connections of its own.

    origin: where its URL is from, as messages tell it, e.g. 'of ML_MONITOR_STORE'; empty where the user gave it.
    """

    def __init__(self, url: str, origin: str = "") -> None:
        self.url = _parsed(url, f"metrics database URL {origin}".strip())
        self.origin = origin
        self._engine: Engine | None = None
        self._process = 0

    def __str__(self) -> str:
        return f"the metrics database {self.shown}" + (f" ({self.origin})" if self.origin else "")

    @property
    def shown(self) -> str:
        """Its URL without the password; of a file in full, as another process has another folder."""
        url = self.url.set(database=str(self._file.absolute())) if self._file else self.url
        return url.render_as_string(hide_password=True)

    @property
    def remedy(self) -> str:
        """The command that makes or renews the tables of this database: without the URL it may be another one's."""
        return f"`python -m airflow_ml_monitor db upgrade --url {shlex.quote(self.shown)}`"

    @property
    def engine(self) -> Engine:
        """The engine of this process."""
        if self._engine is None:
            self._engine = _engine(self.url)
        elif self._process != os.getpid():
            # Workers fork. The parent's sockets are the parent's: forgotten here, not closed.
            self._engine.dispose(close=False)
        self._process = os.getpid()
        return self._engine

    def dispose(self) -> None:
        """Close the connections; the next call opens new ones."""
        if self._engine is not None:
            self.engine.dispose()
            self._engine = None

    def make_directory(self) -> None:
        """The directory of a SQLite file."""
        if self._file:
            self._file.parent.mkdir(parents=True, exist_ok=True)

    @property
    def is_absent(self) -> bool:
        """True for a SQLite file that is not there: to look into it would make it."""
        return self._file is not None and not self._file.exists()

    @property
    def _file(self) -> Path | None:
        """The file of SQLite; None in memory, and on a server."""
        name = self.url.database
        return Path(name) if self.url.get_backend_name() == "sqlite" and name and name != ":memory:" else None

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction in which all statements see one moment of the database."""
        # SQLite's readers have that by themselves, in WAL mode.
        snapshot = {} if self.url.get_backend_name() == "sqlite" else {"isolation_level": "REPEATABLE READ"}
        with self._translated(), self.engine.execution_options(**snapshot).begin() as connection:
            if connection.dialect.name == "postgresql":
                # A series has a page a window. At the default of 4, made for disks that turn, PostgreSQL reads the
                # whole table, of many columns and windows, too.
                connection.exec_driver_sql("SET LOCAL random_page_cost = 1.1")
            yield connection

    @contextmanager
    def connected(self) -> Iterator[Connection]:
        """A transaction that writes, without a retry."""
        if self.url.get_backend_name() == "sqlite":
            options: dict[str, Any] = {_BEGIN: "BEGIN IMMEDIATE"}
        else:
            # After waiting for the head row the next statement must see what the one before us committed.
            options = {"isolation_level": "READ COMMITTED"}
        with self._translated(), self.engine.execution_options(**options).begin() as connection:
            yield connection

    def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a transaction that writes; again, from its start, after a deadlock or a busy database."""
        for attempt in range(ATTEMPTS):
            try:
                with self.connected() as connection:
                    return work(connection)
            except StoreError as error:
                if attempt == ATTEMPTS - 1 or not is_transient(error.__cause__):
                    raise
            time.sleep(0.02 * 2**attempt * random.uniform(0.5, 1.5))
        raise AssertionError("the last attempt returns or raises")

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            # The driver's words without SQLAlchemy's list of parameters, which may be long.
            told = str(getattr(error, "orig", None) or error).strip().splitlines()[:1]
            raise StoreError(
                f"{self} refused: {' '.join(told)}; check that it can be reached and that {self.remedy} has been run"
            ) from error


def is_transient(error: BaseException | None) -> bool:
    """True for what goes away when the transaction is run again."""
    driver = error.orig if isinstance(error, DBAPIError) else None
    if driver is None:
        return False
    if getattr(driver, "pgcode", None) in _SQLSTATES:
        return True
    code = getattr(driver, "sqlite_errorcode", None)
    if code is not None:
        return (code & 0xFF) in _SQLITE_CODES
    return bool(driver.args) and driver.args[0] in _MYSQL_CODES


def _parsed(text: str, field: str) -> URL:
    try:
        url = make_url(text)
    except (ArgumentError, ValueError) as error:
        # The text is not quoted: a password may stand in it.
        raise SpecError(
            "cannot be read; expected e.g. sqlite:////data/monitor.db or postgresql://user:password@host/database",
            field=field,
        ) from error
    url = url.set(drivername=_DRIVERS.get(url.drivername, url.drivername))
    if (backend := url.drivername.partition("+")[0]) not in ("sqlite", "postgresql", "mysql"):
        raise SpecError(f"{backend!r} cannot hold the metrics; use PostgreSQL, MariaDB or SQLite", field=field)
    return url


def _engine(url: URL) -> Engine:
    backend = url.get_backend_name()
    # A pooled connection may have been closed by the server meanwhile; a file does not hang up.
    options: dict[str, Any] = {"pool_pre_ping": True}
    if backend == "sqlite":
        options = {"connect_args": {"timeout": BUSY_SECONDS}}
    try:
        engine = create_engine(url, **options)
    except ModuleNotFoundError as error:
        extra = {"postgresql": "postgres", "mysql": "mariadb"}.get(backend, backend)
        raise StoreError(
            f"no driver for {url.drivername}: {error}; pip install 'airflow-ml-monitor[{extra}]'"
        ) from error
    if backend == "sqlite":
        event.listen(engine, "connect", _open_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _open_sqlite(connection: Any, _record: Any) -> None:
    # The driver must not begin transactions of its own: deferred ones fail as 'locked', whatever the timeout.
    connection.isolation_level = None
    connection.execute("PRAGMA foreign_keys = ON")
    if connection.execute("PRAGMA journal_mode").fetchone()[0] not in ("wal", "memory"):
        connection.execute("PRAGMA journal_mode = WAL")


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get(_BEGIN, "BEGIN"))
