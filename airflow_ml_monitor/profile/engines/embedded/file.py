"""A file that holds rows, wherever it lies."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, Any

from airflow_ml_monitor.errors import MonitorError, ScanError


@dataclass(frozen=True, slots=True)
class InTable:
    """What a table of a lake says of one of its files, which never changes.

    partition: (column, its type as DuckDB names it, its value in all rows as text), of columns that the file lacks.
    constant: columns that have one value in all rows, and may be missing in the file. spans: extremes of times.
    """

    partition: tuple[tuple[str, str, str | None], ...] = ()
    constant: tuple[str, ...] = ()
    spans: tuple[tuple[str, tuple[Any, Any]], ...] = ()


@dataclass(frozen=True, slots=True)
class File:
    """A file as it is now: mtime in nanoseconds, 0 of one that never changes.

    version: what its store calls these bytes, if it does. store: the filesystem that reads it, of fsspec; None: this
    machine's own. place: its path there.
    """

    path: str
    size: int
    mtime: int
    version: str = ""
    table: InTable | None = None
    place: str = field(default="", compare=False, repr=False)
    store: Any = field(default=None, compare=False, repr=False)

    @property
    def is_parquet(self) -> bool:
        return self.table is not None or self.path.endswith((".parquet", ".pq"))

    @property
    def readable(self) -> str | IO[bytes]:
        """What pyarrow reads it by; of a file elsewhere those bytes alone that are asked for cross the network."""
        return self.path if self.store is None else io.BufferedReader(Ranges(self), 2**16)

    def between(self, start: int, end: int) -> bytes:
        """Some of its bytes."""
        if self.store is None:
            with open(self.path, "rb") as file:
                file.seek(start)
                return file.read(end - start)
        with answered(self.path):
            found: bytes = self.store.cat_file(self.place, start=start, end=min(end, self.size))
            return found


class Ranges(io.RawIOBase):
    """A file elsewhere, read by ranges."""

    def __init__(self, file: File) -> None:
        super().__init__()
        self._file = file
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._file.size}[whence]
        return self._at

    def readinto(self, buffer: Any) -> int:
        wanted = min(len(buffer), self._file.size - self._at)
        if wanted <= 0:
            return 0
        found = self._file.between(self._at, self._at + wanted)
        buffer[: len(found)] = found
        self._at += len(found)
        return len(found)


@contextmanager
def answered(path: str) -> Iterator[None]:
    """ScanError for whatever a store answers instead of files."""
    try:
        yield
    except MonitorError:
        raise
    except Exception as error:
        # Not quoted, nor chained: what a store says may repeat what it was given.
        raise ScanError(
            f"{path} cannot be read: {type(error).__name__}; does the store answer this machine, and may the "
            "connection's account list and read it?"
        ) from None
