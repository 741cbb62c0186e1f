"""What became of each rule, and how it is stored."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from airflow_ml_monitor.measurement import Estimate, Measurement, Severity, Status


class Verdict(StrEnum):
    """What a rule said of the rows that were checked."""

    PASS = "pass"
    FAIL = "fail"
    ERROR = "error"
    """the rule could not be evaluated"""
    NOTHING = "nothing"
    """there was no value to check: neither a pass nor a fail"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One rule's verdict. Holds no value of the data.

    column: the rule's only column, else ''. checked: values (rows, for a rule on the table) that the rule looked at;
    None if unknown. unexpected, share: how many of them break it; None where the rule does not count.
    reason: '' for a pass.
    """

    rule_id: str
    type: str
    column: str
    severity: Severity
    status: Verdict
    unexpected: int | None = None
    checked: int | None = None
    share: float | None = None
    reason: str = ""


def as_measurements(outcomes: Iterable[Outcome], rows: int, cap: int | None) -> list[Measurement]:
    """The rows of the metric `expectation`, one per rule: 1 kept, 0 broken.

    n: values checked; parameters: the rule's id. The reason names the counts and the severity.
    A rule that could not be evaluated is `failed`, one without a value to check `too_few`.
    rows: of the window. cap: at most so many of them, the first, were in the frame; None: all were.
    """
    part = f"first {cap:,} of {rows:,} rows" if cap is not None and rows > cap else ""
    seen = rows if cap is None else min(rows, cap)
    return [_measurement(outcome, seen, part) for outcome in outcomes]


def _measurement(outcome: Outcome, seen: int, part: str) -> Measurement:
    status, estimate, parts = Status.OK, None, [outcome.reason, part]
    match outcome.status:
        case Verdict.ERROR:
            status = Status.FAILED
        case Verdict.NOTHING:
            status = Status.TOO_FEW
        case verdict:
            n = seen if outcome.checked is None else outcome.checked
            estimate = Estimate(1.0 if verdict is Verdict.PASS else 0.0, n)
    if outcome.status is not Verdict.PASS:
        parts.insert(1, f"severity {outcome.severity}")
    return Measurement("expectation", status, estimate, "; ".join(filter(None, parts)), outcome.column, outcome.rule_id)
