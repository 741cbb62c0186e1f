"""Which files a window depends on, and what names their bytes."""

from __future__ import annotations

import fnmatch
import glob
import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, time
from functools import lru_cache
from itertools import takewhile
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.keys import EVER, Window
from airflow_ml_monitor.profile.engines.embedded.file import File
from airflow_ml_monitor.profile.engines.embedded.footer_times import times_between
from airflow_ml_monitor.profile.engines.embedded.located import is_elsewhere
from airflow_ml_monitor.profile.engines.embedded.located import located as _located

_ENDINGS: Final = ("parquet", "pq", "csv", "csv.gz")
_REQUESTS: Final = 16
"""Footers asked for at once of files elsewhere: each is a request or two."""


@dataclass(frozen=True, slots=True)
class Footer:
    """What a Parquet footer says: digests of itself and of the schema, extremes of the columns that hold times, names.

    A file without a readable footer says nothing; that it cannot be read shows when it is opened.
    """

    rows: int

    digest: str
    schema: str
    spans: tuple[tuple[str, tuple[Any, Any]], ...]
    names: frozenset[str] = frozenset()


def located(source: str | os.PathLike[str]) -> str:
    """A path or glob; of a directory the glob of the files in it: Parquet, else CSV; those below it, if it has none."""
    text = os.fspath(source)
    return (
        text
        if is_elsewhere(source)
        else next((pattern for pattern in _patterns(text) if glob.glob(pattern, recursive=True)), text)
    )


def _patterns(source: str) -> Sequence[str]:
    """The globs of a directory, the first of which that finds a file is taken; none of a path or glob."""
    if not os.path.isdir(source):
        return ()
    return [os.path.join(glob.escape(source), deep, f"*.{end}") for end in _ENDINGS for deep in ("", "**")]


def would_find(source: str | os.PathLike[str], path: Path) -> bool:
    """Whether a source would take a path for a file of its own, or for its only ones, once that is there."""
    text = os.fspath(source)
    if is_elsewhere(source):
        return False
    taken, patterns = located(text), _patterns(text)
    looked_for = patterns[: patterns.index(taken) + 1] if taken in patterns else patterns or [text]
    parts = path.resolve().parts
    return any(_fits(parts, _absolute(pattern)) for pattern in looked_for)


def _absolute(pattern: str) -> tuple[str, ...]:
    """A glob's parts, those before the first that may be several as they are without links."""
    parts = Path(pattern).parts
    fixed = tuple(takewhile(lambda part: not glob.has_magic(part), parts))
    return (*Path(*fixed).resolve().parts, *parts[len(fixed) :])


def _fits(parts: tuple[str, ...], pattern: tuple[str, ...]) -> bool:
    """Whether a path is one that glob finds: `**` is any folders, and nothing hidden is found unless it is named."""
    if not pattern or not parts:
        return not parts and all(part == "**" for part in pattern)
    is_hidden = parts[0].startswith(".") and not pattern[0].startswith(".")
    if pattern[0] == "**":
        return _fits(parts, pattern[1:]) or (not is_hidden and _fits(parts[1:], pattern))
    return not is_hidden and fnmatch.fnmatchcase(parts[0], pattern[0]) and _fits(parts[1:], pattern[1:])


def files_of(source: str | os.PathLike[str]) -> tuple[File, ...]:
    """The files of a path, glob or directory, or of a table of a lake, in order."""
    if is_elsewhere(source):
        return _located(source).files()  # type: ignore[no-any-return]
    text = located(source)
    # A directory that is left is one without such files.
    paths = sorted(glob.glob(text, recursive=True)) if glob.has_magic(text) else [] if os.path.isdir(text) else [text]
    found = []
    for path in paths:
        try:
            stat = os.stat(path)
        except FileNotFoundError:
            # Not there, or gone since the folder was listed.
            continue
        found.append(File(path, stat.st_size, stat.st_mtime_ns))
    return tuple(found)


def holding(files: tuple[File, ...], event_time: str, zone: str, window: Window) -> tuple[File, ...]:
    """The files whose footer does not rule a window out."""
    if window == EVER:
        return files
    _ask([file for file in files if not _is_told(file, event_time)])
    return tuple(file for file in files if _may_hold(file, event_time, zone, window))


def rows_of(file: File) -> int:
    """Rows of a Parquet file, by its footer; 0 where that cannot be read."""
    return _footer(file).rows


def are_alike(files: tuple[File, ...]) -> bool:
    """True if all footers name the same columns, so that the first one's tells them all."""
    _ask(files)
    return len({_footer(file).schema for file in files}) == 1


def check_whole(files: Sequence[File]) -> None:
    """SpecError where a column stands in the partition of a table's file alone, and would read as missing."""
    for file in files:
        missing = [name for name in file.table.constant if name not in _footer(file).names] if file.table else []
        if missing:
            raise SpecError(
                f"column {missing[0]!r} is not in {os.path.basename(file.path)}, but in its table's partition alone; "
                "rewrite the table, or read a copy",
                field="source.path",
            )


def fingerprint(files: tuple[File, ...]) -> str:
    """Names the files' bytes by path, size, mtime, what their store calls them and, for Parquet, the footer.

    A table's file by its path alone, and by what the table says of it: its bytes never change.
    """
    named = hashlib.sha256()
    _ask([file for file in files if file.is_parquet and not file.table])
    for file in files:
        footer = _footer(file).digest if file.is_parquet and not file.table else ""
        told = f"\0{file.version}" * bool(file.version) + (f"\0{file.table.partition}" if file.table else "")
        named.update(f"{file.path}\0{file.size}\0{file.mtime}\0{footer}{told}\n".encode())
    return named.hexdigest()[:24]


def _is_told(file: File, event_time: str) -> bool:
    """Whether a table tells the extremes of its file's times, or there are none to ask for."""
    return not file.is_parquet or (file.table is not None and event_time in dict(file.table.spans))


def _ask(files: Sequence[File]) -> None:
    """The footers of files elsewhere, many at once; of those of this machine none is worth a thread."""
    if len(elsewhere := [file for file in files if file.store is not None]) > 1:
        with ThreadPoolExecutor(_REQUESTS) as pool:
            for _ in pool.map(_footer, elsewhere):
                pass


def _may_hold(file: File, event_time: str, zone: str, window: Window) -> bool:
    """False if the footer's statistics show that no row of the file lies in the window."""
    if not file.is_parquet:
        return True
    told = file.table.spans if file.table and _is_told(file, event_time) else _footer(file).spans
    span = dict(told).get(event_time)
    if span is None:
        return True
    low, high = (value if isinstance(value, datetime) else datetime.combine(value, time(0)) for value in span)
    start, end = window.start, window.end
    if low.tzinfo is None:
        # Compared as the scan compares them: by the clock on the wall, whatever it does that night.
        start, end = (moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None) for moment in (start, end))
    return bool(low < end and high >= start)


@lru_cache(maxsize=20_000)
def _footer(file: File) -> Footer:
    """A file's footer; cached for as long as the file is unchanged."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        metadata = pq.read_metadata(file.readable)
    except (pa.ArrowException, OSError):
        return Footer(0, "unreadable", "unreadable", ())
    named = hashlib.sha256(f"{metadata.num_rows} {metadata.serialized_size} {metadata.created_by}".encode())
    extremes: dict[str, tuple[Any, Any] | None] = {}
    for group in range(metadata.num_row_groups):
        for i in range(metadata.num_columns):
            column = metadata.row_group(group).column(i)
            named.update(f"{column.path_in_schema} {column.total_compressed_size} {column.file_offset}".encode())
            if not column.is_stats_set or not column.statistics.has_min_max:
                extremes[column.path_in_schema] = None
                continue
            if (found := times_between(column.statistics)) is None:
                continue
            if not found:
                extremes[column.path_in_schema] = None
                continue
            low, high = found
            before = extremes.get(column.path_in_schema, (low, high))
            extremes[column.path_in_schema] = before and (min(before[0], low), max(before[1], high))
    spans = tuple((name, span) for name, span in extremes.items() if span is not None)
    names = frozenset(metadata.schema.column(i).path.partition(".")[0] for i in range(metadata.num_columns))
    return Footer(metadata.num_rows, named.hexdigest()[:24], _schema(metadata), spans, names)


def _schema(metadata: Any) -> str:
    columns = (metadata.schema.column(i) for i in range(metadata.num_columns))
    text = "\n".join(f"{c.path} {c.physical_type} {c.logical_type} {c.max_definition_level}" for c in columns)
    return hashlib.sha256(text.encode()).hexdigest()[:24]
