"""Runs a suite on a DataFrame with Great Expectations."""

from __future__ import annotations

import builtins
import importlib
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

import pandas as pd

from airflow_ml_monitor.errors import ScanError, SpecError, UnknownName
from airflow_ml_monitor.expectations.gx import load_gx, quiet_context
from airflow_ml_monitor.expectations.outcome import Outcome, Verdict
from airflow_ml_monitor.expectations.suite import Rules, load_suite, rule_columns
from airflow_ml_monitor.measurement import Severity

# Counts, and no list of unexpected values.
_RESULT_FORMAT: Final = {"result_format": "BASIC", "partial_unexpected_count": 0}
# An answer needs no value.
_OF_THE_TABLE: Final = ("expect_table_", "expect_column_to_exist")
# They look at rows, or at the column's type, not at its values only.
_BY_ROW: Final = (
    *_OF_THE_TABLE,
    "expect_column_type_to_be",
    "expect_column_values_to_be_of_type",
    "expect_column_values_to_be_in_type_list",
    "expect_column_proportion_of_non_null_values_to_be_between",
)
_EXCEPTION: Final = re.compile(r"^(?:[\w.]+\.)?(\w+)(?::|$)", re.MULTILINE)


def check_suite(suite: Mapping[str, Any]) -> None:
    """Raise where a rule's type or arguments are wrong, before data is read.

    UnknownName lists the types that exist; import the module of a custom type first. SpecError quotes the suite.
    """
    _expectations(load_suite(suite)["expectations"])


def run_suite(suite: Mapping[str, Any], frame: pd.DataFrame, *, rows: int | None = None) -> list[Outcome]:
    """Each rule's outcome, in the suite's order. The frame is not changed.

    Great Expectations' batch and engine refer to each other, so the frame lives until the next garbage collection;
    forcing one would cost 0.2 s a run.

    rows: of the whole window, where the frame holds only the first of them; rules on the row count use it.
    Raises SpecError for a wrong suite, ScanError where Great Expectations gave up on the whole. No outcome,
    log record or ScanError quotes a value of the frame.
    """
    rules = load_suite(suite)["expectations"]
    expectations = dict(zip((_id(rule) for rule in rules), _expectations(rules), strict=True))
    known = {_id(rule): found for rule in rules if (found := _without_gx(rule, frame, rows)) is not None}
    asked = [expectation for name, expectation in expectations.items() if name not in known]
    results = _validate(asked, frame) if asked else {}
    return [known.get(_id(rule)) or _outcome(rule, results.get(_id(rule)), frame) for rule in rules]


def _id(rule: Mapping[str, Any]) -> str:
    return str(rule["meta"]["rule_id"])


def _expectations(rules: Rules) -> list[Any]:
    """The rules as Great Expectations' objects. Its suites drop what they cannot build; this raises."""
    load_gx()
    registry = importlib.import_module("great_expectations.expectations.registry")
    configuration = importlib.import_module("great_expectations.expectations.expectation_configuration")
    wrong = importlib.import_module("great_expectations.exceptions").GreatExpectationsError
    known = set(registry.list_registered_expectation_implementations())
    built = []
    for rule in rules:
        if rule["type"] not in known:
            raise UnknownName("expectation type", rule["type"], known, field=f"contract.{_id(rule)}")
        try:
            built.append(configuration.ExpectationConfiguration(**rule).to_domain_obj())
        except (ValueError, TypeError, wrong) as error:
            raise SpecError(f"Great Expectations refuses it: {error}", field=f"contract.{_id(rule)}") from error
    return built


def _validate(expectations: list[Any], frame: pd.DataFrame) -> dict[str, Any]:
    """Great Expectations' results by rule id; their order is not the suite's."""
    gx = load_gx()
    suite = gx.ExpectationSuite(name="contract", expectations=expectations)
    gave_up, results = "", []
    with quiet_context() as context:
        try:
            results = _results(context, suite, frame)
        except gx.exceptions.GreatExpectationsError as error:
            gave_up = type(error).__name__
    if gave_up:
        # Raised out here, without its cause: the cause's text may quote the data.
        raise ScanError(f"Great Expectations gave up on the whole suite with {gave_up}; run its rules one by one")
    return {str(result.expectation_config.meta["rule_id"]): result for result in results}


def _results(context: Any, suite: Any, frame: pd.DataFrame) -> list[Any]:
    source = context.data_sources.add_pandas("frame")
    whole = source.add_dataframe_asset("frame").add_batch_definition_whole_dataframe("whole")
    # Not a checkpoint: those store results, and crash on quantile rules.
    found = whole.get_batch({"dataframe": frame}).validate(suite, result_format=_RESULT_FORMAT)
    return list(found.results)


def _without_gx(rule: Mapping[str, Any], frame: pd.DataFrame, rows: int | None) -> Outcome | None:
    """The outcome where the columns' names, or the window's row count, already decide it; else None.

    Great Expectations matches names in any case, and reports a missing column like a broken rule.
    """
    if rows is not None and rows != len(frame) and str(rule["type"]).startswith("expect_table_row_count_to_"):
        return _row_count(rule, rows)
    names = list(frame.columns)
    if rule["type"] == "expect_column_to_exist":
        return None
    for column in rule_columns(rule):
        if (times := names.count(column)) != 1:
            what = "is missing" if times == 0 else f"is there {times} times"
            return _made(rule, Verdict.ERROR, reason=f"column {column!r} {what}: {_title(rule)} was not evaluated")
    return None


def _row_count(rule: Mapping[str, Any], rows: int) -> Outcome | None:
    kwargs = rule["kwargs"]
    match rule["type"]:
        case "expect_table_row_count_to_equal":
            kept = rows == kwargs["value"]
        case "expect_table_row_count_to_be_between":
            low, high = kwargs.get("min_value"), kwargs.get("max_value")
            above = low is None or (rows > low if kwargs.get("strict_min") else rows >= low)
            kept = above and (high is None or (rows < high if kwargs.get("strict_max") else rows <= high))
        case _:
            return None
    if kept:
        return _made(rule, Verdict.PASS, checked=rows)
    return _made(rule, Verdict.FAIL, checked=rows, reason=f"{rows:,} rows break {_title(rule)}")


def _outcome(rule: Mapping[str, Any], result: Any, frame: pd.DataFrame) -> Outcome:
    if result is None:
        return _made(rule, Verdict.ERROR, reason=f"Great Expectations gave no result for {_title(rule)}")
    if raised := _raised(result.exception_info or {}):
        return _made(rule, Verdict.ERROR, reason=f"{_title(rule)} {_why(raised)}")
    found = result.result or {}
    checked = _checked(rule, found, frame)
    # A rule on values says nothing where there are none; Great Expectations passes or fails it, by its type.
    if not str(rule["type"]).startswith(_OF_THE_TABLE) and (checked == 0 or found == {"observed_value": None}):
        return _made(rule, Verdict.NOTHING, checked=0, reason=f"no value to check by {_title(rule)}")
    unexpected = int(found["unexpected_count"]) if "element_count" in found else None
    if bool(result.success):
        return _made(rule, Verdict.PASS, unexpected=unexpected, checked=checked)
    if unexpected is None:
        return _made(rule, Verdict.FAIL, checked=checked, reason=f"{_title(rule)} is broken")
    mostly = rule["kwargs"].get("mostly")
    allowed = "" if mostly is None else f" (mostly {mostly})"
    reason = f"{unexpected:,} of {checked:,} rows break {_title(rule)}{allowed}"
    return _made(rule, Verdict.FAIL, unexpected=unexpected, checked=checked, reason=reason)


def _checked(rule: Mapping[str, Any], found: Mapping[str, Any], frame: pd.DataFrame) -> int | None:
    """Values the rule looked at: those that Great Expectations counted, else the column's; None if unknown."""
    if "element_count" in found:
        return int(found["element_count"]) - int(found.get("missing_count") or 0)
    if rule["kwargs"].get("row_condition") is not None:
        return None if len(frame) else 0
    columns = rule_columns(rule)
    by_row = str(rule["type"]).startswith(_BY_ROW)
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


def _title(rule: Mapping[str, Any]) -> str:
    columns = ", ".join(map(repr, rule_columns(rule)))
    return f"{rule['type']} on {columns}" if columns else str(rule["type"])


def _made(
    rule: Mapping[str, Any],
    status: Verdict,
    *,
    unexpected: int | None = None,
    checked: int | None = None,
    reason: str = "",
) -> Outcome:
    columns = rule_columns(rule)
    share = unexpected / checked if unexpected is not None and checked else None
    column = columns[0] if len(columns) == 1 else ""
    severity = Severity(rule["severity"])
    return Outcome(_id(rule), rule["type"], column, severity, status, unexpected, checked, share, reason)
