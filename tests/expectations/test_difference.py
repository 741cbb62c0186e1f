"""What changed from one contract to another, in words."""

from __future__ import annotations

from typing import Any

from airflow_ml_monitor.expectations.difference import diff_suites


def suite(*rules: tuple[str, dict[str, Any]], **more: Any) -> dict[str, Any]:
    return {"expectations": [{"type": kind, "kwargs": kwargs, "severity": "warning", **more} for kind, kwargs in rules]}


ROWS = ("expect_table_row_count_to_be_between", {"min_value": 1})


def between(low: float | None, high: float | None, **more: Any) -> tuple[str, dict[str, Any]]:
    bounds = {"min_value": low, "max_value": high}
    return "expect_column_values_to_be_between", {"column": "income", **bounds, **more}


def in_set(*values: Any) -> tuple[str, dict[str, Any]]:
    return "expect_column_values_to_be_in_set", {"column": "purpose", "value_set": list(values)}


def test_a_contract_does_not_differ_from_itself_nor_by_its_reasons() -> None:
    mine = suite(ROWS, between(0, 300), in_set("car"))
    assert diff_suites(mine, mine) == []
    assert diff_suites(mine, suite(ROWS, between(0, 300), in_set("car"), meta={"why": "another sample"})) == []


def test_ranges_shares_and_values_are_told_with_what_they_were() -> None:
    before = suite(ROWS, between(0, 300, mostly=0.98), in_set("car", "house", 1))
    after = suite(ROWS, between(-20, 400.5, mostly=0.9), in_set("car", "boat", True))
    assert diff_suites(before, after) == [
        "income: range: -20…400.5 was 0…300",
        "income: range: in 90 % of the rows was 98 %",
        "purpose: values: value 'boat' added",
        "purpose: values: value True added",
        "purpose: values: value 'house' removed",
        "purpose: values: value 1 removed",
    ]
    assert diff_suites(suite(between(0, None)), suite(between(None, 5))) == ["income: range: up to 5 was from 0"]


def test_rules_come_go_and_become_graver() -> None:
    assert diff_suites(suite(ROWS, between(0, 1)), suite(ROWS)) == ["income: range: rule removed"]
    assert diff_suites(suite(ROWS), suite(ROWS, between(0, 1))) == ["income: range: rule added, severity warning, 0…1"]
    graver = suite(ROWS)
    graver["expectations"][0]["severity"] = "critical"
    assert diff_suites(suite(ROWS), graver) == ["rows: severity critical was warning"]


def test_a_weekdays_range_is_told_by_its_name() -> None:
    meta = {"window": "day", "by_weekday": {"monday": [10, 20], "sunday": [0, 5]}}
    moved = {"window": "day", "by_weekday": {"monday": [10, 30], "sunday": [0, 5]}}
    assert diff_suites(suite(ROWS, meta=meta), suite(ROWS, meta=moved)) == ["rows: monday 10…30 was 10…20"]
    assert diff_suites(suite(ROWS), suite(ROWS, meta={"seconds_before_end": 60})) == [
        "rows: seconds before end 60 was none"
    ]


def test_rules_of_one_id_are_the_same_wherever_they_stand_and_whatever_they_ask() -> None:
    def named(*rules: tuple[str, tuple[str, dict[str, Any]]]) -> dict[str, Any]:
        return {
            "expectations": [
                {"type": kind, "kwargs": kwargs, "severity": "warning", "meta": {"rule_id": name}}
                for name, (kind, kwargs) in rules
            ]
        }

    adults, all_of_them = between(0, 300, row_condition="age >= 18"), between(0, 100)
    before = named(("adults", adults), ("all", all_of_them))
    assert diff_suites(before, named(("all", all_of_them), ("adults", adults))) == []
    assert diff_suites(before, named(("all", between(0, 120)), ("adults", adults))) == [
        "income: range: 0…120 was 0…100"
    ]
    assert diff_suites(before, named(("all", all_of_them))) == ["income: range: rule removed"]
    assert diff_suites(named(("all", all_of_them)), named(("all", in_set("car")))) == [
        "purpose: values: was about income",
        "purpose: values: expect_column_values_to_be_in_set was expect_column_values_to_be_between, 0…100",
    ]
    # Another id on the same columns is a new name of the same rule.
    assert diff_suites(before, named(("adults", adults), ("everyone", all_of_them))) == []
