"""What is inferred of a reference's rows."""

from __future__ import annotations

import re

import pandas as pd
import pyarrow as pa
import pytest

from airflow_ml_monitor.expectations.infer_rows import look_rules
from airflow_ml_monitor.keys import EVER
from airflow_ml_monitor.profile.dataset import Column, Dataset
from airflow_ml_monitor.profile.engines.embedded.duckdb import DuckDB


@pytest.mark.parametrize(("lacking", "is_key"), [(0, True), (10, False)])
def test_a_key_that_rows_lack_is_inferred_to_be_none(lacking: int, is_key: bool) -> None:
    keys = [None if i < lacking else f"k{i}" for i in range(2_000)]
    rows = pd.DataFrame({"id": keys, "x": range(2_000)})
    dataset = Dataset("rows", pa.Table.from_pandas(rows), (Column("x"),), "", entity_key=("id",))
    look = DuckDB().look(dataset, EVER, ["id", "x"])
    found = {rule["type"] for rule in look_rules(look, measured=["x"], listed=[])}
    assert ("expect_column_values_to_be_unique" in found) is is_key


@pytest.mark.parametrize(
    ("texts", "form"),
    [
        (["12,5", "7", "1.204,75"], "decimal comma"),
        (["1,204", "7", "12,000.5"], "thousands separator"),
        (["1e-3", "+7", "0.5"], "number"),
        (["3:07", "75:59.5"], "m:ss"),
        (["12.50 %", "7%"], "percent sign"),
        (["2026-03-01T23:59:59Z", "2026-03-01 23:59"], "ISO time"),
        (["AB12", "C3"], "capital letters and digits"),
    ],
)
def test_a_contract_asks_for_the_form_that_the_reference_is_written_in(texts: list[str], form: str) -> None:
    rows = pd.DataFrame({"c": texts * 1_000})
    look = DuckDB().look(Dataset("rows", rows, (), ""), EVER, ["c"])
    kind = "expect_column_values_to_match_regex"
    (found,) = [rule for rule in look_rules(look, measured=["c"], listed=[]) if rule["type"] == kind]
    assert found["meta"]["why"].startswith(f"{form}: ")
    assert all(re.search(found["kwargs"]["regex"], text) for text in texts)
