"""Suites are checked before data is read, and without Great Expectations."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.expectations.suite import load_suite, rule_columns


def rule(kind: str = "expect_column_values_to_not_be_null", **parts: Any) -> dict[str, Any]:
    return {"type": kind, "kwargs": {"column": "age"}, **parts}


def suite(*rules: Any) -> dict[str, Any]:
    return {"name": "customers", "expectations": list(rules)}


def test_a_file_and_its_document_are_the_same_suite(tmp_path: Path) -> None:
    path = tmp_path / "suite.json"
    path.write_text(json.dumps(suite(rule())))
    assert load_suite(path) == load_suite(str(path)) == load_suite(suite(rule()))


@pytest.mark.parametrize("document", [{}, {"expectations": []}, {"expectations": None}])
def test_an_empty_suite_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(SpecError, match="an empty suite passes"):
        load_suite(document)


def test_a_missing_file_is_named_with_its_remedy(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"no file '.*nowhere\.json'; give the path") as caught:
        load_suite(tmp_path / "nowhere.json")
    assert caught.value.field == "contract"


@pytest.mark.parametrize("text", ["{", "[1]", "\udcff"])
def test_a_file_that_is_no_suite_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "suite.json"
    path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(SpecError, match=r"JSON|holds a list"):
        load_suite(path)


def test_the_form_of_release_0_18_is_refused_with_the_conversion() -> None:
    old = {"expectation_type": "expect_column_to_exist", "kwargs": {"column": "age"}}
    with pytest.raises(SpecError, match="rename 'expectation_type' to 'type'"):
        load_suite(suite(old))


def test_the_same_rule_twice_is_refused_whatever_its_severity() -> None:
    with pytest.raises(SpecError, match=r"same rule as expectations\[0\]"):
        load_suite(suite(rule(severity="info"), rule(severity="critical")))


def test_the_same_check_on_other_rows_is_another_rule() -> None:
    other = {"column": "age", "row_condition": {"type": "comparison"}}
    names = [r["meta"]["rule_id"] for r in load_suite(suite(rule(), rule(kwargs=other)))["expectations"]]
    assert names == ["expect_column_values_to_not_be_null:age", "expect_column_values_to_not_be_null:age#2"]


def test_two_rules_with_one_id_are_refused() -> None:
    with pytest.raises(SpecError, match="'a' names two rules"):
        load_suite(suite(rule(meta={"rule_id": "a"}), rule("expect_column_to_exist", meta={"rule_id": "a"})))


def test_a_given_id_is_never_taken_by_a_made_one() -> None:
    taken = rule("expect_column_to_exist", meta={"rule_id": "expect_column_values_to_not_be_null:age"})
    names = [r["meta"]["rule_id"] for r in load_suite(suite(rule(), taken))["expectations"]]
    assert names == ["expect_column_values_to_not_be_null:age#2", "expect_column_values_to_not_be_null:age"]


def test_loading_a_loaded_suite_changes_nothing_and_the_document_is_not_touched() -> None:
    document = suite(rule(), rule("expect_table_row_count_to_be_between", kwargs={"min_value": 1}))
    before = json.dumps(document)
    loaded = load_suite(document)
    assert load_suite(loaded) == loaded
    assert json.dumps(document) == before


def test_a_missing_severity_is_critical() -> None:
    assert load_suite(suite(rule()))["expectations"][0]["severity"] == "critical"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("expect_column_to_exist", "no object"),
        (rule(mostly=0.9), "unknown key 'mostly'"),
        (rule(severity="high"), "'high' is none of"),
        (rule(kind=""), "is no type"),
        (rule(kwargs=["age"]), "must be objects"),
        (rule(kwargs={"column": "age", "min_value": {"$PARAMETER": "low"}}), "write the value"),
        (rule(kwargs={"column": "age", "min_value": 3, "max_value": 2}), "min_value 3 is above max_value 2"),
    ],
)
def test_what_would_weaken_the_gate_in_silence_is_refused(wrong: Any, words: str) -> None:
    with pytest.raises(SpecError, match=words) as caught:
        load_suite(suite(wrong))
    assert caught.value.field.startswith("contract.expectations[0]")


def test_what_great_expectations_stores_beside_a_rule_is_left_out() -> None:
    stored = rule(id="7b1", rendered_content=[], notes="ask Ann")
    stored["kwargs"] = {"column": "age", "result_format": "COMPLETE", "batch_id": "b", "catch_exceptions": False}
    [loaded] = load_suite(suite(stored))["expectations"]
    assert set(loaded) == {"type", "kwargs", "severity", "meta"}
    assert loaded["kwargs"] == {"column": "age"}


def test_a_list_of_columns_that_a_table_should_have_is_not_read() -> None:
    listed = {"column_list": ["a", "b"]}
    assert rule_columns({"type": "expect_table_columns_to_match_ordered_list", "kwargs": listed}) == ()
    assert rule_columns({"type": "expect_compound_columns_to_be_unique", "kwargs": listed}) == ("a", "b")


def test_nothing_but_a_run_imports_great_expectations() -> None:
    rooms = ", ".join(f"airflow_ml_monitor.expectations.{name}" for name in ("engine", "infer", "outcome", "suite"))
    code = f"import sys, {rooms}; sys.exit('great_expectations' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
