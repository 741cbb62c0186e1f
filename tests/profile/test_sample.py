"""A look at a source of which nothing is declared: its rows as they are, and their partners in another."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from airflow_ml_monitor.errors import NoSource
from airflow_ml_monitor.profile.engines.embedded import files
from airflow_ml_monitor.profile.engines.embedded.sample import samples


def test_whole_numbers_beside_missing_ones_stay_exact():
    large = [2**60, 2**60 + 1, None]  # one and the same double
    with samples(reference=pa.table({"id": pa.array(large, pa.int64())})) as opened:
        column = opened["reference"].frame.id
    assert column.nunique() == 2
    assert column.isna().sum() == 1


def test_every_type_is_read_as_number_time_truth_or_text():
    moment = pd.Timestamp("2026-03-02 01:30", tz="Europe/Berlin")
    table = pa.table({
        "price": pa.array([None, 1], pa.decimal128(8, 2)),
        "tags": pa.array([["a"], None]),
        "kind": pa.array(["x", "x"]).dictionary_encode(),
        "at": pa.array([moment, None]),
        "day": pa.array([moment.date(), None]),
        "nothing": pa.nulls(2),
    })  # fmt: skip
    with samples(reference=table) as opened:
        frame, spans = opened["reference"].frame, opened["reference"].spans(["at"])
    assert frame.price.tolist()[1] == 1.0
    assert frame.tags.tolist()[0] == "['a']"
    assert frame.kind.tolist() == ["x", "x"]
    assert frame["at"][0] == pd.Timestamp("2026-03-02 00:30")
    assert frame.day[0] == pd.Timestamp("2026-03-02")
    assert frame.nothing.isna().all()
    assert spans["at"] == (pd.Timestamp("2026-03-02 00:30"), pd.Timestamp("2026-03-02 00:30"))


@pytest.mark.parametrize(("mine", "theirs"), [(int, int), (int, str), (str, int), (float, int), (int, float)])
def test_partners_are_found_whatever_the_types_of_the_keys(mine, theirs):
    predictions = pd.DataFrame({"a": pd.Series([3, 5, 7]).astype(mine)})
    labels = pd.DataFrame({"b": pd.Series([7, 3, 3, 8]).astype(theirs), "y": [1, 0, 1, 1]})
    with samples(predictions=predictions, labels=labels) as opened:
        found = opened["predictions"].partners(opened["labels"], ("a",), ("b",), ["y"])
    assert sorted(zip(found.index, found.y, strict=True)) == [(0, 0), (0, 1), (2, 1)]


def test_the_number_of_a_row_in_its_file_finds_it(tmp_path):
    pd.DataFrame({"y": [10, 11, 12]}).to_parquet(tmp_path / "labels.parquet")
    with samples(predictions=pd.DataFrame({"row": [2, 0]}), labels=tmp_path / "labels.parquet") as opened:
        found = opened["predictions"].partners(opened["labels"], ("row",), ("file_row_number",), ["y"])
    assert found.y.to_dict() == {0: 12, 1: 10}


def test_of_many_files_first_and_last_are_looked_at_and_all_are_counted(tmp_path):
    for i in range(20):
        pd.DataFrame({"i": np.full(9_000, i)}).to_parquet(tmp_path / f"{i:02}.parquet")
    with samples(reference=tmp_path) as opened:
        sample = opened["reference"]
    assert sample.rows == 180_000
    assert len(sample.frame) <= 50_000
    assert {0, 19} < set(sample.frame.i)


def test_a_directory_is_the_parquet_files_in_it_else_csv_else_those_below(tmp_path):
    def named(folder):
        return [file.path.removeprefix(f"{tmp_path}/") for file in files.files_of(folder)]

    rows = pa.table({"a": [1]})
    (tmp_path / "day=1").mkdir()
    assert named(tmp_path) == []
    pq.write_table(rows, tmp_path / "day=1" / "deep.parquet")
    assert named(tmp_path) == ["day=1/deep.parquet"]
    (tmp_path / "b.csv").write_text("a\n1\n")
    (tmp_path / "_SUCCESS").touch()
    pq.write_table(rows, tmp_path / "a.parquet")
    assert named(tmp_path) == ["a.parquet"]
    (tmp_path / "a.parquet").unlink()
    (tmp_path / "day=1" / "deep.parquet").unlink()
    assert named(tmp_path) == ["b.csv"]


def test_a_file_that_is_not_whole_is_told_without_its_contents(tmp_path):
    (tmp_path / "broken.parquet").write_text("secret")
    with pytest.raises(NoSource, match="is the file whole") as told, samples(reference=tmp_path / "broken.parquet"):
        pass
    assert "secret" not in str(told.value)


def test_times_of_nanoseconds_are_read_as_any_other(tmp_path):
    moment = pd.Timestamp("2026-03-02 01:30", tz="UTC")
    table = pa.table({"at": pa.array([moment, None], pa.timestamp("ns", "UTC"))})
    pq.write_table(table, tmp_path / "rows.parquet", version="2.6")
    for source in (table, tmp_path / "rows.parquet"):
        with samples(reference=source) as opened:
            spans = opened["reference"].spans(["at"])
        assert spans["at"] == (pd.Timestamp("2026-03-02 01:30"), pd.Timestamp("2026-03-02 01:30"))
