"""Traps of Great Expectations 1.24, as measured, and the test that holds each of them shut.

A trap is what a user of it would fall into: a gate that passes on nothing, a broken check that reads as broken data, a
value of a row in a log. `here` are the tests of this file; a test checks that every one named exists.

| trap | test |
|---|---|
| an unknown type is dropped, the rest passes | test_engine: test_an_unknown_type_is_refused_and_the_known_ones_are_listed |
| … in a stored project as well | test_origin: test_a_rule_whose_type_a_project_would_drop_in_silence_is_an_error |
| … in a monitor, before data is read | monitor/test_contract: test_a_contract_that_is_wrong_is_refused_before_any_data_is_read |
| an empty suite passes | test_suite: test_an_empty_suite_is_refused |
| a broken check looks like a failed one | test_engine: test_a_type_that_has_no_such_order_is_an_error_with_its_exception_named |
| … and says so in two shapes | here: test_both_shapes_in_which_errors_are_told_are_errors |
| an empty result is no error | here: test_a_broken_rule_without_any_result_is_a_failure_and_no_error |
| success ignores severity | monitor/test_contract: test_a_warning_is_stored_and_stands_in_the_evidence_of_a_decision_that_does_nothing |
| an error hides behind a mild severity | monitor/test_contract: test_a_rule_that_cannot_be_evaluated_shows_whatever_its_severity |
| quantile rules crash checkpoints (np.bool) | test_engine: test_a_quantile_rule_is_judged_like_any_other |
| the verdict is a NumPy boolean | here: test_outcomes_are_plain_python |
| its import exits the interpreter | test_gx_loading: test_an_import_that_would_leave_a_bare_interpreter_does_not |
| … and of a user's function | test_gx_loading: test_an_import_that_leaves_all_the_same_is_an_import_error |
| its import writes 214 log lines and warns | test_gx_loading: test_the_import_neither_warns_nor_captures_warnings_nor_logs |
| its import costs seconds | test_suite: test_nothing_but_a_run_imports_great_expectations |
| … also where cells answer all | test_cells: test_a_suite_that_cells_answer_neither_imports_great_expectations_nor_reads_rows |
| results, errors and logs quote values | test_engine: test_no_value_of_the_data_leaves_the_room |
| … in the store, in XCom, in decisions | monitor/test_contract: test_broken_rules_quote_no_value_anywhere |
| bars and log lines are printed | test_engine: test_nothing_is_printed_or_logged |
| results come in another order | test_engine: test_outcomes_stand_in_the_order_of_the_suite_with_their_severity |
| GX_CLOUD_* is followed | here: test_stale_cloud_variables_do_not_matter |
| … in a project | test_origin: test_stale_cloud_variables_change_nothing |
| a wrong folder is scaffolded | test_origin: test_a_missing_project_is_an_error_and_none_is_scaffolded |
| runs write into a project | test_origin: test_a_suite_of_a_project_is_found_from_either_folder_and_nothing_is_written |
| a used rule's id cannot be used again | here: test_a_suite_with_ids_runs_as_often_as_one_likes |
| column names match in any case | test_engine: test_a_missing_column_is_an_error_and_no_failure_of_the_data |
| a name that is there twice | test_engine: test_a_column_that_is_there_twice_is_an_error |
| no value at all passes | test_engine: test_rules_on_values_neither_pass_nor_fail_where_there_is_no_value |
| … and with a row_condition | test_engine: test_a_row_condition_that_no_row_meets_is_nothing |
| naive against aware times | test_engine: test_a_naive_bound_on_an_aware_column_is_an_error_and_no_verdict |
| min above max is accepted | test_suite: test_what_would_weaken_the_gate_in_silence_is_refused |
| `mostly` counts without missing values | test_engine: test_a_failed_rule_counts_what_breaks_it_without_nulls |
| two equal rules, two equal ids | test_suite: test_the_same_rule_twice_is_refused_whatever_its_severity |
| suites of 0.18 raise a TypeError | test_suite: test_the_form_of_release_0_18_is_refused_with_the_conversion |
| a fraction of a row is cut off | test_contract: test_what_is_wrong_in_a_suite_is_raised_before_rows_are_read |
| the process's context is replaced | test_gx_loading: test_a_context_leaves_project_environment_loggers_and_warnings_as_they_were |
| the last frame stays alive | test_engine: test_the_frame_is_not_changed_and_goes_with_the_next_collection |
| every run leaves something behind | test_engine: test_many_runs_leave_no_more_behind_than_one |
| in a database, each statement sees another moment | test_in_transaction: test_all_statements_see_one_moment_of_the_table |
| … more than 1,664 aggregates are asked one by one | test_in_transaction: test_a_suite_of_more_aggregates_than_a_select_may_have_is_asked_in_a_few |
| … a query's rows are fetched to learn its columns' names | test_in_transaction: test_rows_and_long_lists_of_values_stay_in_the_database |
| … a failed statement aborts, and is asked three times | test_in_transaction: test_a_rule_that_the_database_refuses_is_an_error_with_its_name_and_leaves_the_others_alone |
| … one exception is told of all that failed together | test_in_transaction: test_a_rule_that_the_database_refuses_is_an_error_with_its_name_and_leaves_the_others_alone |
| … a timeout is waited for again and again | test_in_transaction: test_a_statement_that_takes_too_long_ends_the_suite_at_once |
| … no value at all passes, or fails | test_in_transaction: test_no_value_neither_passes_nor_fails_there |
| … a bound's zone is dropped | test_in_transaction: test_a_bound_by_another_clock_is_an_error_and_no_verdict |
| … names in mixed case, and with signs | test_in_transaction: test_what_a_frame_would_not_see_in_a_name_is_no_reason_for_an_error |
| … connections are left open | test_in_transaction: test_nothing_can_be_written_and_no_connection_is_left |
| … results, errors and logs quote values | test_in_transaction: test_no_value_of_the_rows_leaves_the_room |
| two names that differ in case are taken for one | test_engine: test_a_column_whose_name_another_has_in_other_letters_is_an_error |
"""  # noqa: E501

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from airflow_ml_monitor.expectations.engine import run_suite, validated
from airflow_ml_monitor.expectations.outcome import Ruling
from airflow_ml_monitor.expectations.suite import load_suite

pytestmark = pytest.mark.usefixtures("great_expectations")

TESTS = Path(__file__).parent.parent
MIXED = pd.DataFrame({"x": [1.0, 2.0], "c": ["a", "b"]})


def suite(*rules: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    return load_suite({"expectations": [{"type": kind, "kwargs": kwargs} for kind, kwargs in rules]})


def test_every_trap_has_its_test() -> None:
    rows = re.findall(r"^\| .+ \| (\S+): (test_\w+) \|$", str(__doc__), re.MULTILINE)
    assert len(rows) == str(__doc__).count("\n| ") - 1
    for file, name in rows:
        path = Path(__file__) if file == "here" else TESTS / ("" if "/" in file else "expectations") / f"{file}.py"
        assert f"def {name}(" in path.read_text(), f"{file}: {name}"


def test_both_shapes_in_which_errors_are_told_are_errors() -> None:
    nested = ("expect_column_mean_to_be_between", {"column": "c", "min_value": 0})
    flat = ("expect_column_max_to_be_between", {"column": "t", "min_value": "2026-01-01T00:00:00"})
    asked = suite(flat, nested)
    frame = MIXED.assign(t=pd.date_range("2026-01-01", periods=2, tz="UTC"))
    told = validated(asked["expectations"], frame)
    assert {"raised_exception" in result.exception_info for result in told.values()} == {True, False}
    assert not any(result.success for result in told.values())
    assert {outcome.status for outcome in run_suite(asked, frame)} == {Ruling.ERROR}


def test_a_broken_rule_without_any_result_is_a_failure_and_no_error() -> None:
    asked = suite(("expect_column_to_exist", {"column": "gone", "column_index": 0}))
    [result] = validated(asked["expectations"], MIXED).values()
    assert (result.success, result.result) == (False, {})
    assert run_suite(asked, MIXED)[0].status is Ruling.FAIL


def test_outcomes_are_plain_python() -> None:
    ranges = {"quantiles": [0.5], "value_ranges": [[0, 9]]}
    asked = suite(
        ("expect_column_quantile_values_to_be_between", {"column": "x", "quantile_ranges": ranges}),
        ("expect_column_values_to_be_unique", {"column": "x"}),
        ("expect_column_values_to_match_regex", {"column": "c", "regex": "^a"}),
    )
    for outcome in run_suite(asked, MIXED):
        numbers = [outcome.unexpected, outcome.checked, outcome.share]
        assert {type(number) for number in numbers} <= {int, float, type(None)}
        json.dumps([str(outcome.status), *numbers], allow_nan=False)


def test_stale_cloud_variables_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ACCESS_TOKEN", "ORGANIZATION_ID", "BASE_URL", "WORKSPACE_ID"):
        monkeypatch.setenv(f"GX_CLOUD_{name}", "stale")
    [outcome] = run_suite(suite(("expect_column_values_to_be_unique", {"column": "x"})), MIXED)
    assert outcome.status is Ruling.PASS


def test_a_suite_with_ids_runs_as_often_as_one_likes() -> None:
    rule = {"type": "expect_column_values_to_be_unique", "kwargs": {"column": "x"}, "id": "8a0e"}
    asked = load_suite({"name": "stored", "id": "1b2c", "expectations": [rule]})
    assert [run_suite(asked, MIXED)[0].status for _ in range(2)] == [Ruling.PASS] * 2
