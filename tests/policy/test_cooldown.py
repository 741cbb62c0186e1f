"""A rule's own cooldown: after how many quiet windows its incident is over."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_ml_monitor.policy.decision import ACTIVE, Event
from airflow_ml_monitor.policy.rule import Action, Bounds, Rule


def auc(cooldown: int | None = None, **about: Any) -> Rule:
    return Rule("roc_auc", Bounds(min=0.7), Action.RETRAIN, cooldown=cooldown, **about)


def spans(desk: Any, verdict: Any) -> list[tuple[int, int, Event]]:
    """(first day, last day, status) of each incident."""
    days = {desk.day(i): i for i in range(40)}
    return sorted((days[i.first], days[i.last], i.status) for i in verdict.incidents)


@pytest.mark.parametrize(
    ("own", "policy", "quiet", "status"),
    [
        (None, 2, 2, Event.RESOLVED),
        (None, 3, 2, Event.OPENED),
        (1, 3, 1, Event.RESOLVED),
        (5, 3, 4, Event.OPENED),
        (5, 3, 5, Event.RESOLVED),
    ],
)
def test_a_rules_own_cooldown_takes_the_place_of_the_policys(
    desk: Any, own: int | None, policy: int, quiet: int, status: Event
) -> None:
    verdict = desk.judge(desk.policy(auc(own), cooldown=policy), desk.series(0.6, *[0.8] * quiet))
    assert spans(desk, verdict) == [(0, 0, status)]


@pytest.mark.parametrize(("cooldown", "stories"), [(2, 2), (4, 1)])
def test_alarms_that_are_nearer_than_the_cooldown_are_one_story(desk: Any, cooldown: int, stories: int) -> None:
    evidence = desk.series(0.6, 0.8, 0.8, 0.8, 0.6)
    assert len(desk.judge(desk.policy(auc(cooldown), cooldown=3), evidence).incidents) == stories


def test_of_two_rules_of_one_action_the_larger_cooldown_counts(desk: Any) -> None:
    patient = Rule("psi", Bounds(max=0.2), Action.RETRAIN, cooldown=6)
    policy = desk.policy(auc(1), patient)
    worse, good = desk.series(0.6, *[0.8] * 5), desk.series(0.9, *[0.1] * 5, metric="psi")
    assert spans(desk, desk.judge(policy, [*worse, *good])) == [(0, 0, Event.OPENED)]


def test_faults_of_data_cool_down_by_the_policy_or_slower(desk: Any) -> None:
    quick, slow = (
        desk.policy(Rule("completeness", Bounds(min=0.9), Action.INVESTIGATE_DATA, cooldown=c)) for c in (1, 5)
    )
    evidence = [desk.broken(0), *(desk.rows(day) for day in range(4))]
    assert spans(desk, desk.judge(quick, evidence)) == [(0, 0, Event.RESOLVED)]
    assert spans(desk, desk.judge(quick, evidence[:3])) == [(0, 0, Event.OPENED)]
    assert spans(desk, desk.judge(slow, evidence)) == [(0, 0, Event.OPENED)]


def test_a_rule_of_another_action_keeps_its_own(desk: Any) -> None:
    alert = Rule("psi", Bounds(max=0.2), cooldown=6)
    evidence = [*desk.series(0.6, 0.8), *desk.series(0.9, 0.1, metric="psi")]
    verdict = desk.judge(desk.policy(auc(1), alert), evidence)
    assert {i.action: i.status for i in verdict.incidents} == {
        Action.RETRAIN: Event.RESOLVED,
        Action.ALERT: Event.OPENED,
    }


values = st.lists(st.tuples(st.floats(0.4, 1.0), st.floats(0.0, 0.4)), min_size=1, max_size=16)
cooldowns = st.one_of(st.none(), st.integers(1, 4))


@given(values=values, one=cooldowns, other=cooldowns, policy=st.integers(1, 3))
def test_day_by_day_leaves_the_open_incidents_of_judging_once_at_the_end(
    desk: Any, values: list[tuple[float, float]], one: int | None, other: int | None, policy: int
) -> None:
    rules = auc(one), Rule("psi", Bounds(max=0.2), Action.RETRAIN, cooldown=other)
    given_policy = desk.policy(*rules, cooldown=policy)
    auc_values, drift = zip(*values, strict=True)
    evidence = [*desk.series(*auc_values), *(desk.value(day, value, "psi") for day, value in enumerate(drift))]

    def still_open(verdict: Any) -> list[Any]:
        return sorted((i.first, i.last) for i in verdict.incidents if i.status in ACTIVE)

    lived = desk.live(given_policy, evidence, range(len(values)))[-1]
    assert still_open(lived) == still_open(desk.judge(given_policy, evidence))
