"""Rules of several conditions, and of a share of columns: broken where all are, any is, or enough are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.measurement import Family
from airflow_ml_monitor.policy.decision import ACTIVE
from airflow_ml_monitor.policy.rule import Action, Bounds, Condition, Rule

DRIFT, AUC = Condition("psi", Bounds(max=0.2)), Condition("roc_auc", Bounds(min=0.7))
NORTH = {"slice": (("region", "north"),)}


def drift(desk: Any, *values: float | None, start: int = 0, **about: Any) -> list[Any]:
    """Drift of one column, of no model version, a value a day; None is a day without."""
    about = {"metric": "psi", "column": "income", "family": Family.DRIFT, **about}
    return [desk.value(i, value, **about) for i, value in enumerate(values, start) if value is not None]


def columns(desk: Any, *values: float, day: int = 0, **about: Any) -> list[Any]:
    """Drift of as many columns on one day, named a, b, …"""
    return [
        e
        for name, value in zip("abcdefgh", values, strict=False)
        for e in drift(desk, value, start=day, column=name, **about)
    ]


def both(how: str, **about: Any) -> Rule:
    given: dict[str, Any] = {how: (DRIFT, AUC), **about}
    return Rule(**given)


@pytest.mark.parametrize(("how", "alarmed"), [("all", [3]), ("any", [1, 2, 3])])
def test_all_asks_for_every_condition_in_one_window_and_any_for_one(desk: Any, how: str, alarmed: list[int]) -> None:
    evidence = [*desk.series(0.8, 0.6, 0.8, 0.6), *drift(desk, 0.1, 0.1, 0.3, 0.3)]
    assert desk.alarmed(desk.policy(both(how)), evidence) == alarmed


def test_what_cannot_be_judged_is_unknown_to_all_and_left_out_by_any(desk: Any) -> None:
    evidence = [*desk.series(None, 0.6, None, 0.8), *drift(desk, 0.3, None, 0.1, 0.1)]
    every, one = (desk.judge(desk.policy(both(how, action=Action.RETRAIN)), evidence) for how in ("all", "any"))
    assert every.evidence["alarms"] == []
    assert desk.alarmed(desk.policy(both("any")), evidence) == [0, 1]
    assert "performance judged up to 2026-01-08" in every.because
    assert one.action is Action.RETRAIN


def test_all_waits_where_a_condition_was_never_known(desk: Any) -> None:
    verdict = desk.judge(desk.policy(both("all", action=Action.RETRAIN)), [*desk.series(None), *drift(desk, 0.3)])
    assert verdict.action is Action.WAIT


def test_a_condition_without_the_references_value_is_unknown_and_the_rule_named(desk: Any) -> None:
    fell = Condition("roc_auc", Bounds(fall=0.05))
    evidence = [*desk.series(0.1), *drift(desk, 0.3)]
    verdict = desk.judge(desk.policy(Rule(all=(DRIFT, fell), name="both")), evidence)
    assert verdict.evidence["alarms"] == []
    one = desk.judge(desk.policy(Rule(any=(DRIFT, fell))), evidence)
    assert one.action is Action.ALERT


def test_an_alarm_tells_every_broken_condition(desk: Any) -> None:
    evidence = [*desk.series(0.6), *columns(desk, 0.3, 0.5, 0.1)]
    (alarm,) = desk.judge(desk.policy(both("all", name="worse by drift")), evidence).evidence["alarms"]
    assert alarm["text"] == "psi of b 0.5 above 0.2 and 1 more and roc_auc 0.6 below 0.7"
    assert (alarm["rule"], alarm["metric"], alarm["column"]) == ("worse by drift", "psi", "b")
    (alarm,) = desk.judge(desk.policy(both("any")), [*desk.series(0.6), *columns(desk, 0.1)]).evidence["alarms"]
    assert (alarm["rule"], alarm["text"]) == ("psi or roc_auc", "roc_auc 0.6 below 0.7")


def test_k_of_m_counts_windows_of_the_whole(desk: Any) -> None:
    evidence = [*desk.series(0.6, 0.8, 0.6), *drift(desk, 0.1, 0.3, 0.3)]
    assert desk.alarmed(desk.policy(both("any", k=3, m=3)), evidence) == [2]
    assert desk.alarmed(desk.policy(both("all", k=2, m=3)), evidence) == []


def test_drift_of_no_version_stands_beside_the_performance_of_each(desk: Any) -> None:
    versions = [desk.value(0, 0.6, model_version="1"), desk.value(0, 0.8, model_version="2"), desk.rows(0)]
    verdict = desk.judge(desk.policy(both("all", action=Action.RETRAIN)), [*versions, *drift(desk, 0.3)])
    assert [incident.model_version for incident in verdict.incidents] == ["1"]
    assert desk.judge(desk.policy(both("all")), [*versions, *drift(desk, 0.1)]).incidents == ()


def test_conditions_of_two_sources_are_one_rule(desk: Any) -> None:
    evidence = [*desk.series(0.6, dataset="outcomes"), desk.rows(0), *drift(desk, 0.3)]
    assert desk.alarmed(desk.policy(both("all")), evidence) == [0]


def test_broken_data_hold_every_condition(desk: Any) -> None:
    evidence = [*desk.series(0.6), *drift(desk, 0.3), desk.broken(0)]
    verdict = desk.judge(desk.policy(both("any", action=Action.RETRAIN)), evidence)
    assert {incident.action for incident in verdict.incidents} == {Action.INVESTIGATE_DATA}


def test_conditions_that_look_at_slices_must_be_broken_in_the_same_one(desk: Any) -> None:
    sliced = Condition("psi", Bounds(max=0.2), slices=True), Condition("roc_auc", Bounds(min=0.7), slices=True)
    sound = [*desk.series(0.8), *drift(desk, 0.1), *drift(desk, 0.3, **NORTH)]
    south = desk.value(0, 0.6, slice=(("region", "south"),))
    north = desk.value(0, 0.6, **NORTH)
    assert desk.alarmed(desk.policy(Rule(all=sliced)), [*sound, south]) == []
    (alarm,) = desk.judge(desk.policy(Rule(all=sliced)), [*sound, south, north]).evidence["alarms"]
    assert "roc_auc in region=north 0.6" in alarm["text"]


def test_a_condition_on_the_whole_holds_for_every_slice_of_another_and_is_told_once_by_any(desk: Any) -> None:
    sliced = Condition("roc_auc", Bounds(min=0.7), slices=True)
    evidence = [*desk.series(0.8), *drift(desk, 0.3), desk.value(0, 0.6, **NORTH)]
    (alarm,) = desk.judge(desk.policy(Rule(all=(DRIFT, sliced))), evidence).evidence["alarms"]
    assert "psi of income 0.3" in alarm["text"]
    assert "region=north" in alarm["text"]
    texts = [a["text"] for a in desk.judge(desk.policy(Rule(any=(DRIFT, sliced))), evidence).evidence["alarms"]]
    assert sorted(texts) == ["psi of income 0.3 above 0.2", "roc_auc in region=north 0.6 below 0.7"]


def test_standard_deviations_that_cannot_be_judged_yet_are_unknown(desk: Any) -> None:
    rule = Rule(all=(DRIFT, Condition("roc_auc", Bounds(sigmas=3))), action=Action.RETRAIN)
    references = {("ref-1", "roc_auc", "", (), ""): 0.8}
    early = [*desk.series(0.79, 0.81, 0.1, reference="ref-1"), *drift(desk, 0.3, 0.3, 0.3)]
    verdict = desk.judge(desk.policy(rule), early, references=references)
    assert verdict.because.startswith("fewer than 8 windows before were in control")
    known = [*desk.series(*(0.79, 0.81) * 4, 0.7, reference="ref-1"), *drift(desk, *[0.3] * 9)]
    assert desk.alarmed(desk.policy(rule), known, references=references) == [8]


@pytest.mark.parametrize(
    ("values", "alarmed"),
    [((0.3, 0.1, 0.1, 0.1), []), ((0.3, 0.3, 0.1, 0.1), [0]), ((0.3,), [0]), ((0.1, 0.1), [])],
)
def test_half_of_the_columns_must_break_their_bound(desk: Any, values: Sequence[float], alarmed: list[int]) -> None:
    policy = desk.policy(Rule("psi", Bounds(max=0.2), share_of_columns=0.5))
    assert desk.alarmed(policy, [*columns(desk, *values), desk.rows(0)]) == alarmed


def test_a_column_that_cannot_be_judged_is_none_of_those_that_share(desk: Any) -> None:
    policy = desk.policy(Rule("psi", Bounds(max=0.2), share_of_columns=0.5, least_n=100))
    few = drift(desk, 0.1, column="z", n=50)
    evidence = [*columns(desk, 0.3, 0.1), *few, *drift(desk, 0.1, column="y", n=50), desk.rows(0)]
    assert desk.alarmed(policy, evidence) == [0]
    alone = desk.policy(Rule("psi", Bounds(max=0.2), share_of_columns=0.5, columns=("a", "b", "c")))
    assert desk.alarmed(alone, [*columns(desk, 0.3, 0.1, 0.1, 0.9), desk.rows(0)]) == []


def test_the_message_names_the_share_and_the_worst_columns(desk: Any) -> None:
    policy = desk.policy(Rule("psi", Bounds(max=0.2), share_of_columns=0.3))
    evidence = [*columns(desk, 0.3, 0.1, 0.9, 0.5, 0.4, 0.1, 0.1, 0.1), desk.rows(0)]
    (alarm,) = desk.judge(policy, evidence).evidence["alarms"]
    assert alarm["text"] == (
        "4 of 8 columns (50.0%) break their bound, at least 30.0%: "
        "psi of c 0.9 above 0.2, psi of d 0.5 above 0.2, psi of e 0.4 above 0.2 and 1 more"
    )
    assert alarm["column"] == "c"


def test_columns_of_other_units_are_ordered_by_how_far_beyond_their_own_limit_they_are(desk: Any) -> None:
    references = {("ref-1", "mean", name, (), ""): value for name, value in (("age", 40.0), ("income", 40_000.0))}
    policy = desk.policy(Rule("mean", Bounds(rise_share=0.1), share_of_columns=1.0))
    about = {"metric": "mean", "reference": "ref-1", "family": Family.QUALITY}
    evidence = [desk.value(0, 60.0, column="age", **about), desk.value(0, 48_000.0, column="income", **about)]
    (alarm,) = desk.judge(policy, [*evidence, desk.rows(0)], references=references).evidence["alarms"]
    assert alarm["column"] == "age"  # five times its distance, income twice


def test_windows_of_the_share_persist_whichever_columns_they_are_of(desk: Any) -> None:
    policy = desk.policy(Rule("psi", Bounds(max=0.2), share_of_columns=0.5, k=2, m=2))
    evidence = [*columns(desk, 0.3, 0.1), *columns(desk, 0.1, 0.3, day=1), desk.rows(0), desk.rows(1)]
    assert desk.alarmed(policy, evidence) == [1]


def test_a_share_of_columns_may_be_a_condition(desk: Any) -> None:
    wide = Condition("psi", Bounds(max=0.2), share_of_columns=0.5)
    policy = desk.policy(Rule(all=(wide, AUC)))
    days = [*columns(desk, 0.3, 0.1, 0.1), *columns(desk, 0.3, 0.4, 0.1, day=1), *desk.series(0.6, 0.6)]
    (alarm,) = desk.judge(policy, days).evidence["alarms"]
    assert alarm["text"].startswith("2 of 3 columns (66.7%) break their bound, at least 50.0%: psi of b 0.4 above 0.2")
    assert alarm["text"].endswith(" and roc_auc 0.6 below 0.7")


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({}, "no metric; give both, or conditions under all or any"),
        ({"metric": "psi"}, "no bounds; give both"),
        ({"all": (AUC,), "any": (DRIFT,)}, "make two rules"),
        ({"all": (AUC,), "metric": "psi"}, "policy.rules.psi.metric: a rule of conditions has none of its own"),
        (
            {"any": (AUC,), "least_n": 5},
            "least_n: a rule of conditions has none of its own; put it into those under any",
        ),
        ({"metric": "psi", "bounds": Bounds(max=1), "share_of_columns": 0.0}, "psi.share_of_columns: 0.0 is no share"),
        ({"metric": "psi", "bounds": Bounds(max=1), "share_of_columns": 30}, "30 is no share of columns"),
        ({"metric": "psi", "bounds": Bounds(max=1), "slices": ()}, "psi.slices: names no column"),
        ({"metric": "psi", "bounds": Bounds(max=1), "cooldown": 0}, "0 is not a positive number of windows"),
    ],
)
def test_rules_that_cannot_be_meant_are_refused(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(SpecError, match=words):
        Rule(**wrong)


def test_a_rule_names_every_metric_that_it_looks_at() -> None:
    assert both("all").metrics == ("psi", "roc_auc")
    assert Rule("psi", Bounds(max=0.2)).metrics == ("psi",)


flags = st.lists(st.sampled_from([None, False, True]), min_size=1, max_size=8)


@given(drifted=flags, fell=flags, k=st.integers(1, 2), m=st.integers(2, 3))
def test_all_is_judged_where_both_are_known_and_any_where_one_is(
    desk: Any, drifted: list[bool | None], fell: list[bool | None], k: int, m: int
) -> None:
    length = max(len(drifted), len(fell))
    drifted, fell = (flags + [None] * (length - len(flags)) for flags in (drifted, fell))
    evidence = [
        *drift(desk, *(None if bad is None else 0.3 if bad else 0.1 for bad in drifted)),
        *desk.series(*(None if bad is None else 0.6 if bad else 0.8 for bad in fell)),
    ]
    pairs = list(zip(drifted, fell, strict=True))
    for how, states in (
        ("all", {i: all(pair) for i, pair in enumerate(pairs) if None not in pair}),
        ("any", {i: any(pair) for i, pair in enumerate(pairs) if pair != (None, None)}),
    ):
        order = sorted(states)
        expected = [
            day
            for i, day in enumerate(order)
            if states[day] and sum(states[d] for d in order[max(0, i - m + 1) : i + 1]) >= k
        ]
        window = desk.day(length - 1)
        assert desk.alarmed(desk.policy(both(how, k=k, m=m)), evidence, window=window) == expected


@given(values=st.lists(st.floats(0, 1), min_size=1, max_size=8), share=st.floats(0.01, 1.0), more=st.floats(0.0, 1.0))
def test_a_larger_share_never_alarms_in_more_windows(desk: Any, values: list[float], share: float, more: float) -> None:
    def alarmed(least: float) -> set[int]:
        policy = desk.policy(Rule("psi", Bounds(max=0.2), share_of_columns=least))
        return set(desk.alarmed(policy, [*columns(desk, *values), desk.rows(0)]))

    assert alarmed(min(1.0, share + more)) <= alarmed(share)


worlds = st.tuples(
    st.one_of(st.none(), st.floats(0.0, 0.4)),  # drift, of no version
    st.one_of(st.none(), st.floats(0.4, 1.0)),  # ranking by version 1
    st.one_of(st.none(), st.floats(0.4, 1.0)),  # by version 2
)


@given(
    history=st.lists(worlds, min_size=1, max_size=12),
    how=st.sampled_from(["all", "any"]),
    k=st.integers(1, 2),
    order=st.randoms(use_true_random=False),
)
def test_day_by_day_leaves_the_open_incidents_of_judging_once_in_whatever_order(
    desk: Any, history: list[tuple[float | None, ...]], how: str, k: int, order: Any
) -> None:
    policy = desk.policy(both(how, k=k, m=2, cooldown=2))
    evidence = [desk.rows(day) for day in range(len(history))]
    for day, (moved, *ranked) in enumerate(history):
        evidence += drift(desk, moved, start=day)
        versions = zip(ranked, ("1", "2"), strict=True)
        evidence += [desk.value(day, value, model_version=version) for value, version in versions if value is not None]
    lived = desk.live(policy, evidence, range(len(history)))[-1]
    shuffled = evidence[:]
    order.shuffle(shuffled)
    once, again = (desk.judge(policy, found) for found in (evidence, shuffled))

    def still_open(verdict: Any) -> list[Any]:
        return sorted((i.first, i.last, i.model_version) for i in verdict.incidents if i.status in ACTIVE)

    assert still_open(lived) == still_open(once)
    assert again == once
