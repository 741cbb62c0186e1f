"""Rows handed out: for contracts, which look at values themselves."""

from __future__ import annotations

from datetime import timedelta
from types import ModuleType

import pandas as pd
import pyarrow as pa
import pytest

from airflow_ml_monitor.errors import MissingColumn
from airflow_ml_monitor.profile.dataset import Kind
from airflow_ml_monitor.profile.engines.embedded.duckdb import DuckDB


def test_a_frame_holds_the_declared_columns_of_the_window_up_to_a_limit(engine: DuckDB, oracle: ModuleType) -> None:
    at = [oracle.NOON, oracle.NOON + timedelta(days=3), oracle.NOON]
    table = pa.table({
        "at": pa.array(at, pa.timestamp("us", "UTC")),
        "x": [1, None, 3],
        "when": pa.array(at, pa.timestamp("us", "UTC")),
        "secret": ["a", "b", "c"],
    })  # fmt: skip
    dataset = oracle.dataset(table, {"x": Kind.NUMERIC, "when": Kind.DATETIME, "gone": Kind.CATEGORICAL})
    frame = engine.frame(dataset, oracle.DAY, 10)
    assert list(frame.columns) == ["x", "when"]
    assert sorted(frame["x"]) == [1, 3]
    assert (pd.to_datetime(frame["when"], utc=True) == oracle.NOON).all()
    assert len(engine.frame(dataset, oracle.DAY, 1)) == 1


def test_a_frame_of_a_window_needs_the_event_time(engine: DuckDB, oracle: ModuleType) -> None:
    dataset = oracle.dataset(pa.table({"x": [1.0]}), {"x": Kind.NUMERIC})
    with pytest.raises(MissingColumn, match=r"column 'at' \(event time\) is missing"):
        engine.frame(dataset, oracle.DAY, 10)
