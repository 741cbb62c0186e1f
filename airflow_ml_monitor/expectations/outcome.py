"""What became of each rule, and how it is stored."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from airflow_ml_monitor.expectations.suite import rule_columns
from airflow_ml_monitor.measurement import BROKEN_RULES, Estimate, Measurement, Severity, Status

MOST_NAMED: Final = 5
"""So many broken rules are named in one reason."""


class Ruling(StrEnum):
    """What a rule said of the rows that were checked."""

    PASS = "pass"
    FAIL = "fail"
    ERROR = "error"
    """the rule could not be evaluated"""
    NOTHING = "nothing"
    """there was no value to check: neither a pass nor a fail"""


class By(StrEnum):
    """What answered a rule."""

    CELLS = "cells"
    """the window's profile: all of its rows"""
    GREAT_EXPECTATIONS = "great expectations"
    """on the window's first rows"""
    DATABASE = "great expectations in the database"
    """all of the window's rows, where they lie"""
    COLUMNS = "columns"
    """the names of the columns that arrived, without a look at a value"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one rule. Holds no value of the data.

    column: the rule's only column, else ''. checked: values (rows, for a rule on the table) that the rule looked at;
    None if unknown. unexpected, share: how many of them break it; None where the rule does not count.
    reason: '' for a pass.
    """

    rule_id: str
    type: str
    column: str
    severity: Severity
    status: Ruling
    unexpected: int | None = None
    checked: int | None = None
    share: float | None = None
    reason: str = ""
    by: By = By.GREAT_EXPECTATIONS


def rule_id(rule: Mapping[str, Any]) -> str:
    return str(rule["meta"]["rule_id"])


def title(rule: Mapping[str, Any]) -> str:
    """A rule in words: its type and its columns."""
    columns = ", ".join(map(repr, rule_columns(rule)))
    return f"{rule['type']} on {columns}" if columns else str(rule["type"])


def outcome(
    rule: Mapping[str, Any],
    status: Ruling,
    *,
    by: By,
    unexpected: int | None = None,
    checked: int | None = None,
    reason: str = "",
) -> Outcome:
    """A rule's outcome, for a reason that names no value of the data."""
    columns = rule_columns(rule)
    share = unexpected / checked if unexpected is not None and checked else None
    column = columns[0] if len(columns) == 1 else ""
    severity = Severity(rule["severity"])
    return Outcome(rule_id(rule), rule["type"], column, severity, status, unexpected, checked, share, reason, by)


def judged(
    rule: Mapping[str, Any], *, kept: bool, checked: int | None, unexpected: int | None = None, by: By
) -> Outcome:
    """The outcome of a rule that was evaluated: kept or broken; nothing where it is on values and there are none."""
    if checked == 0 and not is_of_the_table(rule):
        return outcome(rule, Ruling.NOTHING, by=by, checked=0, reason=f"no value to check by {title(rule)}")
    if kept:
        return outcome(rule, Ruling.PASS, by=by, unexpected=unexpected, checked=checked)
    if unexpected is None or checked is None:
        reason = f"{title(rule)} is broken"
    else:
        mostly = rule["kwargs"].get("mostly")
        allowed = "" if mostly is None else f" (mostly {mostly})"
        reason = f"{unexpected:,} of {checked:,} rows break {title(rule)}{allowed}"
    return outcome(rule, Ruling.FAIL, by=by, unexpected=unexpected, checked=checked, reason=reason)


def is_of_the_table(rule: Mapping[str, Any]) -> bool:
    """True if an answer needs no value."""
    return str(rule["type"]).startswith(("expect_table_", "expect_column_to_exist"))


def as_measurements(outcomes: Iterable[Outcome], rows: int, cap: int | None) -> list[Measurement]:
    """The rows of the metric `expectation`, one per rule: 1 kept, 0 broken; and how many are broken, by severity.

    n: values checked; parameters: the rule's id. The reason names the counts, the severity, what answered the rule
    (also of a pass), and where that saw only the first rows. A rule that could not be evaluated is `failed`, one
    without a value to check `too_few`.
    rows: of the window. cap: at most so many of them, the first, were in the frame; None: all were.
    """
    outcomes = list(outcomes)
    return [*(_measurement(outcome, rows, cap) for outcome in outcomes), *_broken(outcomes)]


def _broken(outcomes: Sequence[Outcome]) -> Iterator[Measurement]:
    """The metric `broken_rules` of each severity that a rule has."""
    for severity in Severity:
        mine = [outcome for outcome in outcomes if outcome.severity is severity]
        evaluated = [outcome for outcome in mine if outcome.status in (Ruling.PASS, Ruling.FAIL)]
        broken = [outcome.rule_id for outcome in evaluated if outcome.status is Ruling.FAIL]
        of = f"severity={severity}"
        if evaluated:
            more = f" and {len(broken) - MOST_NAMED} more" if len(broken) > MOST_NAMED else ""
            many = "rules of the contract are" if len(broken) > 1 else "rule of the contract is"
            text = f"{len(broken)} {severity} {many} broken: {', '.join(broken[:MOST_NAMED])}{more}" if broken else ""
            estimate = Estimate(float(len(broken)), len(evaluated))
            yield Measurement(BROKEN_RULES, Status.OK, estimate, text, parameters=of)
        elif mine:
            reason = f"no {severity} rule could be judged"
            yield Measurement(BROKEN_RULES, Status.TOO_FEW, None, reason, parameters=of)


def _measurement(outcome: Outcome, rows: int, cap: int | None) -> Measurement:
    status, estimate, parts = Status.OK, None, [outcome.reason]
    is_part = outcome.by is By.GREAT_EXPECTATIONS and cap is not None and rows > cap
    match outcome.status:
        case Ruling.ERROR:
            status = Status.FAILED
        case Ruling.NOTHING:
            status = Status.TOO_FEW
        case verdict:
            seen = cap if is_part and cap is not None else rows
            n = seen if outcome.checked is None else outcome.checked
            estimate = Estimate(1.0 if verdict is Ruling.PASS else 0.0, n)
    if outcome.status is not Ruling.PASS:
        parts.append(f"severity {outcome.severity}")
    parts.append(f"answered by {outcome.by}")
    if is_part:
        parts.append(f"first {cap:,} of {rows:,} rows")
    return Measurement("expectation", status, estimate, "; ".join(filter(None, parts)), outcome.column, outcome.rule_id)
