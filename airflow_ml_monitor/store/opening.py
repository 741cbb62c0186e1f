"""The store that a user means: by its URL, by the environment, or open already."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from airflow_ml_monitor.errors import SpecError, UnknownName
from airflow_ml_monitor.store.repository import MetricsStore

VARIABLE: Final = "ML_MONITOR_STORE"
"""The environment variable that holds the metrics database's SQLAlchemy URL."""

OF_VARIABLE: Final = f"of the variable {VARIABLE}"
OF_HOME: Final = "under AIRFLOW_HOME"
"""Where a database's URL is from that nobody gave, as messages tell it."""

LOCAL_FILE: Final = "ml_monitor.db"
"""The metrics database under AIRFLOW_HOME, where there is no connection."""


@contextmanager
def opened_store(url: str | MetricsStore | None = None, *, migrated: bool = True) -> Iterator[MetricsStore]:
    """The store at a URL, or at that of the variable, closed afterwards; an open one is handed on as it is.

    Without either the file that DAGs use where they have no connection, if it is there: AIRFLOW_HOME/ml_monitor.db.
    migrated: False for who makes its tables. Errors: SpecError without a URL; StoreError if it cannot be read; that a
    monitor is unknown names the database where nobody gave its URL.
    """
    if isinstance(url, MetricsStore):
        yield url
        return
    place, origin = (url, "") if url else _default_place()
    if not place:
        raise SpecError(
            f"no metrics database; give its SQLAlchemy URL, e.g. sqlite:////path/ml_monitor.db, or set {VARIABLE}",
            field="url",
        )
    store = MetricsStore(place, origin=origin)
    try:
        if migrated:
            store.check()
        yield store
    except UnknownName as unknown:
        if unknown.kind != "monitor" or not origin:
            raise
        # It may be in another database: the user did not say which.
        raise UnknownName("monitor", unknown.name, unknown.known, field=str(store)) from unknown
    finally:
        store.dispose()


def _default_place() -> tuple[str, str]:
    """The URL that is meant where none is given, and where it is from; empty where there is none."""
    if named := os.environ.get(VARIABLE):
        return named, OF_VARIABLE
    return (f"sqlite:///{local_file()}", OF_HOME) if local_file().is_file() else ("", "")


def local_file(name: str = LOCAL_FILE) -> Path:
    """A file under AIRFLOW_HOME."""
    return Path(os.path.expandvars(os.environ.get("AIRFLOW_HOME", "~/airflow"))).expanduser() / name
