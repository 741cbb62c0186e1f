"""S3 for real: a server that speaks it, and a connection by which it is read."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from airflow_ml_monitor.errors import ScanError
from airflow_ml_monitor.keys import EVER, WHOLE, Window
from airflow_ml_monitor.profile.dataset import Column, Dataset
from airflow_ml_monitor.profile.engines.embedded import files
from airflow_ml_monitor.profile.engines.embedded.duckdb import DuckDB
from airflow_ml_monitor.profile.file_source import Files

START = datetime(2026, 3, 1, tzinfo=UTC)
DAY = Window(START + timedelta(days=1), START + timedelta(days=2))


def table(number: int) -> pa.Table:
    at = [START + timedelta(days=number, minutes=i) for i in range(1440)]
    x = np.random.default_rng(number).normal(size=1440)
    return pa.table({"at": pa.array(at, pa.timestamp("us", "UTC")), "x": x})


@pytest.fixture(scope="module")
def lake(object_store: Any) -> Iterator[Any]:
    """A bucket with a file a day, and a connection that is known by a variable."""
    for number in range(3):
        object_store.put(f"s3/day={number}/part-0.parquet", table(number))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW_CONN_LAKE", object_store.connection)
        yield object_store


def dataset(source: Any) -> Dataset:
    return Dataset("scores", source, (Column("x"),), "at")


@pytest.mark.parametrize("path", ["s3", "s3/", "s3/*/*.parquet", "s3/day=*/part-0.parquet", "s3/day=1/part-0.parquet"])
def test_a_bucket_is_read_by_the_connection_that_is_named(path: str, lake: Any) -> None:
    engine, remote = DuckDB(), dataset(Files(f"s3://{lake.bucket}/{path}", "lake"))
    layout = engine.layout(dataset(pa.concat_tables(map(table, range(3)))), EVER)
    found, expected = (engine.profile(one, layout, DAY) for one in (remote, dataset(table(1))))
    assert found.rows == expected.rows == {WHOLE: 1440}
    [key] = expected.cells
    np.testing.assert_array_equal(found.cells[key].count, expected.cells[key].count)
    assert engine.fingerprints(remote, [DAY]) == engine.fingerprints(remote, [DAY])


def test_a_bucket_or_folder_that_is_not_there_holds_no_files(lake: Any) -> None:
    for path in (f"{lake.bucket}/none", f"{lake.bucket}/none/*.parquet", "no-such-bucket/x.parquet"):
        assert DuckDB().profile(dataset(Files(f"s3://{path}", "lake")), layout(), DAY).faults == {
            "": "no file matches the source of 'scores'"
        }


def layout() -> Any:
    return DuckDB().layout(dataset(table(0)), EVER)


def test_a_server_that_is_not_there_is_said_without_what_the_connection_holds(
    lake: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = lake.url.rpartition(":")[2]
    monkeypatch.setenv("AIRFLOW_CONN_GONE", lake.connection.replace(port, "1"))
    with pytest.raises(ScanError, match=r"s3://lake/s3 cannot be read: OSError") as raised:
        DuckDB().profile(dataset(Files("s3://lake/s3", "gone")), layout(), DAY)
    assert "S3CR3T" not in repr(raised.value)


def test_the_name_of_a_file_is_its_bytes_not_who_reads_it(lake: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_OTHER", lake.connection.replace("S3CR3T", "0TH3R"))
    listed = [DuckDB().fingerprints(dataset(Files(f"s3://{lake.bucket}/s3", one)), [DAY]) for one in ("lake", "other")]
    assert listed[0] == listed[1]


def test_what_is_kept_of_a_source_holds_no_secret(lake: Any) -> None:
    source = Files(f"s3://{lake.bucket}/s3", "lake")
    [file, *_] = files.files_of(source)
    assert b"S3CR3T" not in pickle.dumps(source)
    assert "S3CR3T" not in repr(file) + repr(dataset(source))
