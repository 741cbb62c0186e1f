"""Files that need more than a path to be read, as a source. Light: imported when a DAG is parsed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from airflow_ml_monitor.errors import SpecError, UnknownName

_CONNECTION: Final = re.compile(r"[A-Za-z0-9_.\-]{1,200}")
_SECRET: Final = re.compile(r"[a-z][a-z0-9+.-]*://[^/]*:[^/]*@", re.IGNORECASE)


class Format(StrEnum):
    """What the files of a source are."""

    FILES = "files"
    """Parquet or CSV, each a part of the rows"""
    DELTA = "delta"
    """a Delta table: those of its Parquet files that a version of it consists of"""
    ICEBERG = "iceberg"
    """an Iceberg table: those of its Parquet files that a snapshot of it consists of"""


@dataclass(frozen=True, slots=True)
class Files:
    """A path, glob or directory with what it takes to read it; it may stand wherever a path may.

    path: on this machine, or in an object store: s3://bucket/scores/*.parquet, gs://…, abfs://container@account…/….
    Of a Delta table its directory; of an Iceberg table the metadata file, the directory if it holds a version hint, or
    its name as `catalog.namespace.table`, of a catalog that PyIceberg is configured for.
    connection: the id of an Airflow connection that holds the credentials; outside Airflow that of the variable
    AIRFLOW_CONN_<ID>. Empty: those that the machine has, such as a role.
    version: of a Delta table the version, of an Iceberg table the id of the snapshot; None is the newest.
    """

    path: str
    connection: str = ""
    format: Format = Format.FILES
    version: int | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.path, str) or not self.path.strip():
            raise SpecError("is no path; name a file, a glob, a directory or a table", field="source.path")
        check_path(self.path, "source.path")
        if self.connection and not _CONNECTION.fullmatch(self.connection):
            # Not quoted: whoever writes credentials here would read them in a log.
            raise SpecError(
                "is no id of an Airflow connection; name one, and keep the credentials there", field="source.connection"
            )
        if self.format not in (known := [member.value for member in Format]):
            raise UnknownName("format", self.format, known, field="source.format")
        # Of a document it is text.
        object.__setattr__(self, "format", Format(self.format))
        if self.version is not None and self.format is Format.FILES:
            raise SpecError(
                f"{self.version} cannot be: plain files have no versions; say format: delta or iceberg",
                field="source.version",
            )

    def __fspath__(self) -> str:
        return self.path

    def __str__(self) -> str:
        return self.path


def is_catalogued(path: object, format: object) -> bool:
    """True of the name of an Iceberg table in a catalog, which is no path.

    >>> is_catalogued("prod.scores.predictions", "iceberg"), is_catalogued("tables/predictions", "iceberg")
    (True, False)
    """
    text = str(path)
    return format == Format.ICEBERG and "/" not in text and "." in text and not text.endswith(".json")


def check_path(path: str, field: str) -> None:
    """SpecError where a path holds a password, which is not quoted."""
    if _SECRET.match(path):
        raise SpecError("holds a password; keep it in an Airflow connection, and name that", field=field)
