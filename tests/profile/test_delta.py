"""A Delta table is the rows of one of its versions, as a plain copy has them, or it is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.keys import EVER, WHOLE, Window
from airflow_ml_monitor.profile.dataset import Column, Dataset, Kind
from airflow_ml_monitor.profile.engines.embedded import files
from airflow_ml_monitor.profile.engines.embedded.duckdb import DuckDB
from airflow_ml_monitor.profile.engines.embedded.located import located
from airflow_ml_monitor.profile.file_source import Files, Format

START = datetime(2026, 3, 1, tzinfo=UTC)
COLUMNS = (Column("x"), Column("region", Kind.CATEGORICAL), Column("amount"), Column("flag", Kind.BOOLEAN))
REGIONS = ["e u/ä%=:'", "us", None, "__", "1"]
ENGINE = DuckDB()


def day(number: int) -> Window:
    return Window(START + timedelta(days=number), START + timedelta(days=number + 1))


def rows(number: int, n: int = 600) -> pa.Table:
    random = np.random.default_rng(number)
    at = [START + timedelta(days=number, seconds=137 * i, microseconds=999_999) for i in range(n)]
    return pa.table({
        "at": pa.array(at, pa.timestamp("us", "UTC")),
        "date": [START.date() + timedelta(days=number)] * n,
        "x": random.normal(size=n),
        "region": pa.array(random.choice(np.array(REGIONS, object), n).tolist(), pa.string()),
        "amount": pa.array([Decimal(i % 7) / 4 for i in range(n)], pa.decimal128(9, 2)),
        "flag": [bool(i % 3) for i in range(n)],
    })  # fmt: skip


def dataset(source: Any, columns: tuple[Column, ...] = COLUMNS, at: str = "at") -> Dataset:
    return Dataset("scores", source, columns, at)


def same(table: Any, copy: pa.Table, window: Window = EVER, at: str = "at") -> None:
    """What a table's profile says is what that of its rows in memory says."""
    remote, plain = dataset(table, at=at), dataset(copy, at=at)
    layout = ENGINE.layout(plain, EVER)
    found, expected = (ENGINE.profile(one, layout, window) for one in (remote, plain))
    assert (found.rows, found.faults) == (expected.rows, {})
    for key, cells in expected.cells.items():
        np.testing.assert_array_equal(found.cells[key].bucket, cells.bucket)
        np.testing.assert_array_equal(found.cells[key].count, cells.count)


def write(path: Path | str, number: int, **more: Any) -> None:
    write_deltalake(path, rows(number), mode="append", **more)


@pytest.mark.parametrize("by", [[], ["region"], ["date"], ["region", "flag"], ["amount", "date", "region"]])
def test_a_table_is_cut_like_its_rows_whatever_it_is_parted_by(by: list[str], tmp_path: Path) -> None:
    """The columns it is parted by are not in its files; a value may be missing, or hold what a path cannot."""
    for number in range(2):
        write(tmp_path / "t", number, partition_by=by)
    both = pa.concat_tables([rows(0), rows(1)])
    same(Files(str(tmp_path / "t"), format=Format.DELTA), both)
    same(Files(str(tmp_path / "t"), format=Format.DELTA), both, day(1))


def test_a_partition_may_be_the_time_of_its_rows(tmp_path: Path) -> None:
    for number in range(3):
        write(tmp_path / "t", number, partition_by=["date"])
    same(Files(str(tmp_path / "t"), format=Format.DELTA), pa.concat_tables(map(rows, range(3))), day(1), at="date")


def test_an_older_version_is_as_it_was(tmp_path: Path) -> None:
    table = tmp_path / "t"
    for number in range(3):
        write(table, number)
    DeltaTable(table).delete("region = 'us'")
    versions = [Files(str(table), format=Format.DELTA, version=v) for v in (0, 1, 2)]
    for number, version in enumerate(versions):
        same(version, pa.concat_tables(map(rows, range(number + 1))))
    left = pa.concat_tables(map(rows, range(3))).to_pylist()
    kept = pa.Table.from_pylist([row for row in left if row["region"] != "us"], rows(0).schema)
    same(Files(str(table), format=Format.DELTA), kept)


def test_rows_that_come_meanwhile_are_of_another_snapshot(tmp_path: Path) -> None:
    write(tmp_path / "t", 0)
    remote = dataset(Files(str(tmp_path / "t"), format=Format.DELTA))
    layout = ENGINE.layout(remote, EVER)
    with ENGINE._opened(source=_opening(remote)) as scan:
        write(tmp_path / "t", 0)
        assert scan.rows(_totals(), "", (), "")[0][0] == 600
    assert ENGINE.profile(remote, layout, EVER).rows == {WHOLE: 1200}


def _opening(owner: Dataset) -> Any:
    from airflow_ml_monitor.profile.engines.opening import declared

    return declared(owner, EVER)


def _totals() -> Any:
    from airflow_ml_monitor.profile.queries import query

    return query.totals


def test_a_window_keeps_its_name_when_other_days_come_and_gets_another_with_its_own_rows(tmp_path: Path) -> None:
    table = dataset(Files(str(tmp_path / "t"), format=Format.DELTA))
    write(tmp_path / "t", 0)
    first = ENGINE.fingerprints(table, [day(0)])
    write(tmp_path / "t", 1)
    assert ENGINE.fingerprints(table, [day(0)]) == first
    write(tmp_path / "t", 0)
    assert ENGINE.fingerprints(table, [day(0)]) != first


def test_the_log_rules_files_out_and_a_time_that_it_cut_off_does_not_lose_its_row(tmp_path: Path) -> None:
    for number in range(3):
        write(tmp_path / "t", number)
    every = files.files_of(Files(str(tmp_path / "t"), format=Format.DELTA))
    assert [len(files.holding(every, "at", "UTC", day(number))) for number in range(4)] == [1, 1, 1, 0]
    last = rows(1)["at"][-1].as_py()
    # The log says that the last row came up to a millisecond earlier.
    tail = Window(last, day(1).end)
    assert len(files.holding(every, "at", "UTC", tail)) == 1
    same(Files(str(tmp_path / "t"), format=Format.DELTA), pa.concat_tables(map(rows, range(3))), tail)


def test_a_column_that_came_later_is_missing_in_older_files(tmp_path: Path) -> None:
    older = rows(0).drop_columns(["flag"])
    write_deltalake(tmp_path / "t", older)
    write_deltalake(tmp_path / "t", rows(1), mode="append", schema_mode="merge")
    plain = pa.concat_tables([older, rows(1)], promote_options="default")
    same(Files(str(tmp_path / "t"), format=Format.DELTA), plain)


@pytest.fixture(scope="module")
def bucket(object_store: Any) -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW_CONN_LAKE", object_store.connection)
        yield object_store


def _upload(bucket: Any, folder: Path, name: str) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            with bucket.files.open_output_stream(f"{bucket.bucket}/{name}/{path.relative_to(folder)}") as out:
                out.write(path.read_bytes())


def test_a_table_in_a_bucket_is_read_by_one_connection_from_its_last_checkpoint_on(bucket: Any, tmp_path: Path) -> None:
    table = tmp_path / "t"
    for number in range(3):
        write(table, number, partition_by=["region"])
    DeltaTable(table).create_checkpoint()
    write(table, 3, partition_by=["region"])
    _upload(bucket, table, "parted")
    there = Files(f"s3://{bucket.bucket}/parted", "lake", Format.DELTA)
    same(there, pa.concat_tables(map(rows, range(4))))
    same(there, pa.concat_tables(map(rows, range(4))), day(2))
    same(Files(there.path, "lake", Format.DELTA, version=1), pa.concat_tables(map(rows, range(2))))
    # What was before the checkpoint need not be there any more.
    bucket.files.delete_file(f"{bucket.bucket}/parted/_delta_log/{0:020}.json")
    same(there, pa.concat_tables(map(rows, range(4))))


def test_where_there_is_no_table_there_are_no_files(bucket: Any, tmp_path: Path) -> None:
    assert files.files_of(Files(str(tmp_path / "none"), format=Format.DELTA)) == ()
    assert located(Files(f"s3://{bucket.bucket}/none", "lake", Format.DELTA)).files() == ()


def _committed(folder: Path, protocol: dict[str, Any], configuration: dict[str, str], **add: Any) -> Files:
    """A table whose log says so, of a file that is there."""
    write(folder, 0)
    [path] = folder.glob("*.parquet")
    log = folder / "_delta_log" / f"{0:020}.json"
    [meta] = (part for part in map(json.loads, log.read_text().splitlines()) if "metaData" in part)
    meta["metaData"]["configuration"] = configuration
    told = {"path": path.name, "partitionValues": {}, "size": path.stat().st_size, "modificationTime": 1, **add}
    lines = [{"protocol": protocol}, meta, {"add": {"dataChange": True, **told}}]
    log.write_text("\n".join(map(json.dumps, lines)))
    return Files(str(folder), format=Format.DELTA)


_VECTOR = {"storageType": "u", "pathOrInlineDv": "ab^-aqEH.-t@S}K{vb[*k^", "offset": 1, "sizeInBytes": 36,
           "cardinality": 1}  # fmt: skip
FEATURE = {"minReaderVersion": 3, "minWriterVersion": 7}


@pytest.mark.parametrize(
    ("features", "configuration", "add", "words"),
    [
        (["deletionVectors"], {}, {"deletionVector": _VECTOR}, "has rows that are deleted beside its files"),
        (["columnMapping"], {"delta.columnMapping.mode": "name", "delta.columnMapping.maxColumnId": "9"}, {},
         "cannot be read by deltalake|names its columns otherwise"),
        (["catalogManaged"], {}, {}, "cannot be read by deltalake|managed by a catalog"),
    ],
)  # fmt: skip
def test_a_table_whose_files_alone_do_not_tell_its_rows_is_refused_before_one_is_read(
    features: list[str], configuration: dict[str, str], add: dict[str, Any], words: str, tmp_path: Path
) -> None:
    source = _committed(
        tmp_path / "t", {**FEATURE, "readerFeatures": features, "writerFeatures": features}, configuration, **add
    )
    with pytest.raises(SpecError, match=words):
        ENGINE.fingerprints(dataset(source), [EVER])


def test_a_table_that_may_have_deletion_vectors_and_has_none_is_read(tmp_path: Path) -> None:
    protocol = {**FEATURE, "readerFeatures": ["deletionVectors"], "writerFeatures": ["deletionVectors"]}
    same(_committed(tmp_path / "t", protocol, {"delta.enableDeletionVectors": "true"}), rows(0))


def test_a_version_that_is_not_there_is_refused_by_its_number(tmp_path: Path) -> None:
    write(tmp_path / "t", 0)
    with pytest.raises(SpecError, match=r"source\.path: version 7 of"):
        ENGINE.fingerprints(dataset(Files(str(tmp_path / "t"), format=Format.DELTA, version=7)), [EVER])


def test_without_its_package_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    write(tmp_path / "t", 0)
    monkeypatch.setitem(sys.modules, "deltalake", None)
    with pytest.raises(SpecError, match=r"pip install 'airflow-ml-monitor\[lake\]'"):
        files.files_of(Files(str(tmp_path / "t"), format=Format.DELTA))


def test_a_date_is_a_day_of_its_partition(tmp_path: Path) -> None:
    write(tmp_path / "t", 0, partition_by=["date"])
    [file] = files.files_of(Files(str(tmp_path / "t"), format=Format.DELTA))
    assert file.table is not None
    assert file.table.partition == (("date", "DATE", "2026-03-01"),)
    assert dict(file.table.spans)["date"] == (date(2026, 3, 1), date(2026, 3, 1))
