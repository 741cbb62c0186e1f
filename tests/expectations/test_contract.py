"""A suite on one window: what cells leave open runs on the rows, once, and each outcome says what answered it."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from airflow_ml_monitor.errors import SpecError, UnknownName
from airflow_ml_monitor.expectations.contract import Answering, evaluate
from airflow_ml_monitor.expectations.outcome import Outcome
from airflow_ml_monitor.expectations.suite import load_suite
from airflow_ml_monitor.keys import EVER, WindowRule, WindowUnit
from airflow_ml_monitor.profile.dataset import Column, Dataset
from airflow_ml_monitor.profile.engines.embedded.duckdb import DuckDB

pytestmark = pytest.mark.usefixtures("great_expectations")

ENGINE = DuckDB()
ROWS = Dataset("d", pa.table({"x": np.arange(300.0), "k": [str(i) for i in range(300)]}), (Column("x"),), "at")
NOT_NULL, UNIQUE = "expect_column_values_to_not_be_null", "expect_column_values_to_be_unique"


class Frames:
    """Reads the first rows of a dataset, and counts how often."""

    def __init__(self, dataset: Dataset, limit: int = 100) -> None:
        self.dataset, self.limit, self.read = dataset, limit, 0

    def __call__(self) -> pd.DataFrame:
        self.read += 1
        return ENGINE.frame(self.dataset, EVER, self.limit)


def rule(kind: str, **kwargs: Any) -> dict[str, Any]:
    return {"type": kind, "kwargs": kwargs}


def evaluated(frames: Frames, *rules: dict[str, Any]) -> list[Outcome]:
    layout = ENGINE.layout(ROWS, EVER)
    profile = ENGINE.profile(frames.dataset, layout, EVER)
    by = Answering(frames.dataset, WindowRule(WindowUnit.DAY), layout, profile, nullcontext, frames)
    return evaluate(load_suite({"expectations": list(rules)}), by)


def test_cells_look_at_all_rows_and_great_expectations_at_the_first_of_them_in_the_order_of_the_suite() -> None:
    frames = Frames(ROWS)
    outcomes = evaluated(
        frames,
        rule(UNIQUE, column="x"),
        rule(NOT_NULL, column="x"),
        rule("expect_table_row_count_to_equal", value=300),
        rule("expect_column_to_exist", column="k"),
    )
    assert [(o.status.value, o.by.value, o.checked) for o in outcomes] == [
        ("pass", "great expectations", 100),
        ("pass", "cells", 300),
        ("pass", "cells", 300),
        ("fail", "columns", 100),
    ]
    assert frames.read == 1


def test_a_column_that_is_missing_is_told_by_its_name_as_an_error_of_every_rule_on_it() -> None:
    frames = Frames(Dataset("d", pa.table({"y": [1.0]}), (Column("x"), Column("y")), "at"))
    [missing, exists] = evaluated(frames, rule(NOT_NULL, column="x"), rule("expect_column_to_exist", column="x"))
    assert (missing.status.value, missing.by.value) == ("error", "columns")
    assert (exists.status.value, exists.by.value) == ("fail", "columns")


def test_a_column_of_another_type_is_left_to_great_expectations() -> None:
    frames = Frames(Dataset("d", pa.table({"x": ["a", "b"]}), (Column("x"),), "at"))
    bound = rule("expect_column_values_to_be_between", column="x", min_value=0)
    found = evaluated(frames, rule(NOT_NULL, column="x"), bound)
    assert [(o.status.value, o.by.value) for o in found] == [
        ("pass", "great expectations"),
        ("error", "great expectations"),
    ]


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        (rule("expect_column_values_to_be_nul", column="x"), UnknownName),
        (rule(NOT_NULL, column="x", mostly=2), SpecError),
        (rule("expect_table_row_count_to_be_between", min_value=1.5), SpecError),
    ],
)
def test_what_is_wrong_in_a_suite_is_raised_before_rows_are_read(wrong: dict[str, Any], error: type[Exception]) -> None:
    frames = Frames(ROWS)
    with pytest.raises(error):
        evaluated(frames, rule(UNIQUE, column="x"), wrong)
    assert frames.read == 0
