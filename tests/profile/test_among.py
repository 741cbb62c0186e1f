"""Rows by a column's values, scanned part by part: each row is in one part, in every engine, and the parts add up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.keys import EVER, WHOLE
from airflow_ml_monitor.profile.among import Among
from airflow_ml_monitor.profile.cells import Profile
from airflow_ml_monitor.profile.dataset import Dataset, Kind
from airflow_ml_monitor.profile.engines.embedded import duckdb_opening
from airflow_ml_monitor.profile.engines.embedded.duckdb import DuckDB

WRITTEN = ["a", "A", "a ", "", "it's", 'a "b"', "50%", "a\\b", "ä", ":start", "%s", None]
"""Texts of which an engine may take two for one, or read one otherwise than as it is written."""
KINDS = {"x": Kind.NUMERIC, "c": Kind.CATEGORICAL, "code": Kind.CATEGORICAL, "flag": Kind.BOOLEAN}
CUTS: dict[str, list[list[str]]] = {
    "c": [["a"], ["A", "a ", "", "it's", 'a "b"', "a\\b", "50%", ":start", "%s"]],
    "code": [["7"], ["8", "never"]],
    "flag": [["true"]],
}


def rows(oracle: ModuleType, seed: int, count: int = 240) -> Dataset:
    rng = np.random.default_rng(seed)
    texts = [WRITTEN[i] for i in rng.integers(len(WRITTEN), size=count)]
    codes = [(7.0, 8.0, 9.0, None)[i] for i in rng.integers(4, size=count)]
    table = pa.table({
        "at": pa.array([oracle.NOON] * count, pa.timestamp("us", "UTC")),
        "x": pa.array(rng.normal(size=count) * 1e3),
        "c": pa.array(texts, pa.string()),
        "code": pa.array(codes, pa.float64()),
        "flag": pa.array([(True, False, None)[i] for i in rng.integers(3, size=count)], pa.bool_()),
    })  # fmt: skip
    found: Dataset = oracle.dataset(table, KINDS, slice_by=("c", "code", "flag"))
    return found


def told(value: Any) -> str:
    """A value as slices name it."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.0f}" if isinstance(value, float) else str(value)


def test_parts_by_value_hold_their_rows_alone_and_add_up_to_the_whole(there: Any, oracle: ModuleType) -> None:
    dataset, reference = rows(oracle, 1), rows(oracle, 2, 2_400)
    layout = there.layout(reference, EVER)
    whole, values = there.profile(dataset, layout, oracle.DAY), dataset.source.to_pydict()
    assert len(whole.slices) > 10
    for column, cuts in CUTS.items():
        every = [Among(column, tuple(cut)) for cut in cuts]
        every.append(Among(column, tuple(value for cut in cuts for value in cut), is_rest=True))
        found = [there.profile(dataset, layout, oracle.DAY, among=one) for one in every]
        for one, part in zip(every[:-1], found, strict=False):
            assert part.rows[WHOLE] == sum(told(value) in one.values for value in values[column]), one
        added = Profile.total(found)
        assert (added.rows, added.newest, added.traces.hours) == (whole.rows, whole.newest, whole.traces.hours)
        oracle.same_profile(added, whole.cells)


@pytest.mark.parametrize("held", ["in memory", "in a small file", "in a large file"])
def test_parts_of_a_file_and_of_a_frame_add_up(
    either: DuckDB, oracle: ModuleType, tmp_path: Any, monkeypatch: pytest.MonkeyPatch, held: str
) -> None:
    if held == "in a large file":
        monkeypatch.setattr(duckdb_opening, "SMALL_BYTES", 0)

    class There:
        def layout(self, dataset: Dataset, window: Any) -> Any:
            return either.layout(self._placed(dataset), window)

        def profile(self, dataset: Dataset, layout: Any, window: Any, **among: Any) -> Profile:
            return either.profile(self._placed(dataset), layout, window, **among)

        def _placed(self, dataset: Dataset) -> Dataset:
            if held == "in memory":
                return dataset
            path = tmp_path / f"{id(dataset.source)}.parquet"
            pq.write_table(dataset.source, path)
            return replace(dataset, source=str(path))

    test_parts_by_value_hold_their_rows_alone_and_add_up_to_the_whole(There(), oracle)


@pytest.mark.parametrize(
    ("alter", "told"),
    [
        (lambda table: table.drop_columns("flag"), "column 'flag' is missing"),
        (
            lambda table: table.set_column(4, "flag", pa.array(["yes"] * table.num_rows)),
            "column 'flag' arrived as VARCHAR, declared boolean",
        ),
    ],
)
def test_a_part_by_a_column_that_did_not_arrive_says_so_and_holds_no_row(
    there: Any, oracle: ModuleType, alter: Callable[[pa.Table], pa.Table], told: str
) -> None:
    dataset = rows(oracle, 1)
    layout = there.layout(rows(oracle, 2), EVER)
    for is_rest in (False, True):
        broken = replace(dataset, source=alter(dataset.source))
        part = there.profile(broken, layout, oracle.DAY, among=Among("flag", ("true",), is_rest))
        assert (part.rows[WHOLE], dict(part.faults)) == (0, {"": told})


@pytest.mark.parametrize(
    ("written", "values", "is_rest", "text"),
    [
        ("DE", ("DE",), False, "c is 'DE'"),
        (["b", "a", "b"], ("a", "b"), False, "c is 'a', 'b'"),
        ({"other_than": [True, 7]}, ("7", "true"), True, "c other than '7', 'true'"),
        (False, ("false",), False, "c is 'false'"),
    ],
)
def test_a_value_reads_as_a_slice_is_named(written: Any, values: Any, is_rest: bool, text: str) -> None:
    among = Among.read("c", written)
    assert (among, str(among)) == (Among("c", values, is_rest), text)
    assert Among.read("c", among.written["c"]) == among


@pytest.mark.parametrize("written", [None, [], [None], 0.5, {"other_than": []}, {"but": ["a"]}, {}])
def test_what_is_no_value_is_refused(written: Any) -> None:
    with pytest.raises(SpecError, match=r"write a value, a list of values, or {other_than: list}"):
        Among.read("c", written)
