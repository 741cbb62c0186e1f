"""Rules in the database: the outcomes that the same rows have in a frame, over all of them."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pandas as pd
import pytest

from airflow_ml_monitor.expectations.engine import run_suite
from airflow_ml_monitor.expectations.outcome import By, Ruling
from airflow_ml_monitor.profile.dataset import Column, Dataset
from airflow_ml_monitor.profile.engines.embedded.duckdb import DuckDB

pytestmark = [pytest.mark.servers, pytest.mark.usefixtures("great_expectations")]

EXACT = ("status", "unexpected", "checked")
COLUMNS = ["at", "id", "x", "Low Ü", "high", "channel", "flag", "day", "net", "gross", "tax"]


def rule(kind: str, **kwargs: Any) -> dict[str, Any]:
    return {"type": f"expect_{kind}", "kwargs": kwargs}


def sql(query: str) -> dict[str, Any]:
    return {"type": "unexpected_rows_expectation", "kwargs": {"unexpected_rows_query": query}}


@pytest.fixture(scope="module")
def frame(builders: Callable[[str], ModuleType]) -> pd.DataFrame:
    made = builders("expectations/warehouse.py")
    rows = made.table()
    assert rows.column_names == COLUMNS
    return DuckDB().frame(Dataset("rows", rows, tuple(map(Column, COLUMNS)), "at"), made.DAY, 10**6)


def of(column: str, kind: str, *each: dict[str, Any]) -> list[dict[str, Any]]:
    return [rule(kind, column=column, **one) for one in each]


QUARTILES = {"quantiles": [0.25, 0.5, 0.9]}
ONLY_WEB = {"type": "comparison", "column": {"name": "channel"}, "operator": "==", "parameter": "web"}
AGREE = [
    *of("x", "column_values_to_be_between", {"min_value": 20, "max_value": 80}, {"min_value": 20, "mostly": 0.5}),
    *of("at", "column_values_to_be_between", {"min_value": "2026-03-01T01:00:00+00:00"}),
    *of("channel", "column_values_to_be_in_set", {"value_set": ["web", "shop"]}, {"value_set": ["web"], "mostly": 0.2}),
    *of("Low Ü", "column_values_to_be_in_set", {"value_set": [1, 2, 3]}),
    *of("flag", "column_values_to_be_in_set", {"value_set": [True]}),
    *of("channel", "column_values_to_not_be_in_set", {"value_set": ["web"]}, {"value_set": ["fax"]}),
    *of("x", "column_values_to_not_be_null", {}, {"mostly": 0.99}),
    *of("x", "column_values_to_be_null", {}, {"mostly": 0.001}),
    *of("id", "column_values_to_be_unique", {}),
    *of("Low Ü", "column_values_to_be_unique", {}),
    *of("channel", "column_values_to_match_regex", {"regex": "^[a-z]+$"}, {"regex": "."}),
    *of("channel", "column_values_to_not_match_regex", {"regex": "ü"}, {"regex": "^z"}),
    *of("channel", "column_values_to_match_regex_list", {"regex_list": ["^web$", "^shop$"]}),
    *of("channel", "column_values_to_not_match_regex_list", {"regex_list": ["^web$"]}),
    *of("channel", "column_value_lengths_to_be_between", {"min_value": 3, "max_value": 4}, {"max_value": 8}),
    *of("channel", "column_value_lengths_to_equal", {"value": 3}),
    *of("x", "column_value_z_scores_to_be_less_than", {"threshold": 2, "double_sided": True}),
    *of("x", "column_mean_to_be_between", {"min_value": 45, "max_value": 55}, {"max_value": 1}),
    *of("x", "column_median_to_be_between", {"min_value": 45, "max_value": 55}, {"max_value": 1}),
    *of("x", "column_stdev_to_be_between", {"min_value": 10, "max_value": 14}, {"max_value": 1}),
    *of("x", "column_sum_to_be_between", {"min_value": 1000}, {"max_value": 1}),
    *of("x", "column_min_to_be_between", {"min_value": 0}, {"min_value": 49}),
    *of("x", "column_max_to_be_between", {"max_value": 200}, {"max_value": 51}),
    *of("at", "column_max_to_be_between", {"min_value": "2026-03-01T12:00:00+00:00"}),
    *of("at", "column_max_to_be_between", {"min_value": "2027-03-01T12:00:00+00:00"}),
    *of("x", "column_unique_value_count_to_be_between", {"min_value": 2}, {"max_value": 2}),
    *of("channel", "column_proportion_of_unique_values_to_be_between", {"max_value": 0.1}, {"min_value": 0.1}),
    *of("x", "column_proportion_of_non_null_values_to_be_between", {"min_value": 0.9}, {"max_value": 0.9}),
    *of("x", "column_quantile_values_to_be_between",
        {"quantile_ranges": {**QUARTILES, "value_ranges": [[35, 48], [45, 55], [60, 70]]}},
        {"quantile_ranges": {**QUARTILES, "value_ranges": [[0, 1], [45, 55], [60, 70]]}}),
    *of("channel", "column_distinct_values_to_be_in_set", {"value_set": ["web"]},
        {"value_set": ["web", "shop", "Phone ü%"]}),
    *of("channel", "column_distinct_values_to_contain_set", {"value_set": ["web"]}, {"value_set": ["fax"]}),
    *of("channel", "column_distinct_values_to_equal_set", {"value_set": ["web"]},
        {"value_set": ["web", "shop", "Phone ü%"]}),
    *of("channel", "column_most_common_value_to_be_in_set", {"value_set": ["web"]}, {"value_set": ["shop"]}),
    *of("channel", "column_kl_divergence_to_be_less_than",
        {"partition_object": {"values": ["web", "shop", "Phone ü%"], "weights": [0.6, 0.3, 0.1]}, "threshold": 0.1},
        {"partition_object": {"values": ["web", "shop", "Phone ü%"], "weights": [0.1, 0.1, 0.8]}, "threshold": 0.1}),
    *of("x", "column_kl_divergence_to_be_less_than",
        {"partition_object": {"bins": [0, 40, 60, 100], "weights": [0.2, 0.6, 0.2]}, "threshold": 0.1}),
    *of("x", "column_values_to_be_between", {"max_value": 60, "row_condition": ONLY_WEB}),
    *of("x", "column_mean_to_be_between", {"max_value": 60, "row_condition": ONLY_WEB}),
    rule("column_pair_values_a_to_be_greater_than_b", column_A="high", column_B="Low Ü"),
    rule("column_pair_values_a_to_be_greater_than_b", column_A="high", column_B="Low Ü", or_equal=True),
    rule("column_pair_values_to_be_equal", column_A="x", column_B="net"),
    rule("column_pair_values_to_be_equal", column_A="x", column_B="tax"),
    rule("column_pair_values_to_be_in_set", column_A="channel", column_B="flag", value_pairs_set=[["web", True]]),
    rule("compound_columns_to_be_unique", column_list=["Low Ü", "high"]),
    rule("compound_columns_to_be_unique", column_list=["id", "high"]),
    rule("select_column_values_to_be_unique_within_record", column_list=["Low Ü", "high"]),
    rule("multicolumn_sum_to_equal", column_list=["Low Ü", "high"], sum_total=20),
    rule("columns_to_add_up", column_list=["net", "tax", "gross"]),
    rule("columns_to_add_up", column_list=["net", "tax", "high"]),
    rule("table_row_count_to_be_between", min_value=400, max_value=400),
    rule("table_row_count_to_equal", value=401),
    rule("table_column_count_to_equal", value=11),
    rule("table_column_count_to_be_between", min_value=12),
    rule("table_columns_to_match_set", column_set=COLUMNS),
    rule("table_columns_to_match_ordered_list", column_list=COLUMNS),
    rule("table_columns_to_match_set", column_set=["x"]),
    rule("column_to_exist", column="x"),
    rule("column_to_exist", column="X"),
    rule("column_to_exist", column="x", column_index=2),
    rule("column_values_to_be_between", column="gone", min_value=1),
]  # fmt: skip


@pytest.mark.parametrize("asked", AGREE, ids=lambda one: f"{one['type'][7:]}")
def test_each_rule_has_the_outcome_in_the_database_that_it_has_in_a_frame(
    asked: dict[str, Any], warehouse: Any, frame: pd.DataFrame
) -> None:
    [expected] = run_suite({"expectations": [asked]}, frame)
    [found] = warehouse.told(asked).values()
    assert expected.status in (Ruling.PASS, Ruling.FAIL) or expected.by is By.COLUMNS
    assert [getattr(found, name) for name in (*EXACT, "reason")] == [
        getattr(expected, name) for name in (*EXACT, "reason")
    ]
    assert found.by is (By.DATABASE if expected.by is By.GREAT_EXPECTATIONS else By.COLUMNS)


ONLY_THERE = [
    (of("day", "column_values_to_be_between", {"max_value": "2026-03-01"}), Ruling.PASS),
    (of("day", "column_values_to_be_between", {"min_value": "2026-03-02"}), Ruling.FAIL),
    (of("channel", "column_values_to_match_like_pattern", {"like_pattern": "%e%"}), Ruling.FAIL),
    (of("channel", "column_values_to_match_like_pattern", {"like_pattern": "%e%", "mostly": 0.5}), Ruling.PASS),
    (of("channel", "column_values_to_not_match_like_pattern", {"like_pattern": "z%"}), Ruling.PASS),
    (of("x", "column_type_to_be", {"type_": "DOUBLE PRECISION"}), Ruling.PASS),
    (of("x", "column_type_to_be", {"type_": "BIGINT"}), Ruling.FAIL),
    (of("high", "column_values_to_be_of_type", {"type_": "BIGINT"}), Ruling.PASS),
    (of("x", "column_values_to_be_in_type_list", {"type_list": ["TEXT", "DOUBLE PRECISION"]}), Ruling.PASS),
    ([sql("SELECT * FROM {batch} WHERE x > 1000")], Ruling.PASS),
    ([sql("SELECT * FROM {batch} WHERE x < 0")], Ruling.PASS),
    ([sql("SELECT channel FROM {batch} GROUP BY channel HAVING count(*) > 3 ORDER BY 1;")], Ruling.FAIL),
]
"""In a frame they are errors, or the types have other names."""


@pytest.mark.parametrize(("asked", "expected"), ONLY_THERE)
def test_rules_of_databases_are_asked_there(asked: list[dict[str, Any]], expected: Ruling, warehouse: Any) -> None:
    [found] = warehouse.told(*asked).values()
    assert (found.status, found.by) == (expected, By.DATABASE), found


@pytest.mark.parametrize(
    ("kind", "kwargs"),
    [
        ("column_values_to_be_json_parseable", {}),
        ("column_values_to_match_json_schema", {"json_schema": {"type": "object"}}),
        ("column_values_to_be_dateutil_parseable", {}),
        ("column_values_to_match_strftime_format", {"strftime_format": "%Y"}),
        ("column_values_to_be_increasing", {}),
        ("column_values_to_be_decreasing", {}),
        ("column_values_to_be_in_set", {"value_set": [1], "row_condition": "x > 1", "condition_parser": "pandas"}),
    ],
)
def test_what_cannot_be_asked_of_a_database_is_left_to_the_frame(
    kind: str, kwargs: dict[str, Any], warehouse: Any
) -> None:
    asked = [rule(kind, column="channel", **kwargs), rule("column_values_to_be_unique", column="id")]
    assert list(warehouse.told(*asked)) == ["expect_column_values_to_be_unique:id"]
