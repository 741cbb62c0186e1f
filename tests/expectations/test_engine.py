"""Suites run: three outcomes kept apart, nothing leaked, nothing left behind."""

from __future__ import annotations

import gc
import io
import logging
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from airflow_ml_monitor.errors import SpecError, UnknownName
from airflow_ml_monitor.expectations.engine import check_suite, run_suite
from airflow_ml_monitor.expectations.outcome import By, Outcome, Ruling, as_measurements
from airflow_ml_monitor.measurement import Status

pytestmark = pytest.mark.usefixtures("great_expectations")

CANARY = "canary-7f3@example.org"
NOT_NULL, BETWEEN = "expect_column_values_to_not_be_null", "expect_column_values_to_be_between"
IN_SET, MEAN = "expect_column_values_to_be_in_set", "expect_column_mean_to_be_between"


def rule(kind: str, **kwargs: Any) -> dict[str, Any]:
    return {"type": kind, "kwargs": kwargs}


def suite(*rules: dict[str, Any]) -> dict[str, Any]:
    return {"expectations": list(rules)}


def verdict(frame: pd.DataFrame, kind: str, **kwargs: Any) -> Outcome:
    [outcome] = run_suite(suite(rule(kind, **kwargs)), frame)
    return outcome


def test_an_unknown_type_is_refused_and_the_known_ones_are_listed() -> None:
    with pytest.raises(UnknownName) as caught:
        check_suite(suite(rule(NOT_NULL, column="x"), rule("expect_column_values_to_be_betwen", column="x")))
    assert BETWEEN in caught.value.known


@pytest.mark.parametrize(
    "kwargs", [{"min_valu": 0}, {}, {"min_value": 0, "mostly": 2}, {"min_value": 0, "strict_min": "perhaps"}]
)
def test_arguments_that_great_expectations_refuses_are_refused_before_data(kwargs: dict[str, Any]) -> None:
    with pytest.raises(SpecError, match="Great Expectations refuses it"):
        check_suite(suite(rule(BETWEEN, column="x", **kwargs)))


def test_a_failed_rule_counts_what_breaks_it_without_nulls() -> None:
    outcome = verdict(pd.DataFrame({"x": [1.0, 2.0, 9.0, None]}), BETWEEN, column="x", max_value=5, mostly=0.9)
    assert (outcome.status, outcome.unexpected, outcome.checked) == (Ruling.FAIL, 1, 3)
    assert outcome.share == pytest.approx(1 / 3)
    assert outcome.reason == f"1 of 3 rows break {BETWEEN} on 'x' (mostly 0.9)"


def test_outcomes_stand_in_the_order_of_the_suite_with_their_severity() -> None:
    rules = [rule(NOT_NULL, column="x"), rule(MEAN, column="e", min_value=0), rule(BETWEEN, column="x", max_value=0)]
    rules[2]["severity"] = "info"
    outcomes = run_suite(suite(*rules), pd.DataFrame({"x": [1.0], "e": ["a"]}))
    assert [o.status for o in outcomes] == [Ruling.PASS, Ruling.ERROR, Ruling.FAIL]
    assert [o.severity.value for o in outcomes] == ["critical", "critical", "info"]


def test_a_missing_column_is_an_error_and_no_failure_of_the_data() -> None:
    outcome = verdict(pd.DataFrame({"X": [1.0]}), BETWEEN, column="x", min_value=0)
    assert outcome.status is Ruling.ERROR
    assert outcome.reason.startswith("column 'x' is missing")


def test_a_column_that_is_there_twice_is_an_error() -> None:
    frame = pd.DataFrame([[1.0, 2.0]], columns=["x", "x"])
    assert verdict(frame, BETWEEN, column="x", min_value=0).reason.startswith("column 'x' is there 2 times")


@pytest.mark.parametrize("column", ["x", "X"])
def test_a_column_whose_name_another_has_in_other_letters_is_an_error(column: str) -> None:
    outcome = verdict(pd.DataFrame({"X": [1.0], "x": [-1.0]}), BETWEEN, column=column, min_value=0)
    assert (outcome.status, outcome.by) == (Ruling.ERROR, By.COLUMNS)
    assert "are taken for one" in outcome.reason


def test_a_missing_column_fails_the_rule_that_asks_for_it() -> None:
    assert verdict(pd.DataFrame({"y": [1.0]}), "expect_column_to_exist", column="x").status is Ruling.FAIL


def test_a_type_that_has_no_such_order_is_an_error_with_its_exception_named() -> None:
    outcome = verdict(pd.DataFrame({"x": ["a", "b"]}), BETWEEN, column="x", min_value=0)
    assert outcome.status is Ruling.ERROR
    assert outcome.reason == f"{BETWEEN} on 'x' could not be evaluated (TypeError)"


def test_an_sql_rule_says_that_it_does_not_run_on_a_frame() -> None:
    frame = pd.DataFrame({"x": [1.0]})
    outcome = verdict(frame, "unexpected_rows_expectation", unexpected_rows_query="SELECT * FROM {batch}")
    assert (outcome.status, outcome.checked) == (Ruling.ERROR, None)
    assert "cannot be evaluated on a DataFrame" in outcome.reason


def test_a_naive_bound_on_an_aware_column_is_an_error_and_no_verdict() -> None:
    aware = pd.DataFrame({"t": pd.date_range("2026-01-01", periods=3, tz="UTC")})
    newest = "expect_column_max_to_be_between"
    assert verdict(aware, newest, column="t", min_value="2026-01-01T00:00:00").status is Ruling.ERROR
    assert verdict(aware, newest, column="t", min_value="2026-01-01T00:00:00+00:00").status is Ruling.PASS
    assert verdict(aware, newest, column="t", min_value="2027-01-01T00:00:00+00:00").status is Ruling.FAIL


def test_a_quantile_rule_is_judged_like_any_other() -> None:
    ranges = {"quantiles": [0.5], "value_ranges": [[0, 1]]}
    outcome = verdict(
        pd.DataFrame({"x": [5.0] * 9}),
        "expect_column_quantile_values_to_be_between",
        column="x",
        quantile_ranges=ranges,
    )
    assert (outcome.status, outcome.checked, outcome.unexpected) == (Ruling.FAIL, 9, None)


@pytest.mark.parametrize("frame", [pd.DataFrame({"x": pd.Series([], dtype=float)}), pd.DataFrame({"x": [None] * 5})])
def test_rules_on_values_neither_pass_nor_fail_where_there_is_no_value(frame: pd.DataFrame) -> None:
    found = {"distinct": "expect_column_distinct_values_to_be_in_set", "low": "expect_column_min_to_be_between"}
    rules = [
        rule(BETWEEN, column="x", min_value=0),
        rule(IN_SET, column="x", value_set=[1]),
        rule(MEAN, column="x", min_value=0),
        rule(found["distinct"], column="x", value_set=[1]),
        rule(found["low"], column="x", min_value=0),
        rule("expect_column_values_to_be_of_type", column="x", type_="int"),
    ]
    outcomes = run_suite(suite(*rules), frame)
    assert Ruling.PASS not in {o.status for o in outcomes}
    assert {o.status for o in outcomes[:5]} == {Ruling.NOTHING}
    assert all(m.status is Status.TOO_FEW for m in as_measurements(outcomes[:5], len(frame), None))


def test_an_empty_frame_fails_its_row_count_and_keeps_its_columns() -> None:
    rules = [
        rule("expect_table_row_count_to_be_between", min_value=1),
        rule("expect_column_to_exist", column="x"),
        rule(NOT_NULL, column="x"),
    ]
    outcomes = run_suite(suite(*rules), pd.DataFrame({"x": pd.Series([], dtype=float)}))
    assert [o.status for o in outcomes] == [Ruling.FAIL, Ruling.PASS, Ruling.NOTHING]


def test_a_column_of_nulls_fails_the_rules_that_ask_for_values() -> None:
    frame = pd.DataFrame({"x": [None] * 5})
    assert verdict(frame, NOT_NULL, column="x", mostly=0.9).unexpected == 5
    share = "expect_column_proportion_of_non_null_values_to_be_between"
    assert verdict(frame, share, column="x", min_value=0.9).status is Ruling.FAIL


def test_a_row_condition_that_no_row_meets_is_nothing() -> None:
    condition = {"type": "comparison", "column": {"name": "c"}, "operator": "==", "parameter": "z"}
    frame = pd.DataFrame({"x": [1.0, 2.0], "c": ["a", "b"]})
    kwargs = {"column": "x", "min_value": 0, "row_condition": condition}
    assert verdict(frame, BETWEEN, **kwargs).status is Ruling.NOTHING
    assert verdict(frame, MEAN, **kwargs).status is Ruling.NOTHING
    met = {**kwargs, "row_condition": {**condition, "parameter": "a"}}
    assert verdict(frame, BETWEEN, **met).checked == 1


@pytest.mark.parametrize("stored", ["str", "object", "string", "category"])
def test_text_is_judged_alike_however_pandas_stores_it(stored: str) -> None:
    frame = pd.DataFrame({"c": ["a", "b", None, "zz"]}).astype(stored)
    rules = [
        rule(IN_SET, column="c", value_set=["a", "b"]),
        rule("expect_column_values_to_match_regex", column="c", regex="^(a|b)$"),
        rule(NOT_NULL, column="c"),
    ]
    found = run_suite(suite(*rules), frame)
    assert [(o.unexpected, o.checked) for o in found] == [(1, 3), (1, 3), (1, 4)]


@pytest.mark.parametrize("stored", ["int64", "float32", "Int64", "Float64"])
def test_numbers_are_judged_alike_however_pandas_stores_them(stored: str) -> None:
    frame = pd.DataFrame({"x": [1, 2, 30]}).astype(stored)
    rules = [rule(BETWEEN, column="x", max_value=5), rule(MEAN, column="x", max_value=5)]
    found = run_suite(suite(*rules), frame)
    assert [(o.status, o.checked) for o in found] == [(Ruling.FAIL, 3)] * 2


def test_a_column_that_should_exist_is_looked_for_by_its_exact_name() -> None:
    frame = pd.DataFrame({"X": [1.0]})
    found = [verdict(frame, "expect_column_to_exist", column=name) for name in ("x", "X")]
    assert [(o.status, o.by) for o in found] == [(Ruling.FAIL, By.COLUMNS), (Ruling.PASS, By.COLUMNS)]


def leaky(column: str) -> list[dict[str, Any]]:
    """Rules whose results, errors or logs hold values of the data."""
    known = {"values": ["a", "b"], "weights": [0.5, 0.5]}
    only = {"column": column, "value_set": ["a"]}
    return [
        rule("expect_column_most_common_value_to_be_in_set", **only),
        rule("expect_column_kl_divergence_to_be_less_than", column=column, partition_object=known, threshold=0.1),
        rule("expect_column_distinct_values_to_be_in_set", **only),
        rule("expect_column_distinct_values_to_equal_set", **only),
        rule("expect_column_distinct_values_to_contain_set", **only),
        rule("unexpected_rows_expectation", unexpected_rows_query="SELECT * FROM {batch}"),
        rule(IN_SET, **only),
        rule("expect_column_values_to_match_regex", column=column, regex="^z"),
        rule("expect_column_values_to_be_unique", column=column),
        rule("expect_column_values_to_be_json_parseable", column=column),
        rule("expect_column_values_to_match_json_schema", column=column, json_schema={"type": "object"}),
        rule("expect_column_values_to_be_dateutil_parseable", column=column),
        rule(BETWEEN, column=column, min_value=0),
        rule("expect_column_min_to_be_between", column=column, min_value=0),
        rule("expect_column_max_to_be_between", column=column, min_value="2026-01-01"),
        rule(MEAN, column=column, min_value=0),
        rule(
            "expect_column_quantile_values_to_be_between",
            column=column,
            quantile_ranges={"quantiles": [0.5], "value_ranges": [[0, 1]]},
        ),
    ]


@pytest.mark.parametrize("values", [[CANARY] * 40, [CANARY, 1, None, 2.5], [[CANARY], {"k": CANARY}, 3]])
def test_no_value_of_the_data_leaves_the_room(values: list[Any], capfd: pytest.CaptureFixture[str]) -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        outcomes = run_suite(suite(*leaky("c")), pd.DataFrame({"c": values}))
    finally:
        root.setLevel(level)
        root.removeHandler(handler)
    assert len(outcomes) == len(leaky("c"))
    measured = repr(as_measurements(outcomes, len(values), None))
    printed = "".join(capfd.readouterr())
    assert all("canary" not in text for text in (repr(outcomes), measured, stream.getvalue(), printed))


def test_nothing_is_printed_or_logged(capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        verdict(pd.DataFrame({"x": ["a"]}), BETWEEN, column="x", min_value=0)
    assert (caplog.records, *capfd.readouterr()) == ([], "", "")


def test_a_rule_that_cannot_be_evaluated_leaves_the_others_alone() -> None:
    healthy = [rule(NOT_NULL, column="x"), rule(MEAN, column="x", min_value=0), rule(BETWEEN, column="x", max_value=1)]
    sick = [rule(MEAN, column="c", min_value=0), rule(BETWEEN, column="c", min_value=0)]
    frame = pd.DataFrame({"x": [1.0, 2.0], "c": ["a", "b"]})
    assert run_suite(suite(*healthy, *sick), frame)[:3] == run_suite(suite(*healthy), frame)


def test_the_frame_is_not_changed_and_goes_with_the_next_collection() -> None:
    frame = pd.DataFrame({"x": [3.0, 1.0, np.nan], "c": ["a", "b", "a"]}, index=[5, 5, 1])
    before, gone = frame.copy(deep=True), weakref.ref(frame)
    run_suite(suite(rule(BETWEEN, column="x", min_value=2), rule(NOT_NULL, column="c")), frame)
    pd.testing.assert_frame_equal(frame, before)
    del frame
    gc.collect()
    assert gone() is None


def test_many_runs_leave_no_more_behind_than_one() -> None:
    def leftover(runs: int) -> tuple[int, int]:
        for _ in range(runs):
            # 8 MB: twenty frames kept would show.
            verdict(pd.DataFrame({"x": np.zeros(1_000_000)}), NOT_NULL, column="x")
        gc.collect()
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return len(gc.get_objects()), pages * 4096

    objects, memory = leftover(3)
    more_objects, more_memory = leftover(20)
    assert more_objects - objects < 2000
    assert more_memory - memory < 40e6
