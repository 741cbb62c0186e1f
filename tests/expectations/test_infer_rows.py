"""What is inferred of a reference's rows."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa
import pytest

from airflow_ml_monitor.expectations.infer_rows import row_rules
from airflow_ml_monitor.keys import EVER
from airflow_ml_monitor.profile.dataset import Column, Dataset
from airflow_ml_monitor.profile.engines.duckdb import DuckDB


@pytest.mark.parametrize(("lacking", "is_key"), [(0, True), (10, False)])
def test_a_key_that_rows_lack_is_inferred_to_be_none(lacking: int, is_key: bool) -> None:
    keys = [None if i < lacking else f"k{i}" for i in range(2_000)]
    rows = pd.DataFrame({"id": keys, "x": range(2_000)})
    dataset = Dataset("rows", pa.Table.from_pandas(rows), (Column("x"),), "", entity_key=("id",))
    look = DuckDB().look(dataset, EVER, ["id", "x"])
    found = {rule["type"] for rule in row_rules(look, measured=["x"], listed=[])}
    assert ("expect_column_values_to_be_unique" in found) is is_key
