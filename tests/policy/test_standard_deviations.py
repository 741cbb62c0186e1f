"""Bounds in standard deviations of the windows before, and whether getting better breaks a bound."""

from __future__ import annotations

from statistics import stdev
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.policy.rule import Action, Bounds, Improvement, Rule

REFERENCE = {("ref-1", metric, "", (), ""): 0.8 for metric in ("roc_auc", "brier", "label_rate", "label_delay")}
CALM = (0.79, 0.81) * 4
"""Their standard deviation is √(8 · 0.01² / 7) = 0.010690: three of them below 0.8 are 0.76793."""


def judged(desk: Any, *values: float, metric: str = "roc_auc", **about: Any) -> Any:
    """The verdict on a series against a reference of 0.8, by three standard deviations."""
    shape = {name: about.pop(name) for name in ("low", "high") if name in about}
    rule = Rule(metric, Bounds(sigmas=3), **about)
    evidence = desk.series(*values, metric=metric, reference="ref-1", **shape)
    return desk.judge(desk.policy(rule), evidence, references=REFERENCE)


def days(desk: Any, *values: float, metric: str = "roc_auc", **about: Any) -> list[int]:
    policy = desk.policy(Rule(metric, Bounds(sigmas=3), **about))
    return list(desk.alarmed(policy, desk.series(*values, metric=metric, reference="ref-1"), references=REFERENCE))


@pytest.mark.parametrize(("value", "alarmed"), [(0.7680, []), (0.7679, [8])])
def test_a_value_beyond_three_standard_deviations_of_the_eight_before_it_alarms(
    desk: Any, value: float, alarmed: list[int]
) -> None:
    assert days(desk, *CALM, value) == alarmed


def test_the_reason_tells_reference_and_standard_deviation(desk: Any) -> None:
    said = judged(desk, *CALM, 0.7).because
    assert said == "2026-01-13: roc_auc 0.7 below 0.7679 (reference 0.8 ± 3 × 0.01069)"


def test_of_seven_windows_before_nothing_is_judged_and_the_rule_is_named(desk: Any) -> None:
    verdict = judged(desk, *CALM[:7], 0.1, name="auc fell")
    assert verdict.action is Action.WAIT
    assert verdict.because == "fewer than 8 windows before were in control, so performance cannot be judged"
    beside = Rule("roc_auc", Bounds(min=0.05), name="useless")
    policy = desk.policy(beside, Rule("roc_auc", Bounds(sigmas=3), name="auc fell"))
    evidence = desk.series(*CALM[:7], 0.1, reference="ref-1")
    verdict = desk.judge(policy, evidence, references=REFERENCE)
    assert verdict.action is Action.NONE
    assert "cannot be judged, as fewer than 8 windows before were in control: auc fell" in verdict.because


def test_a_fixed_bound_beside_it_is_judged_from_the_first_window_on(desk: Any) -> None:
    policy = desk.policy(Rule("roc_auc", Bounds(min=0.7, sigmas=3)))
    evidence = desk.series(0.6, *CALM, 0.75, reference="ref-1")
    assert desk.alarmed(policy, evidence, references=REFERENCE) == [0, 9]


def test_without_the_references_value_it_says_so_and_asks_for_no_more_windows(desk: Any) -> None:
    because = desk.judge(desk.policy(Rule("roc_auc", Bounds(sigmas=3))), desk.series(*CALM, 0.1)).because
    assert "as the reference has no such value: roc_auc" in because
    assert "in control" not in because


def test_windows_that_break_it_do_not_widen_it(desk: Any) -> None:
    # With them among the windows before, 0.75 would lie within: their standard deviation is 0.2.
    assert days(desk, *CALM, 0.3, 0.3, 0.75) == [8, 9, 10]


def test_windows_of_broken_data_are_none_of_those_before(desk: Any) -> None:
    policy = desk.policy(Rule("roc_auc", Bounds(sigmas=3), Action.RETRAIN))
    evidence = [*desk.series(*CALM, 0.1, 0.75, reference="ref-1"), desk.broken(8)]
    found = desk.judge(policy, evidence, references=REFERENCE).evidence["alarms"]
    assert [(a["metric"], a["text"].split(" (")[0]) for a in found if a["action"] == "retrain"] == [
        ("roc_auc", "roc_auc 0.75 below 0.7679")
    ]


def test_windows_of_too_few_rows_are_none_of_those_before(desk: Any) -> None:
    policy = desk.policy(Rule("roc_auc", Bounds(sigmas=3), least_n=100))
    few = desk.series(0.1, 0.9, reference="ref-1", n=99)
    evidence = [*few, *desk.series(*CALM, 0.75, start=2, reference="ref-1")]
    assert desk.alarmed(policy, evidence, references=REFERENCE) == [10]


def test_what_never_varied_breaks_it_by_any_change_but_not_by_rounding(desk: Any) -> None:
    assert days(desk, *[0.8] * 8, 0.8 - 1e-12, 0.7999) == [9]


@pytest.mark.parametrize(
    ("metric", "improvement", "alarmed"),
    [
        ("roc_auc", "ignore", [8]),  # the lower, the worse
        ("roc_auc", "alarm", [8, 9]),
        ("brier", "ignore", [9]),  # the higher, the worse
        ("label_rate", "ignore", [8, 9]),  # has no better side
        ("label_delay", "ignore", [8, 9]),  # no formula says which side is the better one
    ],
)
def test_a_metric_that_gets_better_alarms_only_where_it_is_asked_for(
    desk: Any, metric: str, improvement: str, alarmed: list[int]
) -> None:
    assert days(desk, *CALM, 0.7, 0.9, metric=metric, improvement=Improvement(improvement)) == alarmed


@pytest.mark.parametrize(
    ("bounds", "alarmed"),
    [
        (Bounds(fall=0.05, rise=0.05), [0]),
        (Bounds(fall_share=0.05, rise=0.05), [0]),
        (Bounds(rise=0.05), [1]),  # one side alone is meant
        (Bounds(min=0.75, max=0.85), [0, 1]),
        (Bounds(max=0.85, fall=0.05), [0, 1]),
    ],
)
def test_fall_and_rise_together_ignore_what_got_better_and_any_other_bound_is_meant(
    desk: Any, bounds: Bounds, alarmed: list[int]
) -> None:
    evidence = desk.series(0.7, 0.9, reference="ref-1")
    assert desk.alarmed(desk.policy(Rule("roc_auc", bounds)), evidence, references=REFERENCE) == alarmed


def test_both_sides_alarm_on_improvement_if_asked_for(desk: Any) -> None:
    rule = Rule("roc_auc", Bounds(fall=0.05, rise=0.05), improvement=Improvement.ALARM)
    evidence = desk.series(0.7, 0.9, reference="ref-1")
    assert desk.alarmed(desk.policy(rule), evidence, references=REFERENCE) == [0, 1]


def test_a_sure_rule_asks_for_the_whole_interval_beyond(desk: Any) -> None:
    evidence = [
        *desk.series(*CALM, reference="ref-1"),
        *desk.series(0.75, start=8, high=0.78, low=0.72, reference="ref-1"),
    ]
    sure, quick = (desk.policy(Rule("roc_auc", Bounds(sigmas=3), sure=sure)) for sure in (True, False))
    assert desk.alarmed(sure, evidence, references=REFERENCE) == []
    assert desk.alarmed(quick, evidence, references=REFERENCE) == [8]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda: Bounds(sigmas=0), "0 is no number of standard deviations"),
        (lambda: Bounds(sigmas=-3), "-3 is no number of standard deviations"),
        (lambda: Bounds(sigmas=float("nan")), "no finite number"),
        (lambda: Rule("roc_auc", Bounds(fall=0.1), improvement=Improvement.ALARM), "roc_auc.improvement: there is no"),
    ],
)
def test_what_cannot_be_meant_is_refused(wrong: Any, words: str) -> None:
    with pytest.raises(SpecError, match=words):
        wrong()


series = st.lists(st.floats(0.0, 1.0), min_size=9, max_size=20)


@given(values=series)
def test_the_standard_deviation_is_that_of_the_windows_before_that_lie_within(desk: Any, values: list[float]) -> None:
    calm: list[float] = []
    expected = []
    for day, value in enumerate(values):
        reach = 3 * stdev(calm) if len(calm) >= 8 else 1.0
        if abs(abs(value - 0.8) - reach) < 1e-6:
            return  # a matter of rounding
        if abs(value - 0.8) < reach:
            calm.append(value)
        elif value < 0.8:
            expected.append(day)
    assert days(desk, *values) == expected


@given(values=series, later=st.lists(st.floats(0.0, 1.0), max_size=4))
def test_later_windows_never_change_what_is_said_of_one(desk: Any, values: list[float], later: list[float]) -> None:
    before = days(desk, *values)
    assert [day for day in days(desk, *values, *later) if day < len(values)] == before


@given(values=series, k=st.integers(1, 3), more=st.integers(0, 2))
def test_asking_for_more_windows_never_alarms_in_more(desk: Any, values: list[float], k: int, more: int) -> None:
    assert set(days(desk, *values, k=k, m=k + more)) <= set(days(desk, *values))


@given(values=series)
def test_what_ignores_improvement_alarms_where_the_other_does_and_the_metric_got_worse(
    desk: Any, values: list[float]
) -> None:
    every = days(desk, *values, improvement=Improvement.ALARM)
    assert days(desk, *values) == [day for day in every if values[day] < 0.8]
