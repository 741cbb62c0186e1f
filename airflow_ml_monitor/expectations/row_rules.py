"""A suite's rules that speak of a single row, as row tests; what cannot be said of one row is named."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any, Final

from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.expectations.adding import ADD_UP
from airflow_ml_monitor.expectations.suite import load_suite, rule_columns
from airflow_ml_monitor.measurement import Severity
from airflow_ml_monitor.profile.row_tests import (
    Absent,
    AddsUp,
    Among,
    Between,
    Bounds,
    Distinct,
    Exists,
    How,
    Ordered,
    Present,
    Reads,
    RowRule,
    RowTest,
    Scalar,
    Skipped,
    Total,
)

_Arguments = Mapping[str, Any]

_ARGUMENTS: Final = frozenset(
    (
        *("column", "column_A", "column_B", "column_list", "mostly", "row_condition", "condition_parser"),
        *("min_value", "max_value", "strict_min", "strict_max", "value", "value_set", "sum_total"),
        *("regex", "regex_list", "match_on", "strftime_format", "or_equal", "ignore_row_if"),
    )
)
_SKIPPED: Final = {
    "both_values_are_missing": Skipped.ALL_MISSING,
    "all_values_are_missing": Skipped.ALL_MISSING,
    "either_value_is_missing": Skipped.ANY_MISSING,
    "any_value_is_missing": Skipped.ANY_MISSING,
    "neither": Skipped.NONE,
    "never": Skipped.NONE,
}


def row_rules(
    suite: Mapping[str, Any], severity: Severity = Severity.CRITICAL, without: Collection[str] = ()
) -> tuple[list[RowRule], list[str]]:
    """(rules that can be asked of one row, ids of those that are left out), of a severity or graver.

    Left out are rules on many rows at once (counts, means, quantiles, uniqueness), on types, with a row_condition, and
    those that read a column of `without`. `mostly` does not matter: it says how many rows may break a rule, not which.
    Raises SpecError where a rule's arguments cannot be understood.
    """
    found, left_out = [], []
    for rule in load_suite(suite)["expectations"]:
        if Severity(rule["severity"]).rank < severity.rank:
            continue
        name, arguments = str(rule["meta"]["rule_id"]), rule["kwargs"]
        build = _TESTS.get(rule["type"])
        if build is None or arguments.get("row_condition") is not None or set(rule_columns(rule)) & set(without):
            left_out.append(name)
            continue
        try:
            found.append(RowRule(name, build(arguments)))
        except (KeyError, TypeError, ValueError, re.error) as error:
            told = f"its arguments cannot be understood: {type(error).__name__}: {error}; mend the suite"
            raise SpecError(told, field=f"contract.{name}") from error
    return found, left_out


def is_familiar(suite: Mapping[str, Any]) -> bool:
    """True if every rule is of a type, and has arguments, that are asked here: no other engine need know them."""
    rules = load_suite(suite)["expectations"]
    return all(rule["type"] in _TESTS and not set(rule["kwargs"]) - _ARGUMENTS for rule in rules)


def _between(of_length: bool) -> Callable[[_Arguments], RowTest]:
    def build(given: _Arguments) -> RowTest:
        low, high = _scalar(given.get("min_value")), _scalar(given.get("max_value"))
        if low is None and high is None:
            raise ValueError("neither min_value nor max_value is given")
        strict = bool(given.get("strict_min")), bool(given.get("strict_max"))
        return Between(given["column"], Bounds(low, high, *strict), of_length)

    return build


def _scalar(value: Any) -> Scalar | None:
    if value is not None and not isinstance(value, (str, int, float, bool, datetime)):
        raise TypeError(f"{value!r} is no number, text or time")
    return value


def _length(given: _Arguments) -> RowTest:
    return Between(given["column"], Bounds(int(given["value"]), int(given["value"])), of_length=True)


def _among(refused: bool) -> Callable[[_Arguments], RowTest]:
    def build(given: _Arguments) -> RowTest:
        values = given.get("value_set")
        if values is None:
            # As Great Expectations has it: no set, nothing to break.
            return Exists(given["column"])
        return Among(given["column"], tuple(_named(value) for value in values if value is not None), refused)

    return build


def _named(value: Any) -> Scalar:
    if not isinstance(value, (str, int, float, bool)):
        raise TypeError(f"{value!r} is no number or text")
    return value


def _patterns(given: _Arguments, key: str) -> tuple[str, ...]:
    patterns = (given[key],) if isinstance(given[key], str) else tuple(given[key])
    if not patterns:
        raise ValueError(f"{key} is empty")
    for pattern in patterns:
        re.compile(pattern)
    return patterns


def _matches(given: _Arguments) -> RowTest:
    patterns = _patterns(given, "regex_list" if "regex_list" in given else "regex")
    least = len(patterns) if given.get("match_on") == "all" else 1
    return Reads(given["column"], How.PATTERN, patterns, least)


def _matches_not(given: _Arguments) -> RowTest:
    patterns = _patterns(given, "regex_list" if "regex_list" in given else "regex")
    return Reads(given["column"], How.PATTERN, patterns, least=0, most=0)


def _skipped(given: _Arguments) -> Skipped:
    return _SKIPPED[given.get("ignore_row_if", "all_values_are_missing")]


def _ordered(equal: bool) -> Callable[[_Arguments], RowTest]:
    def build(given: _Arguments) -> RowTest:
        pair = (given["column_A"], given["column_B"])
        return Ordered(pair, bool(given.get("or_equal")), equal, _skipped(given))

    return build


def _terms(columns: Collection[str]) -> tuple[str, ...]:
    if len(columns) < 2:
        raise ValueError(f"column_list {columns!r} names no sum and its terms")
    return tuple(columns)


_TESTS: Final[Mapping[str, Callable[[_Arguments], RowTest]]] = {
    "expect_column_to_exist": lambda given: Exists(given["column"]),
    "expect_column_values_to_not_be_null": lambda given: Present(given["column"]),
    "expect_column_values_to_be_null": lambda given: Absent(given["column"]),
    "expect_column_values_to_be_between": _between(of_length=False),
    "expect_column_value_lengths_to_be_between": _between(of_length=True),
    "expect_column_value_lengths_to_equal": _length,
    "expect_column_values_to_be_in_set": _among(refused=False),
    "expect_column_values_to_not_be_in_set": _among(refused=True),
    "expect_column_values_to_match_regex": _matches,
    "expect_column_values_to_match_regex_list": _matches,
    "expect_column_values_to_not_match_regex": _matches_not,
    "expect_column_values_to_not_match_regex_list": _matches_not,
    "expect_column_values_to_match_strftime_format": lambda given: Reads(
        given["column"], How.TIME, (given["strftime_format"],)
    ),
    "expect_column_values_to_be_json_parseable": lambda given: Reads(given["column"], How.JSON),
    "expect_column_pair_values_a_to_be_greater_than_b": _ordered(equal=False),
    "expect_column_pair_values_to_be_equal": _ordered(equal=True),
    "expect_multicolumn_sum_to_equal": lambda given: Total(
        tuple(given["column_list"]), given["sum_total"], _skipped(given)
    ),
    ADD_UP: lambda given: AddsUp(_terms(given["column_list"]), _skipped(given)),
    "expect_select_column_values_to_be_unique_within_record": lambda given: Distinct(
        tuple(given["column_list"]), _skipped(given)
    ),
}
