"""The files that a snapshot of an Iceberg table consists of, by PyIceberg; they are then read like any Parquet."""

from __future__ import annotations

import importlib
import os
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from fsspec.implementations.local import LocalFileSystem

from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.profile.engines.embedded.file import File, InTable, answered
from airflow_ml_monitor.profile.engines.embedded.located import Located, need
from airflow_ml_monitor.profile.file_source import is_catalogued

if TYPE_CHECKING:
    from pyiceberg.manifest import DataFile
    from pyiceberg.table import FileScanTask, Table


def iceberg_files(located: Located) -> tuple[File, ...]:
    """The files of a snapshot; none where there is no table, or nothing in it. SpecError where rows could not be told
    right."""
    path, version = located.source.path, located.source.version
    try:
        importlib.import_module("pyiceberg.table")
    except ModuleNotFoundError as error:
        raise need("Iceberg", error) from None
    with answered(path):
        table = _catalogued(path) if is_catalogued(path, located.source.format) else _static(located)
    if table is None:
        return ()
    if version is not None and table.snapshot_by_id(version) is None:
        raise SpecError(f"{path} has no snapshot {version}; is it expired?", field="source.version")
    _check(table, path)
    with answered(path):
        tasks = list(_planned(table, path, version))
    return tuple(sorted((_file(located, table, task) for task in tasks), key=lambda file: file.path))


def _catalogued(path: str) -> Table | None:
    from pyiceberg.catalog import load_catalog
    from pyiceberg.exceptions import NoSuchNamespaceError, NoSuchTableError

    catalog, _, name = path.partition(".")
    try:
        return load_catalog(catalog).load_table(name)
    except (NoSuchTableError, NoSuchNamespaceError):
        return None


def _static(located: Located) -> Table | None:
    """A table without its catalog, by its metadata."""
    from pyiceberg.catalog.noop import NoopCatalog
    from pyiceberg.io.fsspec import FsspecFileIO, FsspecInputFile
    from pyiceberg.serializers import FromInputFile
    from pyiceberg.table import StaticTable

    class Stored(FsspecFileIO):
        """Files by the connection of the source."""

        def new_input(self, location: str) -> FsspecInputFile:
            store = located.store(location) or LocalFileSystem()
            return FsspecInputFile(location=store._strip_protocol(location), fs=store)

    files = Stored({})
    if (place := _metadata(located, files)) is None:
        return None
    metadata = FromInputFile.table_metadata(files.new_input(place))
    return StaticTable(("static", place), metadata, place, files, NoopCatalog("static"))


def _metadata(located: Located, files: Any) -> str | None:
    """Where the metadata of a table is; None where there is no table."""
    path = located.source.path.rstrip("/")
    if path.endswith(".metadata.json"):
        return path if files.new_input(path).exists() else None
    if (hint := files.new_input(f"{path}/metadata/version-hint.text")).exists():
        with hint.open() as opened:
            said = opened.read().decode().strip()
        name = f"v{said}" if said.isdigit() else said.removesuffix(".metadata.json")
        return f"{path}/metadata/{name}.metadata.json"
    if not files.new_input(f"{path}/metadata").exists():
        return None
    raise SpecError(
        f"{path} holds no version hint, so which of its metadata counts its catalog alone knows; name the table as "
        "catalog.namespace.table, or the file of metadata",
        field="source.path",
    )


def _planned(table: Table, path: str, version: int | None) -> Iterator[FileScanTask]:
    from pyiceberg.manifest import FileFormat

    try:
        tasks = list(table.scan(snapshot_id=version).plan_files())
    except (ValueError, NotImplementedError):
        raise _refused(path, "holds what PyIceberg cannot plan, such as deletes by equality") from None
    for task in tasks:
        if task.delete_files:
            raise _refused(path, "has rows that are deleted beside its files")
        if task.file.file_format != FileFormat.PARQUET:
            raise _refused(path, f"holds files of {task.file.file_format.value}, not Parquet")
        yield task


def _check(table: Table, path: str) -> None:
    """SpecError where a name is not the same column in all files."""
    ids, names = defaultdict(set), defaultdict(set)
    for schema in table.metadata.schemas:
        for field in schema.fields:
            ids[field.name].add(field.field_id)
            names[field.field_id].add(field.name)
            if getattr(field, "initial_default", None) is not None:
                raise _refused(path, f"reads column {field.name!r} as a default where a file lacks it")
    if renamed := next((each for each in names.values() if len(each) > 1), None):
        raise _refused(path, f"had a column renamed ({', '.join(sorted(renamed))})")
    if again := next((name for name, each in ids.items() if len(each) > 1), None):
        raise _refused(path, f"had column {again!r} dropped and made again")


def _refused(path: str, told: str) -> SpecError:
    return SpecError(
        f"{path} {told}, so its files would tell wrong rows; rewrite the table, or read a copy", field="source.path"
    )


def _file(located: Located, table: Table, task: FileScanTask) -> File:
    path = str(task.file.file_path)
    store = located.store(path)
    partition = table.metadata.specs()[task.file.spec_id]
    by_id = {field.field_id: field for field in table.schema().fields}
    constant = tuple(
        by_id[part.source_id].name
        for part in partition.fields
        if str(part.transform) == "identity" and part.source_id in by_id
    )
    told = InTable(constant=constant, spans=tuple(_spans(task.file, by_id)))
    place = store._strip_protocol(path) if store is not None else ""
    path = path if store is not None else _local(path)
    return File(path, int(task.file.file_size_in_bytes), 0, table=told, place=place, store=store)


def _local(path: str) -> str:
    """As `file:/a`, `file:///a` and `/a` are one."""
    return os.sep + path.removeprefix("file:").lstrip("/") if path.startswith("file:") else path


def _spans(file: DataFile, by_id: dict[int, Any]) -> Iterator[tuple[str, tuple[Any, Any]]]:
    from pyiceberg.conversions import from_bytes
    from pyiceberg.types import DateType, TimestampType, TimestamptzType

    for number, field in by_id.items():
        low, high = ((bounds or {}).get(number) for bounds in (file.lower_bounds, file.upper_bounds))
        kind = field.field_type
        if low is None or high is None or not isinstance(kind, (DateType, TimestampType, TimestamptzType)):
            continue
        try:
            yield field.name, (_moment(from_bytes(kind, low), kind), _moment(from_bytes(kind, high), kind))
        except OverflowError:
            # Beyond the years that Python knows: it may lie anywhere.
            continue


def _moment(number: Any, kind: Any) -> date | datetime:
    """A count of days, or of microseconds, since 1970."""
    if str(kind) == "date":
        return date(1970, 1, 1) + timedelta(days=number)
    return datetime(1970, 1, 1, tzinfo=UTC if str(kind) == "timestamptz" else None) + timedelta(microseconds=number)
