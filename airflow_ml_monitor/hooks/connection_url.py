"""An Airflow connection → the SQLAlchemy URL of its database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_ml_monitor.airflow_compat import BaseHook
from airflow_ml_monitor.errors import SpecError

if TYPE_CHECKING:
    from airflow.sdk import Connection
    from sqlalchemy import URL

DRIVERS = {
    "postgres": "postgresql+psycopg2",
    "mysql": "mysql+pymysql",
    "sqlite": "sqlite",
    "ml_monitor": "postgresql+psycopg2",
}
"""Airflow's connection types and the SQLAlchemy drivers that they mean, where `extra.driver` does not say."""


def database_of(conn_id: str) -> URL:
    """Where the tables of a connection are; Airflow's own error where there is no such connection."""
    return url_of(BaseHook.get_connection(conn_id))


def url_of(connection: Connection) -> URL:
    """The SQLAlchemy URL that an Airflow connection describes; its password is masked in logs from here on.

    SpecError if it describes none.
    """
    from airflow.sdk.log import mask_secret
    from sqlalchemy import URL, make_url
    from sqlalchemy.exc import ArgumentError

    where = f"connection {connection.conn_id!r}"
    if "://" in (connection.host or ""):
        try:
            url = make_url(str(connection.host))
        except (ArgumentError, ValueError):  # ValueError: a port that is no number
            # The text, and what SQLAlchemy says of it, may hold a password: neither is quoted.
            raise SpecError(
                "the host is no SQLAlchemy URL; write dialect+driver://user@server:5432/database", field=where
            ) from None
        url = url.set(username=url.username or connection.login, password=url.password or connection.password)
    else:
        url = _assembled(connection, where)
    if isinstance(url, URL) and url.password:
        mask_secret(str(url.password))
    return url


def _assembled(connection: Connection, where: str) -> URL:
    from sqlalchemy import URL

    from airflow_ml_monitor.profile.engines.databases.connections import driver_options

    driver = connection.extra_dejson.get("driver") or DRIVERS.get(connection.conn_type or "")
    if not driver:
        raise SpecError(
            f"connections of type {connection.conn_type!r} are not known; put an SQLAlchemy URL into the host, "
            "or the driver into the extra, e.g. {'driver': 'postgresql+psycopg2'}",
            field=where,
        )
    if str(driver).startswith("sqlite"):
        return URL.create(driver, database=connection.schema or connection.host)
    if not connection.host:
        raise SpecError("the host is empty; put the server, or an SQLAlchemy URL, there", field=where)
    options = driver_options(connection.extra_dejson) if str(driver).startswith("postgresql") else {}
    place = (connection.host, connection.port, connection.schema or None)
    return URL.create(driver, connection.login, connection.password, *place, query=options)
