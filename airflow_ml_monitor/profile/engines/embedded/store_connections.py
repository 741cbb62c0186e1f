"""The id of an Airflow connection → the filesystem of an object store, outside Airflow: by AIRFLOW_CONN_<ID>."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import fsspec

from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.profile.engines.embedded.stores import Access, filesystem


def from_environment(url: str, connection: str) -> fsspec.AbstractFileSystem:
    """The filesystem of a URL by a variable, a URI or JSON, of which nothing is ever quoted."""
    return filesystem(url, access_of(connection) if connection else Access())


def access_of(connection: str) -> Access:
    """What the variable of a connection says; SpecError where there is none."""
    variable = f"AIRFLOW_CONN_{connection.upper()}"
    if not (text := os.environ.get(variable)):
        raise SpecError(
            f"connection {connection!r} is not known outside Airflow; set the variable {variable}, e.g. "
            '{"conn_type": "aws", "login": "key", "password": "secret"}',
            field="source.connection",
        )
    try:
        said, extra = _of_json(json.loads(text)) if text.lstrip().startswith("{") else _of_uri(text)
        login, password, host = (str(part or "") for part in said)
        return Access(connection, login, password, host, dict(extra))
    except (ValueError, TypeError, AttributeError):
        raise SpecError(
            f'{variable} is neither a URI nor JSON of a connection; write {{"conn_type": "aws", "login": "key", '
            '"password": "secret"}',
            field="source.connection",
        ) from None


def _of_json(document: Mapping[str, Any]) -> tuple[Sequence[Any], Mapping[str, Any]]:
    extra = document.get("extra") or {}
    extra = json.loads(extra) if isinstance(extra, str) else extra
    return [document.get(name) for name in ("login", "password", "host")], extra


def _of_uri(text: str) -> tuple[Sequence[Any], Mapping[str, Any]]:
    parts = urlsplit(text)
    if not parts.scheme or "://" not in text:
        raise ValueError
    extra = dict(parse_qsl(parts.query))
    # What is no text, Airflow writes into a URI as JSON.
    extra = {**json.loads(extra.pop("__extra__", "{}")), **extra}
    return [unquote(part or "") for part in (parts.username, parts.password, parts.hostname)], extra
