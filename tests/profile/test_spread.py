"""A column that is too long to be selected from in memory is laid out from a sort, the same to the last digit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from airflow_ml_monitor.errors import OutOfMemory, ReferenceMismatch
from airflow_ml_monitor.keys import EVER
from airflow_ml_monitor.profile import query
from airflow_ml_monitor.profile.dataset import Column, Dataset
from airflow_ml_monitor.profile.engines.duckdb import DuckDB

RANDOM = np.random.default_rng(5)
COLUMNS: list[Any] = [
    [3.0],
    [1.0, 2.0],
    [1, 2, 2, None, 9],
    RANDOM.normal(size=1000),
    RANDOM.exponential(size=1001) * 1e9,
    [float("nan"), 1.0, float("inf"), -2.0, None, 4.0],
    [0.1] * 7,
]


def layout(values: Any) -> Any:
    return DuckDB().layout(Dataset("d", pa.table({"x": values}), (Column("x"),), ""), EVER)


def beyond(*_: Any) -> Any:
    """What DuckDB says where its memory is too little, whatever the statement."""
    raise OutOfMemory("too little")


@pytest.mark.parametrize("values", COLUMNS, ids=range(len(COLUMNS)))
def test_a_sort_gives_the_layout_that_a_selection_gives(values: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = layout(values)
    monkeypatch.setattr(query, "spread", beyond)
    assert layout(values) == expected


def test_a_column_without_a_value_has_none_to_sort_either(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(query, "spread", beyond)
    with pytest.raises(ReferenceMismatch, match="has no value in the reference"):
        layout(pa.array([None, float("nan")], pa.float64()))
