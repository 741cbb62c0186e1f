"""The files that a version of a Delta table consists of, by delta-rs; their rows are then read like any Parquet.

Only the log of a table is looked at. One elsewhere is copied first, so that one connection says it all.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.profile.engines.embedded.file import File, InTable, answered
from airflow_ml_monitor.profile.engines.embedded.located import Located, need
from airflow_ml_monitor.profile.engines.embedded.stores import scheme_of

if TYPE_CHECKING:
    from deltalake import DeltaTable
    from fsspec import AbstractFileSystem

_FEATURES: Final = {
    "deletionVectors",
    "columnMapping",
    "timestampNtz",
    "v2Checkpoint",
    "vacuumProtocolCheck",
    "variantType",
}
"""What a reader must know, and is looked after here: with vectors or mapped names a table is refused."""
_TYPES: Final[Mapping[str, str]] = {
    "string": "VARCHAR",
    "long": "BIGINT",
    "integer": "INTEGER",
    "short": "SMALLINT",
    "byte": "TINYINT",
    "float": "FLOAT",
    "double": "DOUBLE",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMPTZ",
    "timestamp_ntz": "TIMESTAMP",
}
_LOG: Final = "_delta_log"
_CUT: Final = timedelta(milliseconds=1)
"""Extremes are cut to milliseconds in the log: the latest moment may be so much later."""
_REQUESTS: Final = 16


def delta_files(located: Located) -> tuple[File, ...]:
    """The files of a version; none where there is no table. SpecError where rows could not be told right."""
    path = located.source.path
    with _log(located) as folder:
        table = _opened(folder, located)
        if table is None:
            return ()
        _check(table, path)
        types = {c["name"]: str(c["type"]) for c in json.loads(table.schema().to_json())["fields"]}
        columns = {name: _TYPES.get(types[name], types[name]) for name in table.metadata().partition_columns}
        if unknown := [
            name for name, kind in columns.items() if not re.fullmatch(r"[A-Z]+|decimal\(\d+,\s*\d+\)", kind)
        ]:
            raise _refused(path, f"is parted by {unknown[0]!r} of type {columns[unknown[0]]}", "part it otherwise")
        import pyarrow as pa

        actions = pa.table(table.get_add_actions(flatten=False)).to_pylist()
    return tuple(sorted((_file(located, action, columns) for action in actions), key=lambda file: file.path))


def _file(located: Located, action: Mapping[str, Any], columns: Mapping[str, str]) -> File:
    home, way = located.source.path.rstrip("/"), unquote(str(action["path"]))
    # A shallow clone's files are another table's, by their full path.
    path = way if scheme_of(way) or way.startswith("/") else f"{home}/{way}"
    store = located.store(path)
    values = action.get("partition") or {}
    partition = tuple((name, kind, _text(values.get(name))) for name, kind in columns.items())
    table = InTable(partition, spans=tuple(_spans(action, values)))
    place = store._strip_protocol(path) if store is not None else ""
    path = path if store is not None else path.removeprefix("file://")
    return File(path, int(action["size_bytes"]), 0, table=table, place=place, store=store)


def _spans(action: Mapping[str, Any], values: Mapping[str, Any]) -> Iterator[tuple[str, tuple[Any, Any]]]:
    lows, highs = action.get("min") or {}, action.get("max") or {}
    for name, low in lows.items():
        high = highs.get(name)
        if isinstance(low, date) and isinstance(high, date):
            yield name, (low, high + _CUT if isinstance(high, datetime) else high)
    yield from ((name, (value, value)) for name, value in values.items() if isinstance(value, date))


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return str(value).lower() if isinstance(value, bool) else str(value)


def _opened(folder: str, located: Located) -> DeltaTable | None:
    try:
        from deltalake import DeltaTable
        from deltalake.exceptions import DeltaError, TableNotFoundError
    except ModuleNotFoundError as error:
        raise need("Delta", error) from None
    version = located.source.version
    try:
        return DeltaTable(folder, version=version)
    except TableNotFoundError:
        return None
    except DeltaError as error:
        which = "" if version is None else f"version {version} of "
        told = f"{which}{located.source.path} cannot be read by deltalake ({type(error).__name__}); is it there still, "
        raise SpecError(f"{told}or managed by a catalog?", field="source.path") from None


def _check(table: DeltaTable, path: str) -> None:
    """SpecError where the files alone do not tell the rows."""
    from deltalake.exceptions import DeltaError

    features = set(table.protocol().reader_features or ())
    if unknown := sorted(features - _FEATURES):
        raise _refused(path, f"needs {unknown[0]!r} of its reader", "write it without")
    if table.metadata().configuration.get("delta.columnMapping.mode", "none") != "none":
        raise _refused(path, "names its columns otherwise in its files (column mapping)", "write a copy without")
    if "deletionVectors" in features:
        try:
            has_vectors = table.deletion_vectors().read_all().num_rows > 0
        except DeltaError:
            # There are some; they were not copied.
            has_vectors = True
        if has_vectors:
            raise _refused(
                path, "has rows that are deleted beside its files (deletion vectors)", "REORG … APPLY (PURGE)"
            )


def _refused(path: str, told: str, remedy: str) -> SpecError:
    return SpecError(f"{path} {told}, so its files would tell wrong rows; {remedy}", field="source.path")


@contextmanager
def _log(located: Located) -> Iterator[str]:
    """A folder of this machine with the table's log."""
    path, store = located.source.path, located.store()
    if store is None:
        yield path.removeprefix("file://")
        return
    with tempfile.TemporaryDirectory(prefix="ml-monitor-delta-") as folder:
        with answered(path):
            _copy(
                store, f"{store._strip_protocol(path).rstrip('/')}/{_LOG}", Path(folder) / _LOG, located.source.version
            )
        yield folder


def _copy(store: AbstractFileSystem, home: str, folder: Path, version: int | None) -> None:
    """What of a log makes a version: the last checkpoint and what came after it, where that is not beyond it."""
    store.invalidate_cache()
    names = {name.removeprefix(home).strip("/"): name for name in store.find(home)}
    first = 0
    if "_last_checkpoint" in names:
        last = int(json.loads(store.cat_file(names["_last_checkpoint"]))["version"])
        first = last if version is None or version >= last else 0
    wanted = {name: place for name, place in names.items() if _is_wanted(name, first, version)}
    if first == 0:
        wanted.pop("_last_checkpoint", None)

    def copied(name: str) -> None:
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(store.cat_file(wanted[name]))

    with ThreadPoolExecutor(_REQUESTS) as pool:
        list(pool.map(copied, wanted))


def _is_wanted(name: str, first: int, version: int | None) -> bool:
    if name == "_last_checkpoint" or name.startswith("_sidecars/"):
        return True
    number = re.match(r"(\d{20})\.(?:json|checkpoint\.)", name)
    return number is not None and first <= int(number[1]) and (version is None or int(number[1]) <= version)
