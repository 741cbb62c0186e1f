"""Outcomes become rows."""

from __future__ import annotations

from airflow_ml_monitor.expectations.outcome import By, Outcome, Ruling, as_measurements
from airflow_ml_monitor.measurement import Measurement, Severity, Status


def row(
    status: Ruling, reason: str = "", checked: int | None = 500, cap: int | None = None, by: By = By.GREAT_EXPECTATIONS
) -> Measurement:
    outcome = Outcome("nulls:age", "expect_x", "age", Severity.WARNING, status, None, checked, None, reason, by)
    measurement, _ = as_measurements([outcome], 2_400_000, cap)
    return measurement


def test_a_kept_rule_is_one_with_the_values_it_checked() -> None:
    found = row(Ruling.PASS)
    assert (found.metric, found.parameters, found.column) == ("expectation", "nulls:age", "age")
    assert found.status is Status.OK
    assert found.estimate is not None
    assert (found.estimate.value, found.estimate.n, found.reason) == (1.0, 500, "answered by great expectations")


def test_a_broken_rule_is_zero_with_counts_and_severity_in_its_reason() -> None:
    found = row(Ruling.FAIL, "12 of 500 rows break it")
    assert found.status is Status.OK
    assert found.estimate is not None
    assert found.estimate.value == 0.0
    assert found.reason == "12 of 500 rows break it; severity warning; answered by great expectations"


def test_a_rule_that_could_not_be_evaluated_has_no_value() -> None:
    found = row(Ruling.ERROR, "column 'age' is missing")
    assert (found.status, found.estimate) == (Status.FAILED, None)
    assert found.reason == "column 'age' is missing; severity warning; answered by great expectations"


def test_a_rule_without_a_value_to_check_is_too_few_and_no_pass() -> None:
    found = row(Ruling.NOTHING, "no value", checked=0)
    assert (found.status, found.estimate) == (Status.TOO_FEW, None)


def test_a_capped_frame_is_told_even_where_the_rule_is_kept() -> None:
    part = "answered by great expectations; first 100,000 of 2,400,000 rows"
    assert row(Ruling.PASS, cap=100_000).reason == part
    assert row(Ruling.FAIL, "broken", cap=100_000).reason == f"broken; severity warning; {part}"
    assert row(Ruling.PASS, cap=2_400_000).reason == "answered by great expectations"


def test_cells_saw_all_rows_whatever_the_frame_would_have_held() -> None:
    found = row(Ruling.PASS, checked=None, cap=100_000, by=By.CELLS)
    assert found.reason == "answered by cells"
    assert found.estimate is not None
    assert found.estimate.n == 2_400_000


def test_where_the_checked_values_are_unknown_n_is_the_rows_in_the_frame() -> None:
    found = row(Ruling.PASS, checked=None, cap=1000)
    assert found.estimate is not None
    assert found.estimate.n == 1000


def counted(*outcomes: tuple[Severity, Ruling]) -> list[Measurement]:
    made = [Outcome(f"rule{i}", "expect_x", "x", severity, status) for i, (severity, status) in enumerate(outcomes)]
    return [m for m in as_measurements(made, 500, None) if m.metric == "broken_rules"]


def test_broken_rules_are_counted_by_severity_and_named_up_to_five() -> None:
    warning, critical = Severity.WARNING, Severity.CRITICAL
    found = counted((critical, Ruling.PASS), *[(warning, Ruling.FAIL)] * 7, (warning, Ruling.ERROR))
    assert [(m.parameters, m.estimate and (m.estimate.value, m.estimate.n)) for m in found] == [
        ("severity=warning", (7.0, 7)),
        ("severity=critical", (0.0, 1)),
    ]
    assert found[0].reason == (
        "7 warning rules of the contract are broken: rule1, rule2, rule3, rule4, rule5 and 2 more"
    )
    assert found[1].reason == ""


def test_a_severity_of_which_no_rule_could_be_judged_has_no_count() -> None:
    [found] = counted((Severity.INFO, Ruling.ERROR), (Severity.INFO, Ruling.NOTHING))
    assert (found.status, found.estimate, found.reason) == (Status.TOO_FEW, None, "no info rule could be judged")
