"""Outcomes become rows."""

from __future__ import annotations

from airflow_ml_monitor.expectations.outcome import Outcome, Verdict, as_measurements
from airflow_ml_monitor.measurement import Measurement, Severity, Status


def row(status: Verdict, reason: str = "", checked: int | None = 500, cap: int | None = None) -> Measurement:
    outcome = Outcome("nulls:age", "expect_x", "age", Severity.WARNING, status, None, checked, None, reason)
    [measurement] = as_measurements([outcome], 2_400_000, cap)
    return measurement


def test_a_kept_rule_is_one_with_the_values_it_checked() -> None:
    found = row(Verdict.PASS)
    assert (found.metric, found.parameters, found.column) == ("expectation", "nulls:age", "age")
    assert found.status is Status.OK
    assert found.estimate is not None
    assert (found.estimate.value, found.estimate.n, found.reason) == (1.0, 500, "")


def test_a_broken_rule_is_zero_with_counts_and_severity_in_its_reason() -> None:
    found = row(Verdict.FAIL, "12 of 500 rows break it")
    assert found.status is Status.OK
    assert found.estimate is not None
    assert found.estimate.value == 0.0
    assert found.reason == "12 of 500 rows break it; severity warning"


def test_a_rule_that_could_not_be_evaluated_has_no_value() -> None:
    found = row(Verdict.ERROR, "column 'age' is missing")
    assert (found.status, found.estimate) == (Status.FAILED, None)
    assert found.reason == "column 'age' is missing; severity warning"


def test_a_rule_without_a_value_to_check_is_too_few_and_no_pass() -> None:
    found = row(Verdict.NOTHING, "no value", checked=0)
    assert (found.status, found.estimate) == (Status.TOO_FEW, None)


def test_a_capped_frame_is_told_even_where_the_rule_is_kept() -> None:
    assert row(Verdict.PASS, cap=100_000).reason == "first 100,000 of 2,400,000 rows"
    assert row(Verdict.FAIL, "broken", cap=100_000).reason == (
        "broken; severity warning; first 100,000 of 2,400,000 rows"
    )
    assert row(Verdict.PASS, cap=2_400_000).reason == ""


def test_where_the_checked_values_are_unknown_n_is_the_rows_in_the_frame() -> None:
    found = row(Verdict.PASS, checked=None, cap=1000)
    assert found.estimate is not None
    assert found.estimate.n == 1000
