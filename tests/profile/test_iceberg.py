"""An Iceberg table is the rows of one of its snapshots, as a plain copy has them, or it is refused."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pyiceberg.catalog
import pytest
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.manifest import (
    DataFile,
    DataFileContent,
    FileFormat,
    ManifestContent,
    ManifestEntry,
    ManifestEntryStatus,
    ManifestWriterV2,
    write_manifest_list,
)
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import assign_fresh_schema_ids
from pyiceberg.transforms import IdentityTransform
from pyiceberg.typedef import Record
from pyiceberg.types import DoubleType
from pyiceberg.utils.config import Config

from airflow_ml_monitor.errors import NoSource, SpecError
from airflow_ml_monitor.keys import EVER, WHOLE, Window
from airflow_ml_monitor.profile.dataset import Column, Dataset, Kind
from airflow_ml_monitor.profile.engines.embedded import files
from airflow_ml_monitor.profile.engines.embedded.duckdb import DuckDB
from airflow_ml_monitor.profile.file_source import Files, Format

START = datetime(2026, 3, 1, tzinfo=UTC)
COLUMNS = (Column("x"), Column("region", Kind.CATEGORICAL))
ENGINE = DuckDB()


def day(number: int) -> Window:
    return Window(START + timedelta(days=number), START + timedelta(days=number + 1))


def rows(number: int, n: int = 600) -> pa.Table:
    random = np.random.default_rng(number)
    at = [START + timedelta(days=number, seconds=137 * i, microseconds=999_999) for i in range(n)]
    return pa.table({
        "at": pa.array(at, pa.timestamp("us", "UTC")),
        "x": random.normal(size=n),
        "region": random.choice(["e u/ä%=", "us", "de"], n),
    })  # fmt: skip


def dataset(source: Any) -> Dataset:
    return Dataset("scores", source, COLUMNS, "at")


def same(table: Any, copy: pa.Table, window: Window = EVER) -> None:
    """What a table's profile says is what that of its rows in memory says."""
    layout = ENGINE.layout(dataset(copy), EVER)
    found, expected = (ENGINE.profile(dataset(one), layout, window) for one in (table, copy))
    assert (found.rows, found.faults) == (expected.rows, {})
    for key, cells in expected.cells.items():
        np.testing.assert_array_equal(found.cells[key].bucket, cells.bucket)
        np.testing.assert_array_equal(found.cells[key].count, cells.count)


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[SqlCatalog]:
    found = SqlCatalog("local", uri=f"sqlite:///{tmp_path}/catalog.db", warehouse=f"file://{tmp_path}")
    found.create_namespace("scores")
    yield found
    found.close()


@pytest.fixture
def table(catalog: SqlCatalog) -> Any:
    """Three days, a snapshot each."""
    made = catalog.create_table("scores.daily", rows(0).schema)
    for number in range(3):
        made.append(rows(number))
    return made


def at(table: Any, **more: Any) -> Files:
    return Files(table.metadata_location, format=Format.ICEBERG, **more)


def days(*numbers: int) -> pa.Table:
    return pa.concat_tables(map(rows, numbers))


@pytest.mark.parametrize("is_parted", [True, False])
def test_a_table_is_cut_like_its_rows_whether_it_is_parted(is_parted: bool, catalog: SqlCatalog) -> None:
    made = parted(catalog) if is_parted else catalog.create_table("scores.parted", rows(0).schema)
    made.append(rows(0))
    made.append(rows(1))
    assert len(files.files_of(at(made))) == (6 if is_parted else 2)
    same(at(made), days(0, 1))
    same(at(made), days(0, 1), day(1))


def parted(catalog: SqlCatalog) -> Any:
    """An empty table that is parted by region."""
    schema = assign_fresh_schema_ids(catalog._convert_schema_if_needed(rows(0).schema))
    spec = PartitionSpec(PartitionField(3, 1000, IdentityTransform(), "region"))
    return catalog.create_table("scores.parted", schema, partition_spec=spec)


def test_an_older_snapshot_is_as_it_was(table: Any) -> None:
    for number, snapshot in enumerate(table.metadata.snapshots):
        same(at(table, version=snapshot.snapshot_id), days(*range(number + 1)))
    table.delete("region = 'us'")
    kept = [row for row in days(0, 1, 2).to_pylist() if row["region"] != "us"]
    same(at(table), pa.Table.from_pylist(kept, rows(0).schema))


def test_the_manifests_rule_files_out_without_a_look_at_their_footers(table: Any) -> None:
    every = files.files_of(at(table))
    assert [len(files.holding(every, "at", "UTC", day(number))) for number in range(4)] == [1, 1, 1, 0]
    last = rows(1)["at"][-1].as_py()
    assert len(files.holding(every, "at", "UTC", Window(last, day(1).end))) == 1
    for file in every:
        Path(file.path).unlink()
    assert len(files.holding(every, "at", "UTC", day(0))) == 1


def test_a_window_keeps_its_name_when_other_days_come(table: Any) -> None:
    before = ENGINE.fingerprints(dataset(at(table)), [day(0)])
    table.append(rows(3))
    assert ENGINE.fingerprints(dataset(at(table)), [day(0)]) == before
    table.append(rows(0))
    assert ENGINE.fingerprints(dataset(at(table)), [day(0)]) != before


def test_a_column_that_came_later_is_missing_in_older_files(table: Any) -> None:
    with table.update_schema() as update:
        update.add_column("y", DoubleType())
    newer = rows(3).append_column("y", rows(3)["x"])
    table.append(newer)
    plain = pa.concat_tables([days(0, 1, 2), newer], promote_options="default")
    owner = Dataset("scores", at(table), (*COLUMNS, Column("y")), "at")
    layout = ENGINE.layout(Dataset("scores", plain, owner.columns, "at"), EVER)
    found = ENGINE.profile(owner, layout, EVER)
    assert (found.rows, found.faults) == ({WHOLE: 2400}, {})
    [cells] = [cells for (_, name), cells in found.cells.items() if name == "y"]
    assert int(cells.count.sum()) == 2400


def test_a_catalogs_table_is_named_and_its_newest_snapshot_read(
    table: Any, catalog: SqlCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog_name = Files("local.scores.daily", format=Format.ICEBERG)
    monkeypatch.setenv("PYICEBERG_CATALOG__LOCAL__URI", catalog.properties["uri"])
    # It looks at its environment when it is imported.
    monkeypatch.setattr(pyiceberg.catalog, "_ENV_CONFIG", Config())
    same(catalog_name, days(0, 1, 2))
    table.append(rows(3))
    same(catalog_name, days(0, 1, 2, 3))
    with pytest.raises(NoSource, match="no file matches"):
        ENGINE.layout(dataset(Files("local.scores.none", format=Format.ICEBERG)), EVER)


def test_a_folder_says_by_its_hint_which_metadata_counts_or_is_refused(table: Any) -> None:
    location = Path(table.metadata_location.removeprefix("file://"))
    folder = Files(str(location.parent.parent), format=Format.ICEBERG)
    with pytest.raises(SpecError, match=r"holds no version hint.*name the table as catalog\.namespace\.table"):
        files.files_of(folder)
    (location.parent / "version-hint.text").write_text(location.name)
    same(folder, days(0, 1, 2))
    location.rename(location.parent / "v7.metadata.json")
    (location.parent / "version-hint.text").write_text("7")
    same(folder, days(0, 1, 2))


@pytest.fixture
def bucket(object_store: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("AIRFLOW_CONN_LAKE", object_store.connection)
    return object_store


def test_a_table_in_a_bucket_is_read_by_the_connection_of_its_source(bucket: Any, tmp_path: Path) -> None:
    there = SqlCatalog(
        "there", uri=f"sqlite:///{tmp_path}/there.db", warehouse=f"s3://{bucket.bucket}/iceberg",
        **{"s3.endpoint": bucket.url, "s3.access-key-id": "key", "s3.secret-access-key": "S3CR3T",
           "s3.region": "eu-central-1"},
    )  # fmt: skip
    there.create_namespace("scores")
    made = there.create_table("scores.daily", rows(0).schema)
    made.append(rows(0))
    made.append(rows(1))
    there.close()
    source = Files(made.metadata_location, "lake", Format.ICEBERG)
    assert source.path.startswith("s3://")
    same(source, days(0, 1))
    same(source, days(0, 1), day(1))


def _renamed(table: Any) -> None:
    with table.update_schema() as update:
        update.rename_column("x", "z")


def _made_again(table: Any) -> None:
    with table.update_schema(allow_incompatible_changes=True) as update:
        update.delete_column("x")
    with table.update_schema() as update:
        update.add_column("x", DoubleType())


@pytest.mark.parametrize(
    ("changed", "words"),
    [(_renamed, r"had a column renamed \(x, z\)"), (_made_again, "had column 'x' dropped and made again")],
)
def test_a_table_where_a_name_is_not_one_column_is_refused_before_a_row_is_read(
    changed: Any, words: str, table: Any
) -> None:
    changed(table)
    with pytest.raises(SpecError, match=words):
        ENGINE.fingerprints(dataset(at(table)), [EVER])


def test_rows_that_are_deleted_beside_their_files_are_refused(table: Any, tmp_path: Path) -> None:
    """As Spark or Flink delete where they merge on read: a file that lists positions of another's rows."""
    [file, *_] = files.files_of(at(table))
    _delete_by_position(table, f"file://{file.path}", tmp_path)
    with pytest.raises(SpecError, match="has rows that are deleted beside its files"):
        ENGINE.fingerprints(dataset(at(table)), [EVER])


class _Deletes(ManifestWriterV2):
    """A manifest of deletes, which PyIceberg reads but does not write."""

    def content(self) -> ManifestContent:
        return ManifestContent.DELETES

    @property
    def _meta(self) -> dict[str, str]:
        return {**super()._meta, "content": "deletes"}


def _delete_by_position(table: Any, path: str, folder: Path) -> None:
    """Commit a snapshot with a file of deletes beside the others."""
    pq.write_table(pa.table({"file_path": [path], "pos": pa.array([0], pa.int64())}), folder / "deletes.parquet")
    snapshot, io = table.current_snapshot(), table.io
    about = {"file_path": f"file://{folder}/deletes.parquet", "file_format": FileFormat.PARQUET, "record_count": 1,
             "file_size_in_bytes": 500, "partition": Record(), "content": DataFileContent.POSITION_DELETES}  # fmt: skip
    entry = ManifestEntry.from_args(
        status=ManifestEntryStatus.ADDED, snapshot_id=snapshot.snapshot_id, sequence_number=9, file_sequence_number=9,
        data_file=DataFile.from_args(_table_format_version=2, **about),
    )  # fmt: skip
    place = f"file://{folder}/deletes.avro"
    with _Deletes(table.spec(), table.schema(), io.new_output(place), snapshot.snapshot_id, "null") as writer:
        writer.add_entry(entry)
    made = writer.to_manifest_file()
    made.sequence_number = made.min_sequence_number = 9
    listed = [*snapshot.manifests(io), made]
    path = snapshot.manifest_list.removeprefix("file://")
    Path(path).unlink()
    with write_manifest_list(2, io.new_output(f"file://{path}"), snapshot.snapshot_id, None, 9, "null") as out:
        out.add_manifests(listed)


def test_a_column_that_only_its_partition_tells_is_refused_not_read_as_missing(catalog: SqlCatalog) -> None:
    """As in a table that was Hive's: files that were added as they were lack the columns that it is parted by."""
    made = parted(catalog)
    made.append(one := rows(0).filter(pc.equal(rows(0)["region"], "us")))
    [file] = files.files_of(at(made))
    pq.write_table(one.drop_columns(["region"]), file.path)
    with pytest.raises(SpecError, match="column 'region' is not in"):
        ENGINE.profile(dataset(at(made)), ENGINE.layout(dataset(rows(0)), EVER), EVER)


def test_a_snapshot_that_is_not_there_is_refused_by_its_number(table: Any) -> None:
    with pytest.raises(SpecError, match="has no snapshot 7; is it expired"):
        files.files_of(at(table, version=7))


def test_where_there_is_no_table_or_nothing_in_it_there_are_no_files(tmp_path: Path, catalog: SqlCatalog) -> None:
    assert files.files_of(Files(str(tmp_path / "none"), format=Format.ICEBERG)) == ()
    assert files.files_of(Files(str(tmp_path / "v1.metadata.json"), format=Format.ICEBERG)) == ()
    assert files.files_of(at(catalog.create_table("scores.empty", rows(0).schema))) == ()


def test_without_its_package_the_extra_is_named(table: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "pyiceberg.table", None)
    with pytest.raises(SpecError, match=r"pip install 'airflow-ml-monitor\[lake\]'"):
        files.files_of(at(table))
