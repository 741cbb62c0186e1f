"""Where data lies, as OpenLineage names it: what other programs say of the same table or file meets by these names.

Namespace and name follow OpenLineage's naming specification. No credentials are in them.
"""

from __future__ import annotations

import glob
import os
import re
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import make_url

from airflow_ml_monitor.profile.spark_source import Spark
from airflow_ml_monitor.store.repository import MetricsStore

NAMESPACE: Final = "airflow_ml_monitor"
"""Of what lies nowhere: rows that a task holds in memory."""

_REMOTE: Final = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<authority>[^/]*)/*(?P<path>.*)", re.IGNORECASE)
_SCHEMES: Final = {"s3a": "s3", "s3n": "s3", "gcs": "gs"}
"""Other names of the same stores."""
_PORTS: Final = {"postgres": 5432, "mysql": 3306}


@dataclass(frozen=True, slots=True)
class Place:
    """A dataset as lineage knows it. namespace: the store or server it is in."""

    namespace: str
    name: str


def place_of(source: Any, otherwise: str) -> Place:
    """The place of a path, glob or directory: of a glob the folder before its first wildcard.

    otherwise: the name of a source that is none of these.

    >>> place_of("/data/predictions/*.parquet", "")
    Place(namespace='file', name='/data/predictions')
    >>> place_of("s3a://lake/credit/day=*/part-0.parquet", "")
    Place(namespace='s3://lake', name='credit')
    """
    if isinstance(source, Spark) and source.path:
        source = source.path
    if not isinstance(source, (str, os.PathLike)):
        return Place(NAMESPACE, otherwise)
    text = os.fspath(source)
    if (found := _REMOTE.fullmatch(text)) and found["scheme"].lower() != "file":
        scheme = found["scheme"].lower()
        secret, _, host = found["authority"].rpartition("@")
        # `container@account` of Azure is a place; `user:password@host` is not.
        authority = host if ":" in secret else found["authority"]
        return Place(f"{_SCHEMES.get(scheme, scheme)}://{authority}", _fixed(found["path"]).rstrip("/") or "/")
    return Place("file", os.path.abspath(_fixed(text.removeprefix("file://")) or os.curdir))


def table_of(store: MetricsStore, table: str) -> Place:
    """The place of one of the metrics database's tables."""
    url = make_url(store.url)
    if (backend := url.get_backend_name()) == "sqlite":
        # The specification knows no SQLite: its file is the server.
        return Place(f"sqlite:{os.path.abspath(url.database or os.curdir)}", table)
    scheme = {"postgresql": "postgres"}.get(backend, backend)
    within = (url.database, store.schema, table) if backend == "postgresql" else (url.database, table)
    host = f"{scheme}://{url.host or 'localhost'}:{url.port or _PORTS[scheme]}"
    return Place(host, ".".join(str(part) for part in within))


def _fixed(path: str) -> str:
    """The part of a path before its first wildcard."""
    parts = path.split("/")
    fixed = next((i for i, part in enumerate(parts) if glob.has_magic(part)), len(parts))
    return "/".join(parts[:fixed]) or ("/" if path.startswith("/") else "")
