"""Times of a footer against pyarrow's own reading of it; and that none is read by pandas."""

from __future__ import annotations

import subprocess
import sys
from datetime import date, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from airflow_ml_monitor.profile.engines.embedded.footer_times import times_between

_MOMENTS = (datetime(1901, 2, 3, 4, 5, 6, 789_000), datetime(2026, 3, 1, 23, 59, 59, 1_000))


def statistics(path: Path, column: pa.Array) -> object:
    pq.write_table(pa.table({"x": column}), path)
    return pq.read_metadata(path).row_group(0).column(0).statistics


@pytest.mark.parametrize("zone", [None, "UTC", "Europe/Berlin"])
@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_a_moment_is_pyarrows(tmp_path: Path, unit: str, zone: str | None) -> None:
    moments = [m.replace(microsecond=0) if unit == "s" else m for m in _MOMENTS]
    found = statistics(tmp_path / "x.parquet", pa.array(moments, pa.timestamp(unit, zone)))
    told = times_between(found)
    assert told == (found.min, found.max)  # type: ignore[attr-defined]
    assert all((moment.tzinfo is None) == (zone is None) for moment in told if isinstance(moment, datetime))


@pytest.mark.parametrize("kind", [pa.date32(), pa.date64()])
def test_a_day_is_pyarrows(tmp_path: Path, kind: pa.DataType) -> None:
    days = [date(1899, 12, 31), date(2026, 3, 1)]
    assert times_between(statistics(tmp_path / "x.parquet", pa.array(days, kind))) == tuple(days)


def test_nanoseconds_lie_between_the_microseconds_that_are_told(tmp_path: Path) -> None:
    column = pa.array([-1, 1_500], pa.int64()).cast(pa.timestamp("ns"))
    low, high = times_between(statistics(tmp_path / "x.parquet", column)) or (None, None)
    assert (low, high) == (datetime(1969, 12, 31, 23, 59, 59, 999_999), datetime(1970, 1, 1, 0, 0, 0, 2))


def test_what_is_no_time_is_none_and_an_infinite_one_lies_anywhere(tmp_path: Path) -> None:
    for column in (pa.array([1, 2]), pa.array(["a"]), pa.array([1.5]), pa.array([1], pa.time64("us"))):
        assert times_between(statistics(tmp_path / "x.parquet", column)) is None
    path = tmp_path / "endless.parquet"
    duckdb.sql(f"COPY (SELECT TIMESTAMP 'infinity' AS x) TO '{path}'")
    assert times_between(pq.read_metadata(path).row_group(0).column(0).statistics) == ()


def test_no_footer_loads_pandas(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    statistics(path, pa.array(_MOMENTS, pa.timestamp("us", "UTC")))
    script = (
        "import sys; from airflow_ml_monitor.profile.engines.embedded import files; "
        f"print(files.fingerprint(files.files_of({str(path)!r}))); assert 'pandas' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)
