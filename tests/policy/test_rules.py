"""Which measurements break a bound, and which are not judged at all."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.measurement import Status
from airflow_ml_monitor.policy.rule import Action, Bounds, Policy, Rule

REFERENCE = {("ref-1", "roc_auc", "", (), ""): 0.8}


@pytest.mark.parametrize(
    ("bounds", "good", "bad"),
    [
        (Bounds(min=0.5), 0.5, 0.49),
        (Bounds(max=0.9), 0.9, 0.91),
        (Bounds(fall=0.25), 0.55, 0.54),  # 0.8 − 0.25
        (Bounds(rise=0.125), 0.925, 0.93),  # 0.8 + 0.125
        (Bounds(fall_share=0.25), 0.601, 0.59),  # 0.8 × 0.75 = 0.6
        (Bounds(rise_share=0.25), 0.999, 1.01),  # 0.8 × 1.25 = 1
        (Bounds(min=0.5, fall=0.25), 0.56, 0.52),  # the tighter one: 0.55
        (Bounds(max=0.9, rise=0.5), 0.9, 0.95),  # the tighter one: 0.9
    ],
)
def test_a_value_beyond_its_bound_alarms_and_one_within_does_not(
    desk: Any, bounds: Bounds, good: float, bad: float
) -> None:
    policy = desk.policy(Rule("roc_auc", bounds))
    assert desk.alarmed(policy, desk.series(good, reference="ref-1"), references=REFERENCE) == []
    assert desk.alarmed(policy, desk.series(bad, reference="ref-1"), references=REFERENCE) == [0]


def test_a_duration_beyond_its_bound_is_told_with_its_unit(desk: Any) -> None:
    policy = desk.policy(Rule("freshness", Bounds(max=3600)))
    assert "freshness 7200 s above 3600 s" in desk.judge(policy, desk.series(7200, metric="freshness")).because


def test_a_share_of_a_negative_reference_is_a_distance_too() -> None:
    assert Bounds(fall_share=0.5, rise_share=0.5).limits(-2.0) == (-3.0, -1.0)


def test_a_relative_bound_without_the_references_value_alarms_never_and_says_so(desk: Any) -> None:
    policy = desk.policy(Rule("roc_auc", Bounds(fall=0.05), name="auc fell"))
    verdict = desk.judge(policy, desk.series(0.1))
    assert verdict.action is Action.NONE
    assert "cannot be judged, as the reference has no such value: auc fell" in verdict.because


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({}, "no bound"),
        ({"fall": -0.1}, "distances"),
        ({"min": 2.0, "max": 1.0}, "min 2.0 is above max 1.0"),
    ],
)
def test_bounds_that_cannot_be_meant_are_refused(wrong: dict[str, float], words: str) -> None:
    with pytest.raises(SpecError, match=words):
        Bounds(**wrong)


@pytest.mark.parametrize(("k", "m"), [(0, 1), (2, 1), (4, 3)])
def test_k_of_m_needs_one_to_m(k: int, m: int) -> None:
    with pytest.raises(SpecError, match="1 ≤ k ≤ m"):
        Rule("roc_auc", Bounds(min=0.7), k=k, m=m)


def test_two_rules_of_one_name_are_refused_until_one_is_renamed() -> None:
    rule = Rule("roc_auc", Bounds(min=0.7))
    with pytest.raises(SpecError, match="two rules are called 'roc_auc'"):
        Policy((rule, rule))
    assert Policy((rule, Rule("roc_auc", Bounds(min=0.6), name="very low"))).rules[1].title == "very low"


@pytest.mark.parametrize("wrong", [{"cooldown": 0}, {"order": (Action.NONE, Action.ALERT)}])
def test_a_policy_without_a_cooldown_or_with_half_an_order_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(SpecError):
        Policy(**wrong)


def test_a_sure_rule_waits_until_the_whole_interval_is_beyond(desk: Any) -> None:
    sure, quick = (desk.policy(Rule("roc_auc", Bounds(min=0.7, max=0.9), sure=sure)) for sure in (True, False))
    for value, low, high in [(0.68, 0.64, 0.72), (0.92, 0.88, 0.96)]:
        touching = desk.series(value, low=low, high=high)
        assert desk.alarmed(sure, touching) == []
        assert desk.alarmed(quick, touching) == [0]
    assert desk.alarmed(sure, desk.series(0.66, low=0.63, high=0.69)) == [0]
    assert desk.alarmed(sure, desk.series(0.94, low=0.91, high=0.97)) == [0]


def test_without_an_interval_a_sure_rule_judges_the_value_itself(desk: Any) -> None:
    assert desk.alarmed(desk.policy(), desk.series(0.699, 0.7)) == [0]


def test_a_distance_is_surely_beyond_only_by_what_exceeds_its_noise(desk: Any) -> None:
    sure, quick = (desk.policy(Rule("psi", Bounds(max=0.2), sure=sure)) for sure in (True, False))
    noisy = desk.series(0.25, metric="psi", noise=0.06)  # 0.19 without its noise
    assert desk.alarmed(sure, noisy) == []
    assert desk.alarmed(quick, noisy) == [0]
    assert desk.alarmed(sure, desk.series(0.25, metric="psi", noise=0.04)) == [0]


def test_noise_excuses_no_value_that_is_too_low(desk: Any) -> None:
    policy = desk.policy(Rule("psi", Bounds(min=0.1)))
    assert desk.alarmed(policy, desk.series(0.09, metric="psi", noise=0.05)) == [0]


def test_two_of_three_alarms_at_the_second_bad_window_and_not_at_a_good_one(desk: Any) -> None:
    policy = desk.policy(Rule("roc_auc", Bounds(min=0.7), k=2, m=3))
    # bad good bad good good bad bad: windows 2 and 6 are the second of three
    assert desk.alarmed(policy, desk.series(0.6, 0.8, 0.6, 0.8, 0.8, 0.6, 0.6)) == [2, 6]


def test_a_window_that_cannot_be_judged_is_none_of_the_last_m(desk: Any) -> None:
    policy = desk.policy(Rule("roc_auc", Bounds(min=0.7), k=2, m=2))
    assert desk.alarmed(policy, desk.series(0.6, None, 0.6)) == [2]
    assert desk.alarmed(policy, desk.series(0.6, 0.8, 0.6)) == []


def test_the_persistence_of_one_column_is_not_counted_for_another(desk: Any) -> None:
    policy = desk.policy(Rule("psi", Bounds(max=0.2), k=2, m=2))
    evidence = [*desk.series(0.9, metric="psi", column="age"), *desk.series(0.9, start=1, metric="psi", column="sex")]
    assert desk.alarmed(policy, evidence) == []


def test_a_value_of_fewer_rows_than_least_n_is_not_judged(desk: Any) -> None:
    policy = desk.policy(Rule("roc_auc", Bounds(min=0.7), least_n=500))
    assert desk.alarmed(policy, desk.series(0.1, n=499)) == []
    assert desk.alarmed(policy, desk.series(0.1, n=500)) == [0]


@pytest.mark.parametrize("status", [Status.IMMATURE, Status.TOO_FEW, Status.UNDEFINED, Status.FAILED])
def test_a_row_that_is_not_ok_is_not_judged_although_it_carries_a_value(desk: Any, status: Status) -> None:
    evidence = [desk.value(0, 0.1, status=status), desk.rows(0)]
    assert desk.alarmed(desk.policy(), evidence) == []


def test_a_rule_of_named_columns_looks_at_no_other(desk: Any) -> None:
    every, one = (desk.policy(Rule("psi", Bounds(max=0.2), columns=columns)) for columns in ((), ("age",)))
    evidence = desk.series(0.9, metric="psi", column="income")
    assert desk.alarmed(every, evidence) == [0]
    assert desk.alarmed(one, evidence) == []
    assert desk.alarmed(one, desk.series(0.9, metric="psi", column="age")) == [0]


def test_a_rule_with_parameters_looks_at_no_other_parameters(desk: Any) -> None:
    every, one = (desk.policy(Rule("quantile", Bounds(max=1.0), parameters=p)) for p in (None, "q=0.5"))
    tail = desk.series(9.0, metric="quantile", parameters="q=0.99")
    assert desk.alarmed(every, tail) == [0]
    assert desk.alarmed(one, tail) == []
    assert desk.alarmed(one, desk.series(9.0, metric="quantile", parameters="q=0.5")) == [0]


def test_slices_are_judged_only_by_a_rule_that_asks_for_them(desk: Any) -> None:
    whole, slices = (desk.policy(Rule("roc_auc", Bounds(min=0.7), slices=on)) for on in (False, True))
    evidence = [*desk.series(0.8), desk.value(0, 0.5, slice=(("region", "north"),))]
    assert desk.alarmed(whole, evidence) == []
    verdict = desk.judge(slices, evidence)
    assert "roc_auc in region=north 0.5 below 0.7" in verdict.because


def test_a_rule_of_named_slices_looks_at_the_whole_and_at_the_slices_by_these(desk: Any) -> None:
    policy = desk.policy(Rule("roc_auc", Bounds(min=0.7), slices=("region",)))
    north, web = (desk.value(0, 0.5, slice=(pair,)) for pair in (("region", "north"), ("channel", "web")))
    assert desk.alarmed(policy, [*desk.series(0.8), web]) == []
    assert desk.alarmed(policy, desk.series(0.5)) == [0]
    assert "in region=north" in desk.judge(policy, [*desk.series(0.8), north, web]).because


def test_where_versions_are_measured_the_pooled_value_is_not_judged(desk: Any) -> None:
    policy = desk.policy()
    versions = [desk.value(0, 0.8, model_version="1"), desk.value(0, 0.75, model_version="2")]
    pooled = desk.series(0.6)
    assert desk.alarmed(policy, pooled) == [0]
    assert desk.alarmed(policy, [*pooled, *versions]) == []
    verdict = desk.judge(policy, [*pooled, *versions, desk.value(1, 0.5, model_version="2"), desk.rows(1)])
    assert "roc_auc of 2 0.5 below 0.7" in verdict.because
    assert [incident.model_version for incident in verdict.incidents] == ["2"]


def test_a_window_without_versions_is_judged_as_a_whole_beside_others_that_have_them(desk: Any) -> None:
    evidence = [*desk.series(0.6), *desk.series(0.8, start=1, model_version="1")]
    assert desk.alarmed(desk.policy(), evidence) == [0]


def test_a_dataset_without_versions_is_judged_beside_one_that_has_them(desk: Any) -> None:
    evidence = [desk.value(0, 0.8, model_version="1"), desk.rows(0), desk.value(0, 0.6, dataset="offers")]
    assert desk.alarmed(desk.policy(), evidence) == [0]


def test_versions_of_too_few_rows_do_not_hide_a_pooled_window_of_enough(desk: Any) -> None:
    policy = desk.policy(Rule("roc_auc", Bounds(min=0.7), least_n=500))
    pooled = desk.series(0.5, n=600)
    small = [desk.value(0, 0.5, n=300, model_version=version) for version in ("1", "2")]
    assert desk.alarmed(policy, [*pooled, *small]) == [0]
    assert desk.alarmed(policy, [*pooled, *small, desk.value(0, 0.8, n=500, model_version="3")]) == []


def test_a_version_that_is_not_ok_does_not_hide_the_pooled_window(desk: Any) -> None:
    version = desk.value(0, 0.8, model_version="1", status=Status.IMMATURE)
    assert desk.alarmed(desk.policy(), [*desk.series(0.5), version]) == [0]


def test_a_version_judged_as_a_whole_does_not_hide_a_pooled_slice_in_which_it_is_small(desk: Any) -> None:
    policy = desk.policy(Rule("roc_auc", Bounds(min=0.7), least_n=500, slices=True))
    north = {"slice": (("region", "north"),)}
    whole = [*desk.series(0.8), desk.value(0, 0.8, model_version="1")]
    slices = [desk.value(0, 0.5, n=600, **north), desk.value(0, 0.5, n=400, model_version="1", **north)]
    assert desk.alarmed(policy, [*whole, *slices]) == [0]


def test_an_alarm_tells_value_interval_limit_and_reference(desk: Any) -> None:
    policy = desk.policy(Rule("roc_auc", Bounds(fall=0.05), Action.RETRAIN, k=1, m=2))
    evidence = desk.series(0.71, low=0.68, high=0.74, reference="ref-1")
    because = desk.judge(policy, evidence, references=REFERENCE).because
    told = "roc_auc 0.71 [0.68, 0.74] below 0.75 (reference 0.8) (1 of the last 2 windows)"
    assert because == f"2026-01-05: {told}"


values = st.lists(st.floats(0.0, 1.0), min_size=1, max_size=12)


@given(values=values, at=st.integers(0, 12), k=st.integers(1, 4), more=st.integers(0, 3))
def test_one_more_good_window_never_makes_another_alarm(
    desk: Any, values: list[float], at: int, k: int, more: int
) -> None:
    policy = desk.policy(Rule("roc_auc", Bounds(min=0.7), k=k, m=k + more))
    days = [i if i < at else i + 1 for i in range(len(values))]  # day `at` is left free
    evidence = [e for day, value in zip(days, values, strict=True) for e in desk.series(value, start=day)]
    window = desk.day(days[-1])
    before = desk.alarmed(policy, evidence, window=window)
    after = desk.alarmed(policy, [*evidence, *desk.series(0.9, start=at)], window=window)
    assert set(after) <= set(before)


@given(values=values)
def test_a_rule_that_must_be_sure_never_alarms_where_a_quick_one_does_not(desk: Any, values: list[float]) -> None:
    evidence = [
        e for i, v in enumerate(values) for e in desk.series(v, start=i, low=max(0.0, v - 0.1), high=min(1.0, v + 0.1))
    ]
    sure, quick = (desk.policy(Rule("roc_auc", Bounds(min=0.4, max=0.9), sure=sure)) for sure in (True, False))
    assert set(desk.alarmed(sure, evidence)) <= set(desk.alarmed(quick, evidence))


@given(
    values=values,
    at=st.tuples(st.floats(0.2, 0.5), st.floats(0.5, 0.8)),
    looser=st.tuples(st.floats(0.0, 0.3), st.floats(0.0, 0.3)),
    form=st.sampled_from(["fixed", "relative", "share"]),
    k=st.integers(1, 3),
    more=st.integers(0, 2),
    sure=st.booleans(),
)
def test_a_looser_bound_never_alarms_in_more_windows(
    desk: Any,
    values: list[float],
    at: tuple[float, float],
    looser: tuple[float, float],
    form: str,
    k: int,
    more: int,
    sure: bool,
) -> None:
    def alarmed(low: float, high: float) -> set[int]:
        bounds = {
            "fixed": lambda: Bounds(min=low, max=high),
            "relative": lambda: Bounds(fall=0.8 - low, rise=0.3 + high),  # the reference is 0.8
            "share": lambda: Bounds(fall_share=0.8 - low, rise_share=high),
        }[form]()
        rule = Rule("roc_auc", bounds, k=k, m=k + more, sure=sure)
        return set(desk.alarmed(desk.policy(rule), evidence, references=REFERENCE))

    evidence = [
        e for i, v in enumerate(values) for e in desk.series(v, start=i, low=v - 0.1, high=v + 0.1, reference="ref-1")
    ]
    assert alarmed(at[0] - looser[0], at[1] + looser[1]) <= alarmed(*at)
