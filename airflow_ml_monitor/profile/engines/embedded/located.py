"""A source beyond this machine's disk, or a table of a lake, with what reads it: its files."""

from __future__ import annotations

import glob
import os
import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import fsspec

from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.profile.engines.embedded.file import File, answered
from airflow_ml_monitor.profile.engines.embedded.store_connections import from_environment
from airflow_ml_monitor.profile.engines.embedded.stores import Stores, scheme_of
from airflow_ml_monitor.profile.file_source import Files, Format, check_path

_MOMENTS: Final = ("mtime", "LastModified", "last_modified", "updated", "modified", "created")
_VERSIONS: Final = ("ETag", "etag", "md5Hash", "generation")


def is_elsewhere(source: Any) -> bool:
    """True of what is no plain path of this machine."""
    if isinstance(source, Located):
        return True
    if isinstance(source, Files) and source.format != Format.FILES:
        return True
    return isinstance(source, (str, os.PathLike)) and scheme_of(os.fspath(source)) != ""


@dataclass(frozen=True, slots=True, eq=False)
class Located:
    """What `located` says of a source. A table's files are those of the snapshot that was first asked for."""

    source: Files
    stores: Stores = field(repr=False)
    _snapshot: list[tuple[File, ...]] = field(default_factory=list, repr=False)

    def __fspath__(self) -> str:
        return self.source.path

    def files(self) -> tuple[File, ...]:
        """Its files, in order; none where nothing is there. ScanError where the store does not answer."""
        if self.source.format == Format.FILES:
            with answered(self.source.path):
                return self._listed()
        if not self._snapshot:
            self._snapshot.append(self._of_table())
        return self._snapshot[0]

    def store(self, url: str = "") -> fsspec.AbstractFileSystem | None:
        """The filesystem of a URL, or of the source; None: this machine's own."""
        where = url or self.source.path
        return self.stores(where, self.source.connection) if scheme_of(where) not in ("", "file") else None

    def _of_table(self) -> tuple[File, ...]:
        if self.source.format == Format.DELTA:
            from airflow_ml_monitor.profile.engines.embedded.delta import delta_files

            return delta_files(self)
        from airflow_ml_monitor.profile.engines.embedded.iceberg import iceberg_files

        return iceberg_files(self)

    def _listed(self) -> tuple[File, ...]:
        """As `files.files_of` lists this machine's."""
        path = self.source.path
        store = self.stores(path, self.source.connection)
        # Some keep what they listed: files change under us.
        store.invalidate_cache()
        home = store._strip_protocol(path)
        found: Mapping[str, Mapping[str, Any]]
        if glob.has_magic(home):
            found = store.glob(home, detail=True)
            # As on this machine: nothing hidden is found unless it is named.
            found = found if "/." in home else {n: i for n, i in found.items() if not _is_hidden("", n)}
        else:
            try:
                info = store.info(home)
            except FileNotFoundError:
                return ()
            found = {home: info} if info["type"] == "file" else _below(store, home)
        scheme = scheme_of(path)
        return tuple(
            file_of(store, f"{scheme}://{name}", info) for name, info in sorted(found.items()) if info["type"] == "file"
        )


def located(source: Any, stores: Stores = from_environment) -> Any:
    """A source with what reads it, where a path alone does not tell; anything else as it is."""
    if isinstance(source, Located) or not is_elsewhere(source):
        return source
    check_path(os.fspath(source), "source")
    return Located(source if isinstance(source, Files) else Files(os.fspath(source)), stores)


def file_of(store: fsspec.AbstractFileSystem, path: str, info: Mapping[str, Any]) -> File:
    """A file as its store describes it."""
    changed = next((info[name] for name in _MOMENTS if info.get(name)), 0)
    if isinstance(changed, str):
        changed = datetime.fromisoformat(changed)
    nanoseconds = round(changed.timestamp() * 1e6) * 1000 if isinstance(changed, datetime) else int(changed * 1e9)
    version = next((str(info[name]) for name in _VERSIONS if info.get(name)), "")
    return File(path, int(info["size"]), nanoseconds, version, place=str(info["name"]), store=store)


def _below(store: fsspec.AbstractFileSystem, home: str) -> Mapping[str, Mapping[str, Any]]:
    """A directory's own Parquet files, else CSV; those below it, if it has none. Hidden ones are none."""
    every = {name: info for name, info in store.find(home, detail=True).items() if not _is_hidden(home, name)}
    for ending in (".parquet", ".pq", ".csv", ".csv.gz"):
        found = {name: info for name, info in every.items() if name.endswith(ending)}
        if own := {name: info for name, info in found.items() if posixpath.dirname(name) == home.rstrip("/")}:
            return own
        if found:
            return found
    return {}


def _is_hidden(home: str, name: str) -> bool:
    return any(part.startswith(".") for part in name.removeprefix(home).split("/"))


def need(package: str, error: ModuleNotFoundError) -> SpecError:
    """What to say where the extra of tables of a lake is not installed."""
    return SpecError(
        f"{package} tables need a package that is not there ({error.name}); pip install 'airflow-ml-monitor[lake]'",
        field="source.format",
    )
