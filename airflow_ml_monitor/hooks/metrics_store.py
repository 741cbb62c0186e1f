"""The metrics database behind an Airflow connection."""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow_ml_monitor.airflow_compat import AirflowNotFoundException, BaseHook, configuration, is_in_process
from airflow_ml_monitor.errors import MonitorError, StoreError, StoreNotMigrated
from airflow_ml_monitor.hooks.connection_url import url_of

if TYPE_CHECKING:
    from airflow.sdk import Connection

    from airflow_ml_monitor.store.repository import MetricsStore


class MetricsStoreHook(BaseHook):
    """Opens the store that a connection describes.

    The connection's host is an SQLAlchemy URL; or host, port, login, password and schema (the database) stand in
    their own fields, and `driver` in the extra. The password is masked in logs either way.
    `create_tables` in the extra makes or renews missing tables on first use.

    Without a connection of the default's name, as on the command line: the URL of the variable ML_MONITOR_STORE, else
    an SQLite file under AIRFLOW_HOME, made on first use. The file is refused where tasks run on many machines, which
    would each have a store of their own and never say so.
    """

    conn_name_attr = "conn_id"
    default_conn_name = "ml_monitor_default"
    conn_type = "ml_monitor"
    hook_name = "ML metrics store"

    def __init__(self, conn_id: str = default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.conn_id = conn_id

    @cached_property
    def store(self) -> MetricsStore:
        """The store, its tables checked; StoreError if it cannot be used, with the remedy."""
        from airflow.sdk.log import mask_secret
        from sqlalchemy import make_url

        from airflow_ml_monitor.store.repository import MetricsStore

        url, origin, create = self._place()
        store = MetricsStore(url, origin=origin)
        if password := make_url(store.url).password:
            mask_secret(str(password))
        try:
            store.check()
        except StoreNotMigrated:
            if not create:
                store.dispose()
                raise
            store.upgrade()
        return store

    def get_conn(self) -> MetricsStore:
        return self.store

    def test_connection(self) -> tuple[bool, str]:
        """For the button in Airflow's connection form."""
        from sqlalchemy.exc import SQLAlchemyError

        try:
            place = self.store
        except (MonitorError, SQLAlchemyError) as error:
            return False, str(error)
        return True, f"{place!r} is ready"

    def _place(self) -> tuple[str, str, bool]:
        """The URL of the database, where it is from, and whether its tables may be made."""
        connection = self._found() or (None if is_in_process() else self._found())
        if connection is not None:
            url = url_of(connection).render_as_string(hide_password=False)
            return url, f"of the connection {self.conn_id!r}", bool(connection.extra_dejson.get("create_tables", False))
        from airflow_ml_monitor.store.opening import OF_HOME, OF_VARIABLE, VARIABLE

        if named := os.environ.get(VARIABLE):
            return named, OF_VARIABLE, False
        return _local_file(), OF_HOME, True

    def _found(self) -> Connection | None:
        """The connection; None where the default one is missing.

        Asked twice by the caller: Airflow says "not defined" also when its API did not answer, and once would do to
        write a day into a file that nobody looks at. An API in this process always answers.
        """
        try:
            return self.get_connection(self.conn_id)
        except AirflowNotFoundException:
            if self.conn_id != self.default_conn_name:
                raise
            return None


def _local_file() -> str:
    from sqlalchemy import URL

    from airflow_ml_monitor.store.opening import LOCAL_FILE, local_file

    conf = configuration()
    executor = str(conf.get("core", "executor"))
    local = all(one.strip().rpartition(":")[2].endswith("LocalExecutor") for one in executor.split(","))
    if not local and not is_in_process():
        raise StoreError(
            f"the connection {MetricsStoreHook.default_conn_name!r} does not exist, and with {executor} the default, "
            "an SQLite file, would be another one on every worker; create the connection, e.g. `airflow connections "
            "add ml_monitor_default --conn-type ml_monitor --conn-host <SQLAlchemy URL>`, or set ML_MONITOR_STORE to "
            "that URL on every worker"
        )
    name = conf.get("ml_monitor", "sqlite_file", fallback=LOCAL_FILE)
    return URL.create("sqlite", database=str(local_file(name))).render_as_string()
