"""The id of an Airflow connection → where its database is, outside Airflow: by AIRFLOW_CONN_<ID>, as it reads that."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import sqlalchemy as sa

from airflow_ml_monitor.errors import SpecError

Resolve = Callable[[str], sa.URL]
"""Where the database of a connection is; SpecError, or Airflow's own error, where there is no such connection."""

_PREFIX = "AIRFLOW_CONN_"
_DRIVERS = {
    "postgres": "postgresql+psycopg2",
    "postgresql": "postgresql+psycopg2",
    "mysql": "mysql+pymysql",
    "mariadb": "mysql+pymysql",
    "sqlite": "sqlite",
}


def from_environment(connection: str) -> sa.URL:
    """The URL that a variable describes, as a URI or as JSON. Nothing of its text is ever quoted."""
    variable = f"{_PREFIX}{connection.upper()}"
    if not (text := os.environ.get(variable)):
        raise SpecError(
            f"connection {connection!r} is not known outside Airflow; set the variable {variable}, e.g. "
            "postgres://user:password@server:5432/database",
            field="source.connection",
        )
    try:
        parts = _of_json(json.loads(text)) if text.lstrip().startswith("{") else _of_uri(text)
    except (ValueError, TypeError, AttributeError, KeyError):
        raise SpecError(
            f"{variable} is neither a URI nor JSON of a connection; write postgres://user:password@server:5432/database",
            field="source.connection",
        ) from None
    kind, fields = parts
    if "://" in (fields["host"] or ""):
        return _of_host(fields, variable)
    if (driver := _DRIVERS.get(kind.partition("+")[0])) is None:
        raise SpecError(
            f"{variable} is of type {kind!r}; tables are read in PostgreSQL, MariaDB and SQLite, and in warehouses "
            'whose SQLAlchemy URL is the host, e.g. {"conn_type": "generic", "host": "snowflake://user@account/database"}',
            field="source.connection",
        )
    if driver == "sqlite":
        return sa.URL.create(driver, database=fields["database"] or fields["host"])
    options = fields.pop("query") if driver.startswith("postgresql") else {}
    return sa.URL.create(kind if "+" in kind else driver, **{**fields, "query": options})


def _of_host(fields: Mapping[str, Any], variable: str) -> sa.URL:
    """The URL that stands in the host, as the provider's hook reads it."""
    try:
        url = sa.make_url(fields["host"])
    except (sa.exc.ArgumentError, ValueError):
        raise SpecError(
            f"the host of {variable} is no SQLAlchemy URL; write dialect://user@server/database",
            field="source.connection",
        ) from None
    return url.set(username=url.username or fields["username"], password=url.password or fields["password"])


def _of_uri(text: str) -> tuple[str, dict[str, Any]]:
    parts = urlsplit(text)
    if parts.scheme == "sqlite":
        # As Airflow reads it: what follows the third slash.
        return parts.scheme, {"host": None, "database": unquote(parts.path[1:]) or None}
    if not parts.scheme or not parts.hostname:
        raise ValueError
    extra = dict(parse_qsl(parts.query))
    found = {
        "username": parts.username and unquote(parts.username),
        "password": parts.password and unquote(parts.password),
        "host": unquote(parts.hostname),
        "port": parts.port,
        "database": unquote(parts.path.lstrip("/")) or None,
    }
    # Airflow writes an underscore in a URI's scheme as a hyphen.
    return parts.scheme.replace("-", "_"), {**found, "query": driver_options(extra)}


def _of_json(document: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    extra = document.get("extra") or {}
    found = {"username": document.get("login"), "password": document.get("password"), "host": document.get("host")}
    more = {"port": int(document["port"]) if document.get("port") else None, "database": document.get("schema") or None}
    options = json.loads(extra) if isinstance(extra, str) else extra
    return str(document["conn_type"]), {**found, **more, "query": driver_options(options)}


def driver_options(extra: Mapping[str, Any]) -> dict[str, str]:
    """What a connection says besides of its transport, as libpq knows it."""
    known = ("sslmode", "sslcert", "sslkey", "sslrootcert", "options", "application_name", "connect_timeout")
    return {name: str(extra[name]) for name in known if extra.get(name)}
