"""Runs a suite on a DataFrame with Great Expectations."""

from __future__ import annotations

import builtins
import importlib
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

import pandas as pd

from airflow_ml_monitor.errors import ScanError, SpecError, UnknownName
from airflow_ml_monitor.expectations import adding
from airflow_ml_monitor.expectations.cells import is_known
from airflow_ml_monitor.expectations.gx import load_gx, quiet_context
from airflow_ml_monitor.expectations.outcome import (
    By,
    Outcome,
    Ruling,
    is_of_the_table,
    judged,
    outcome,
    rule_id,
    title,
)
from airflow_ml_monitor.expectations.suite import Rules, load_suite, rule_columns
from airflow_ml_monitor.expectations.whole_window import check_whole, is_plain

# Counts, and no list of unexpected values.
_RESULT_FORMAT: Final = {"result_format": "BASIC", "partial_unexpected_count": 0}
# They look at rows, or at the column's type, not at its values only.
_BY_ROW: Final = (
    "expect_column_type_to_be",
    "expect_column_values_to_be_of_type",
    "expect_column_values_to_be_in_type_list",
    "expect_column_proportion_of_non_null_values_to_be_between",
)
_EXCEPTION: Final = re.compile(r"^(?:[\w.]+\.)?(\w+)(?::|$)", re.MULTILINE)


def check_suite(suite: Mapping[str, Any]) -> None:
    """Raise where a rule's type or arguments are wrong, before data is read.

    UnknownName lists the types that exist; import the module of a custom type first. SpecError quotes the suite.
    Great Expectations is asked, and imported, only for rules that the profile could not answer.
    """
    rules = load_suite(suite)["expectations"]
    for rule in rules:
        check_whole(rule)
    if strange := [rule for rule in rules if not is_known(rule) and not is_plain(rule)]:
        _expectations(strange)


def run_suite(suite: Mapping[str, Any], frame: pd.DataFrame) -> list[Outcome]:
    """Each rule's outcome by Great Expectations, in the suite's order. The frame is not changed.

    Great Expectations' batch and engine refer to each other, so the frame lives until the next garbage collection;
    forcing one would cost 0.2 s a run.

    Raises SpecError for a wrong suite, ScanError where Great Expectations gave up on the whole. No outcome,
    log record or ScanError quotes a value of the frame.
    """
    rules = load_suite(suite)["expectations"]
    check_suite(suite)
    known = {rule_id(rule): found for rule in rules if (found := _without_gx(rule, frame)) is not None}
    asked = [rule for rule in rules if rule_id(rule) not in known]
    results = validated(asked, frame) if asked else {}
    return [known.get(rule_id(rule)) or _outcome(rule, results.get(rule_id(rule)), frame) for rule in rules]


def _expectations(rules: Rules) -> list[Any]:
    """The rules as Great Expectations' objects. Its suites drop what they cannot build; this raises."""
    load_gx()
    adding.register()
    registry = importlib.import_module("great_expectations.expectations.registry")
    configuration = importlib.import_module("great_expectations.expectations.expectation_configuration")
    wrong = importlib.import_module("great_expectations.exceptions").GreatExpectationsError
    known = set(registry.list_registered_expectation_implementations())
    built = []
    for rule in rules:
        if rule["type"] not in known:
            raise UnknownName("expectation type", rule["type"], known, field=f"contract.{rule_id(rule)}")
        try:
            built.append(configuration.ExpectationConfiguration(**rule).to_domain_obj())
        except (ValueError, TypeError, wrong) as error:
            raise SpecError(f"Great Expectations refuses it: {error}", field=f"contract.{rule_id(rule)}") from error
    return built


def validated(rules: Rules, frame: pd.DataFrame, form: Mapping[str, Any] = _RESULT_FORMAT) -> dict[str, Any]:
    """Great Expectations' results by rule id; their order is not the suite's. form: what they hold."""
    gx = load_gx()
    suite = gx.ExpectationSuite(name="contract", expectations=_expectations(rules))
    gave_up, results = "", []
    with quiet_context() as context:
        try:
            results = _results(context, suite, frame, form)
        except gx.exceptions.GreatExpectationsError as error:
            gave_up = type(error).__name__
    if gave_up:
        # Raised out here, without its cause: the cause's text may quote the data.
        raise ScanError(f"Great Expectations gave up on the whole suite with {gave_up}; run its rules one by one")
    return {str(result.expectation_config.meta["rule_id"]): result for result in results}


def _results(context: Any, suite: Any, frame: pd.DataFrame, form: Mapping[str, Any]) -> list[Any]:
    source = context.data_sources.add_pandas("frame")
    whole = source.add_dataframe_asset("frame").add_batch_definition_whole_dataframe("whole")
    # Not a checkpoint: those store results, and crash on quantile rules.
    found = whole.get_batch({"dataframe": frame}).validate(suite, result_format=dict(form))
    return list(found.results)


def _without_gx(rule: Mapping[str, Any], frame: pd.DataFrame) -> Outcome | None:
    """The outcome where the columns' names already decide it; else None.

    Great Expectations matches names in any case, and reports a missing column like a broken rule.
    """
    names = list(frame.columns)
    if rule["type"] == "expect_column_to_exist":
        # Where it should stand is another question.
        if set(rule["kwargs"]) != {"column"}:
            return None
        return judged(rule, kept=rule["kwargs"]["column"] in names, checked=len(frame), by=By.COLUMNS)
    for column in rule_columns(rule):
        if (times := names.count(column)) != 1:
            what = "is missing" if times == 0 else f"is there {times} times"
            return outcome(
                rule, Ruling.ERROR, by=By.COLUMNS, reason=f"column {column!r} {what}: {title(rule)} was not evaluated"
            )
    return None


def _outcome(rule: Mapping[str, Any], result: Any, frame: pd.DataFrame) -> Outcome:
    if result is None:
        return outcome(
            rule, Ruling.ERROR, by=By.GREAT_EXPECTATIONS, reason=f"Great Expectations gave no result for {title(rule)}"
        )
    if raised := _raised(result.exception_info or {}):
        return outcome(rule, Ruling.ERROR, by=By.GREAT_EXPECTATIONS, reason=f"{title(rule)} {_why(raised)}")
    found = result.result or {}
    # Great Expectations passes or fails a rule on values where there are none, by its type.
    is_empty = found == {"observed_value": None} and not is_of_the_table(rule)
    checked = 0 if is_empty else _checked(rule, found, frame)
    unexpected = int(found["unexpected_count"]) if "element_count" in found else None
    is_kept = bool(result.success)
    return judged(rule, kept=is_kept, checked=checked, unexpected=unexpected, by=By.GREAT_EXPECTATIONS)


def _checked(rule: Mapping[str, Any], found: Mapping[str, Any], frame: pd.DataFrame) -> int | None:
    """Values the rule looked at: those that Great Expectations counted, else the column's; None if unknown."""
    if "element_count" in found:
        return int(found["element_count"]) - int(found.get("missing_count") or 0)
    if rule["kwargs"].get("row_condition") is not None:
        return None if len(frame) else 0
    columns = rule_columns(rule)
    by_row = is_of_the_table(rule) or str(rule["type"]).startswith(_BY_ROW)
    return len(frame) if by_row or len(columns) != 1 else int(frame[columns[0]].count())


def _raised(info: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The exceptions behind a result. Two shapes: one flat, or one by the id of each metric."""
    each: Iterable[Any] = [info] if "raised_exception" in info else info.values()
    return [one for one in each if one["raised_exception"]]


def _why(raised: list[Mapping[str, Any]]) -> str:
    """What happened, by the first exception's type; only a known type's name passes, so no text of the data can."""
    known = {**vars(importlib.import_module("great_expectations.exceptions")), **vars(builtins)}
    lines = _EXCEPTION.findall(str(raised[0]["exception_traceback"] or ""))
    names = [n for n in lines if isinstance(known.get(n), type) and issubclass(known[n], Exception)]
    if "MetricProviderError" in names:
        return "cannot be evaluated on a DataFrame; remove it"
    return f"could not be evaluated ({names[0] if names else 'an exception'})"
