"""What Great Expectations told of a rule → its outcome, wherever the rows are."""

from __future__ import annotations

import builtins
import importlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, Final

from airflow_ml_monitor.expectations.outcome import By, Outcome, Ruling, is_of_the_table, judged, outcome, title
from airflow_ml_monitor.expectations.suite import rule_columns

RESULT_FORMAT: Final = {"result_format": "BASIC", "partial_unexpected_count": 0}
"""Counts, and no list of unexpected values."""

# They look at rows, or at the column's type, not at its values only.
_BY_ROW: Final = (
    "expect_column_type_to_be",
    "expect_column_values_to_be_of_type",
    "expect_column_values_to_be_in_type_list",
    "expect_column_proportion_of_non_null_values_to_be_between",
)
_EXCEPTION: Final = re.compile(r"^(?:[\w.]+\.)?(\w+)(?::|$)", re.MULTILINE)
_NO_PROVIDER: Final = "MetricProviderError"


@dataclass(frozen=True, slots=True)
class Asked:
    """The rows that were asked about.

    columns: their names. rows: how many. values: how many values a column has. by: what answers. errors: names of
    exceptions beside Great Expectations' and Python's that a reason may say, with what they mean; '' where the name
    says it.
    """

    columns: Sequence[str]
    rows: int
    values: Callable[[str], int]
    by: By
    errors: Mapping[str, str]


def from_columns(rule: Mapping[str, Any], asked: Asked) -> Outcome | None:
    """The outcome where the columns' names already decide it; else None.

    Great Expectations matches names in any case: it takes the first, and reports a missing column like a broken rule.
    """
    names = list(asked.columns)
    if rule["type"] == "expect_column_to_exist":
        # Where it should stand is another question.
        if set(rule["kwargs"]) != {"column"}:
            return None
        return judged(rule, kept=rule["kwargs"]["column"] in names, checked=asked.rows, by=By.COLUMNS)
    for column in rule_columns(rule):
        if what := _unclear(column, names):
            reason = f"column {column!r} {what}: {title(rule)} was not evaluated"
            return outcome(rule, Ruling.ERROR, by=By.COLUMNS, reason=reason)
    return None


def _unclear(column: str, names: Sequence[str]) -> str:
    """Why a name says no single column; '' where it does."""
    if (times := names.count(column)) != 1:
        return "is missing" if times == 0 else f"is there {times} times"
    alike = [name for name in names if name != column and name.casefold() == column.casefold()]
    return f"and {alike[0]!r} are taken for one" if alike else ""


def from_result(rule: Mapping[str, Any], result: Any, asked: Asked) -> Outcome:
    """The outcome of a rule that Great Expectations was asked; result: None where it gave none."""
    if result is None:
        return outcome(rule, Ruling.ERROR, by=asked.by, reason=f"Great Expectations gave no result for {title(rule)}")
    if raised := _raised(result):
        return outcome(rule, Ruling.ERROR, by=asked.by, reason=f"{title(rule)} {_why(raised, asked)}")
    found = result.result or {}
    # Great Expectations passes or fails a rule on values where there are none, by its type.
    is_empty = found == {"observed_value": None} and not is_of_the_table(rule)
    checked = 0 if is_empty else _checked(rule, found, asked)
    unexpected = int(found["unexpected_count"] or 0) if "element_count" in found else None
    is_kept = bool(result.success)
    return judged(rule, kept=is_kept, checked=checked, unexpected=unexpected, by=asked.by)


def has_failed(result: Any) -> bool:
    """True where the rule could not be evaluated."""
    return bool(_raised(result))


def has_no_provider(result: Any) -> bool:
    """True where Great Expectations cannot ask such a rule of such rows, and asked nothing."""
    return _NO_PROVIDER in _names(_raised(result), frozenset()) if result is not None else False


def _checked(rule: Mapping[str, Any], found: Mapping[str, Any], asked: Asked) -> int | None:
    """Values the rule looked at: those that Great Expectations counted, else the column's; None if unknown."""
    if "element_count" in found:
        return int(found["element_count"]) - int(found.get("missing_count") or 0)
    if rule["kwargs"].get("row_condition") is not None:
        return None if asked.rows else 0
    columns = rule_columns(rule)
    by_row = is_of_the_table(rule) or str(rule["type"]).startswith(_BY_ROW)
    return asked.rows if by_row or len(columns) != 1 else asked.values(columns[0])


def _raised(result: Any) -> list[Mapping[str, Any]]:
    """The exceptions behind a result. Two shapes: one flat, or one by the id of each metric."""
    info: Mapping[str, Any] = result.exception_info or {}
    each: Iterable[Any] = [info] if "raised_exception" in info else info.values()
    return [one for one in each if one["raised_exception"]]


def _why(raised: list[Mapping[str, Any]], asked: Asked) -> str:
    """What happened, by the first exception's type; only a known type's name passes, so no text of the data can."""
    names = _names(raised, asked.errors.keys())
    if _NO_PROVIDER in names:
        return "cannot be evaluated on a DataFrame; remove it"
    named = names[0] if names else "an exception"
    meant = next((asked.errors[name] for name in names if asked.errors.get(name)), "")
    return f"could not be evaluated ({named})" if not meant else f"could not be evaluated: {meant}"


def _names(raised: list[Mapping[str, Any]], more: AbstractSet[str]) -> list[str]:
    known = {**vars(importlib.import_module("great_expectations.exceptions")), **vars(builtins)}
    lines = _EXCEPTION.findall(str(raised[0]["exception_traceback"] or "")) if raised else []
    return [n for n in lines if n in more or (isinstance(known.get(n), type) and issubclass(known[n], Exception))]
