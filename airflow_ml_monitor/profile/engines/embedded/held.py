"""Files that DuckDB has no path for, under names of ours: bytes come by ranges, each once, and wait on disk."""

from __future__ import annotations

import itertools
import os
import tempfile
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, BinaryIO, Final
from urllib.parse import quote

import duckdb
from fsspec import AbstractFileSystem

from airflow_ml_monitor.errors import ScanError
from airflow_ml_monitor.profile.engines.embedded.file import File

_NUMBERS: Final = itertools.count()
_BY_PAGES: Final = "disable_parquet_prefetching"
_EMPTY: Final = "__HIVE_DEFAULT_PARTITION__"


class Held(AbstractFileSystem):  # type: ignore[misc]
    """The files of one opening as a filesystem of DuckDB's, which forgets them when closed.

    What is asked for crosses the network once: a column that two statements read is read from the disk by the second.
    """

    cachable = False

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        super().__init__()
        self.protocol = f"held{next(_NUMBERS)}"
        self.connection = connection
        self._files: dict[str, _Kept] = {}
        self._waiting = _Waiting()
        self._reads_by_pages = False

    @property
    def failed(self) -> ScanError | None:
        """Why a file could not be read, if its store is the reason."""
        return next((kept.failed for kept in self._files.values() if kept.failed), None)

    def names(self, files: Sequence[File]) -> list[str]:
        """What DuckDB is to read: a path where it has one; else a name that says what its partition is."""
        return [file.path if _is_plain(file) else self._name(file) for file in files]

    def _name(self, file: File) -> str:
        if not self._files:
            self.connection.register_filesystem(self)
            self._read_by_chunks()
        if file.table:
            values = ((name, _EMPTY if value is None else value) for name, _, value in file.table.partition)
            folders = [f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in values]
        else:
            # From these DuckDB takes columns, as it does from paths of its own.
            folders = [part for part in file.place.split("/")[:-1] if "=" in part]
        ending = "parquet" if file.is_parquet else "csv.gz" if file.path.endswith(".gz") else "csv"
        name = "/".join([f"{self.protocol}://rows", *folders, f"{len(self._files)}.{ending}"])
        self._files[name] = _Kept(file, self._waiting)
        return name

    def _read_by_chunks(self) -> None:
        """Have a column's chunk asked for whole: by pages it would be a thousand requests for one."""
        [(before,)] = self.connection.execute(f"SELECT current_setting('{_BY_PAGES}')").fetchall()
        self._reads_by_pages = bool(before)
        self.connection.execute(f"SET {_BY_PAGES} = false")

    def close(self) -> None:
        """Forget every file, and what was kept of it."""
        if self._files:
            self.connection.unregister_filesystem(self.protocol)
            self.connection.execute(f"SET {_BY_PAGES} = {self._reads_by_pages}")
        self._waiting.close()
        self._files.clear()

    def glob(self, path: str, **_: Any) -> list[str]:
        return [path] if path in self._files else []

    def exists(self, path: str, **_: Any) -> bool:
        return path in self._files

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        return {"name": path, "size": self._files[path].file.size, "type": "file"}

    def modified(self, path: str) -> datetime:
        return datetime.fromtimestamp(self._files[path].file.mtime / 1e9, UTC)

    def open(self, path: str, mode: str = "rb", **_: Any) -> _Handle:
        return _Handle(self._files[path])


def partitions(file: File) -> str:
    """The options by which DuckDB takes a file's partition, and only it, from its name."""
    if not file.table:
        return ""
    if not file.table.partition:
        return ", hive_partitioning = false"
    types = ", ".join(f"{_literal(name)}: {_literal(kind)}" for name, kind, _ in file.table.partition)
    return f", hive_partitioning = true, hive_types = {{{types}}}"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _is_plain(file: File) -> bool:
    return file.store is None and not (file.table and file.table.partition)


class _Waiting:
    """Where bytes wait that may be asked for again: one file without a name, as many files as may be read."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._file: BinaryIO | None = None
        self._end = 0

    def put(self, content: bytes) -> int:
        """Keep some bytes; where they are."""
        with self._lock:
            if self._file is None:
                self._file = tempfile.TemporaryFile()  # noqa: SIM115
            place, self._end = self._end, self._end + len(content)
        view, at = memoryview(content), place
        while view:
            written = os.pwrite(self._file.fileno(), view, at)
            view, at = view[written:], at + written
        return place

    def get(self, place: int, size: int) -> bytes:
        assert self._file is not None  # something was put there
        return os.pread(self._file.fileno(), size, place)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


class _Kept:
    """A file, and where what has been read of it waits."""

    def __init__(self, file: File, waiting: _Waiting) -> None:
        self.file = file
        self.failed: ScanError | None = None
        self._waiting = waiting
        self._lock = threading.Lock()
        self._spans: list[tuple[int, int, int]] = []
        """ranges that were read, by their begin, end and where they wait"""

    def read(self, start: int, size: int) -> bytes:
        end = min(start + size, self.file.size)
        if end <= start:
            return b""
        if self.file.store is None:
            return self.file.between(start, end)
        with self._lock:
            pieces = self._pieces(start, end)
        if pieces:
            return b"".join(self._waiting.get(place, long) for place, long in pieces)
        try:
            found = self.file.between(start, end)
        except ScanError as error:
            self.failed = error
            raise
        place = self._waiting.put(found)
        with self._lock:
            self._spans.append((start, start + len(found), place))
        return found

    def _pieces(self, start: int, end: int) -> list[tuple[int, int]]:
        """Where a range waits, and how much there; nothing where a part of it does not. Statements ask for columns
        alone that others asked for together."""
        found = []
        while start < end:
            begin, reach, place = max((s for s in self._spans if s[0] <= start), key=lambda s: s[1], default=(0, 0, 0))
            if reach <= start:
                return []
            found.append((place + start - begin, min(reach, end) - start))
            start = reach
        return found


class _Handle:
    """An open file. A thread that moves and then reads does it as one, as DuckDB's two calls are not."""

    closed = False

    def __init__(self, kept: _Kept) -> None:
        self._kept = kept
        self._at = 0
        self._moved = threading.local()
        self.size = kept.file.size

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        at: int = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self.size}[whence]
        self._at = self._moved.to = at
        return at

    def tell(self) -> int:
        return self._at

    def read(self, size: int = -1) -> bytes:
        moved: int | None = getattr(self._moved, "to", None)
        self._moved.to = None
        # Read on by another thread, it goes on where the last one ended.
        start = self._at if moved is None else moved
        found = self._kept.read(start, self.size if size < 0 else size)
        self._at = start + len(found)
        return found

    def close(self) -> None:
        """What is kept serves the next that opens the file."""
