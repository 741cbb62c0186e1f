"""One story keeps one name, whatever becomes known later about its alarms."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_ml_monitor.policy.decision import ACTIVE, Event
from airflow_ml_monitor.policy.rule import Action, Bounds, Rule


def test_the_first_alarm_opens_an_incident(desk: Any) -> None:
    verdict = desk.judge(desk.policy(), desk.series(0.8, 0.6))
    (incident,) = verdict.incidents
    assert (incident.action, incident.first, incident.last) == (Action.RETRAIN, desk.day(1), desk.day(1))
    assert (incident.status, incident.opened_at) == (Event.OPENED, desk.day(1).end)
    assert verdict.incident == incident.id
    assert desk.told(verdict) == ["opened"]


def test_an_alarm_in_the_next_window_confirms_the_same_incident(desk: Any) -> None:
    before = desk.judge(desk.policy(), desk.series(0.8, 0.6))
    after = desk.judge(desk.policy(), desk.series(0.8, 0.6, 0.5), incidents=before.incidents)
    assert [i.id for i in after.incidents] == [before.incident]
    assert after.incidents[0].last == desk.day(2)
    assert desk.told(after) == ["confirmed"]
    assert "confirmed: retrain since 2026-01-06, now up to 2026-01-07" in after.because


def test_nothing_is_told_when_nothing_new_became_known(desk: Any) -> None:
    evidence = desk.series(0.8, 0.6)
    before = desk.judge(desk.policy(), evidence)
    after = desk.judge(desk.policy(), evidence, incidents=before.incidents)
    assert after.events == ()
    assert after.incidents[0].id == before.incident


def test_an_incident_is_resolved_after_cooldown_judged_windows_without_an_alarm(desk: Any) -> None:
    policy = desk.policy(cooldown=2)
    opened = desk.judge(policy, desk.series(0.6))
    almost = desk.judge(policy, desk.series(0.6, 0.8), incidents=opened.incidents)
    assert (almost.action, almost.events) == (Action.RETRAIN, ())
    over = desk.judge(policy, desk.series(0.6, 0.8, 0.8), incidents=almost.incidents)
    assert (over.action, desk.told(over)) == (Action.NONE, ["resolved"])
    assert "resolved: retrain of 2026-01-05, 2 windows without an alarm" in over.because
    later = desk.judge(policy, desk.series(0.6, 0.8, 0.8, 0.8), incidents=over.incidents)
    assert (later.events, later.incidents[0].status) == ((), Event.RESOLVED)


def test_windows_that_could_not_be_judged_do_not_cool_an_incident_down(desk: Any) -> None:
    policy = desk.policy(cooldown=2)
    opened = desk.judge(policy, desk.series(0.6))
    later = desk.judge(policy, desk.series(0.6, None, None, None, 0.8), incidents=opened.incidents)
    assert later.action is Action.RETRAIN
    assert later.events == ()


def test_an_incident_whose_alarms_were_no_alarms_is_retracted(desk: Any) -> None:
    opened = desk.judge(desk.policy(), desk.series(0.8, 0.6))
    now = desk.judge(desk.policy(), desk.series(0.8, 0.8), incidents=opened.incidents)
    assert (now.action, desk.told(now)) == (Action.NONE, ["retracted"])
    assert "retracted: retrain of 2026-01-06, as now known, was no alarm" in now.because


def test_a_retracted_incident_whose_alarm_comes_back_is_reopened(desk: Any) -> None:
    policy = desk.policy()
    opened = desk.judge(policy, desk.series(0.8, 0.6))
    gone = desk.judge(policy, desk.series(0.8, 0.8), incidents=opened.incidents)
    back = desk.judge(policy, desk.series(0.8, 0.65), incidents=gone.incidents)
    assert (back.action, back.incident) == (Action.RETRAIN, opened.incident)
    assert desk.told(back) == ["reopened"]


def test_a_resolved_incident_is_reopened_when_a_quiet_window_turns_out_bad(desk: Any) -> None:
    policy = desk.policy(cooldown=2)
    opened = desk.judge(policy, desk.series(0.6))
    over = desk.judge(policy, desk.series(0.6, 0.8, 0.8), incidents=opened.incidents)
    back = desk.judge(policy, desk.series(0.6, 0.8, 0.6), incidents=over.incidents)
    assert (desk.told(back), back.incident) == (["reopened"], opened.incident)


def test_an_incident_keeps_its_id_when_its_first_alarm_is_retracted(desk: Any) -> None:
    opened = desk.judge(desk.policy(), desk.series(0.6, 0.6, 0.6))
    now = desk.judge(desk.policy(), desk.series(0.8, 0.6, 0.6), incidents=opened.incidents)
    (incident,) = now.incidents
    assert (incident.id, incident.first, incident.last) == (opened.incident, desk.day(1), desk.day(2))
    assert "retracted" not in desk.told(now)


def test_an_incident_whose_middle_is_retracted_stays_one(desk: Any) -> None:
    policy = desk.policy(cooldown=2)
    opened = desk.judge(policy, desk.series(0.6, 0.6, 0.6, 0.6))
    now = desk.judge(policy, desk.series(0.6, 0.8, 0.8, 0.6), incidents=opened.incidents)
    (incident,) = now.incidents
    assert (incident.id, incident.first, incident.last) == (opened.incident, desk.day(0), desk.day(3))
    assert incident.status is Event.CONFIRMED


def test_an_episode_that_grows_backwards_over_a_stored_incident_keeps_its_id(desk: Any) -> None:
    opened = desk.judge(desk.policy(), desk.series(None, None, 0.6))
    now = desk.judge(desk.policy(), desk.series(0.6, 0.6, 0.6), incidents=opened.incidents)
    (incident,) = now.incidents
    assert (incident.id, incident.first) == (opened.incident, desk.day(0))


def test_two_episodes_after_a_long_gap_have_two_ids(desk: Any) -> None:
    policy = desk.policy(cooldown=2)
    first = desk.judge(policy, desk.series(0.6))
    over = desk.judge(policy, desk.series(0.6, 0.8, 0.8), incidents=first.incidents)
    second = desk.judge(policy, desk.series(0.6, 0.8, 0.8, 0.6), incidents=over.incidents)
    assert second.incident != first.incident
    assert {i.id: i.status for i in second.incidents} == {
        first.incident: Event.RESOLVED,
        second.incident: Event.OPENED,
    }


def test_a_gap_shorter_than_the_cooldown_is_one_episode(desk: Any) -> None:
    verdict = desk.judge(desk.policy(cooldown=3), desk.series(0.6, 0.8, 0.8, 0.6))
    (incident,) = verdict.incidents
    assert (incident.first, incident.last) == (desk.day(0), desk.day(3))


def test_two_incidents_that_turn_out_to_be_one_go_on_as_the_one_that_acted(desk: Any) -> None:
    policy = desk.policy(cooldown=2)
    both = desk.judge(policy, desk.series(0.6, 0.8, 0.8, 0.6))
    older, newer = sorted(both.incidents, key=lambda i: i.first)
    assert (older.status, newer.status) == (Event.RESOLVED, Event.OPENED)
    joined = desk.series(0.6, 0.6, 0.6, 0.6)
    now = desk.judge(policy, joined, incidents=both.incidents, actions=[desk.taken(both)])
    assert {i.id: i.status for i in now.incidents} == {older.id: Event.RESOLVED, newer.id: Event.CONFIRMED}
    assert now.action is Action.WAIT  # the newer one asked already


def test_an_episode_long_over_when_first_seen_opens_nothing(desk: Any) -> None:
    verdict = desk.judge(desk.policy(cooldown=2), desk.series(0.6, 0.8, 0.8))
    assert (verdict.action, verdict.events) == (Action.NONE, ())
    assert [i.status for i in verdict.incidents] == [Event.RESOLVED]


def test_each_action_and_each_model_version_has_its_own_incident(desk: Any) -> None:
    policy = desk.policy(Rule("roc_auc", Bounds(min=0.7), Action.RETRAIN), Rule("psi", Bounds(max=0.2), Action.ALERT))
    evidence = [
        *desk.series(0.6, model_version="1"),
        desk.value(0, 0.6, model_version="2"),
        desk.value(0, 0.5, "psi"),
    ]
    verdict = desk.judge(policy, evidence)
    about = sorted((i.action.value, i.model_version) for i in verdict.incidents)
    assert about == [("alert", ""), ("retrain", "1"), ("retrain", "2")]
    assert len({i.id for i in verdict.incidents}) == 3


def test_the_same_bad_days_told_by_day_and_by_week_are_one_incident(desk: Any) -> None:
    evidence = desk.series(0.8, 0.6, 0.6, 0.8, 0.8, 0.8, 0.8)
    evidence += [desk.value(desk.week(0), 0.6, rule=desk.weekly), desk.rows(desk.week(0), rule=desk.weekly)]
    verdict = desk.judge(desk.policy(), evidence, window=desk.day(6))
    assert len(verdict.incidents) == 1


def test_an_incident_of_a_version_out_of_use_cools_down_by_the_windows_of_the_next(desk: Any) -> None:
    policy = desk.policy(cooldown=2)
    old = desk.series(0.6, model_version="1")
    opened = desk.judge(policy, old)
    evidence = [*old, *desk.series(0.8, start=1, model_version="2")]
    almost = desk.judge(policy, evidence, incidents=opened.incidents)
    assert almost.action is Action.RETRAIN
    evidence += desk.series(0.8, start=2, model_version="2")
    assert desk.told(desk.judge(policy, evidence, incidents=opened.incidents)) == ["resolved"]


def test_a_second_incident_asks_for_its_own_action(desk: Any) -> None:
    policy = desk.policy(cooldown=2)
    first = desk.judge(policy, desk.series(0.6))
    asked = [desk.taken(first)]
    second = desk.judge(policy, desk.series(0.6, 0.8, 0.8, 0.6), incidents=first.incidents, actions=asked)
    assert second.action is Action.RETRAIN
    assert second.incident != first.incident


def test_a_week_joins_the_story_of_its_days_and_is_not_asked_for_again(desk: Any) -> None:
    policy = desk.policy()
    days = desk.series(0.8, 0.8, 0.8, 0.8, 0.8, 0.6)
    opened = desk.judge(policy, days)
    week = [desk.value(desk.week(0), 0.6, rule=desk.weekly), desk.rows(desk.week(0), rule=desk.weekly)]
    evidence = [*days, *desk.series(0.8, start=6), *week]
    about = {"window": desk.day(6), "incidents": opened.incidents, "actions": [desk.taken(opened)]}
    now = desk.judge(policy, evidence, **about)
    assert [i.id for i in now.incidents] == [opened.incident]
    assert now.action is Action.WAIT


def test_an_incident_of_the_pooled_value_cools_down_by_the_windows_judged_version_by_version(desk: Any) -> None:
    policy = desk.policy(cooldown=2)
    small = desk.series(0.6)
    opened = desk.judge(policy, small)
    versions = [desk.value(i, 0.8, model_version="2") for i in (1, 2)]
    now = desk.judge(policy, [*small, *desk.series(0.8, 0.8, start=1), *versions], incidents=opened.incidents)
    assert desk.told(now) == ["resolved"]


days = st.tuples(
    st.one_of(st.none(), st.floats(0.4, 1.0)),  # of the pooled rows
    st.one_of(st.none(), st.floats(0.4, 1.0)),  # of version 1
    st.one_of(st.none(), st.floats(0.4, 1.0)),  # of version 2
    st.sampled_from(["fine", "fine", "fine", "empty", "broken", "never measured"]),
)


@given(history=st.lists(days, min_size=1, max_size=16), cooldown=st.integers(1, 3), k=st.integers(1, 2))
def test_judging_day_by_day_leaves_the_open_incidents_of_judging_once_at_the_end(
    desk: Any, history: list[tuple[Any, ...]], cooldown: int, k: int
) -> None:
    worse = Rule("roc_auc", Bounds(min=0.7), Action.RETRAIN, k=k, m=2)
    policy = desk.policy(worse, Rule("roc_auc", Bounds(min=0.5), Action.ROLL_BACK, name="useless"), cooldown=cooldown)
    evidence = []
    for day, (*values, data) in enumerate(history):
        evidence += [desk.value(day, v, model_version=x) for v, x in zip(values, ("", "1", "2"), strict=True) if v]
        evidence += [] if data == "never measured" else [desk.rows(day, 0 if data == "empty" else 1000)]
        evidence += [desk.broken(day)] if data == "broken" else []
    verdicts = desk.live(policy, evidence, range(len(history)))
    window = desk.day(len(history) - 1)
    once = desk.judge(policy, evidence, window=window, known_at=window.end, gaps=verdicts[-1].gaps)

    def still_open(verdict: Any) -> list[Any]:
        found = [i for i in verdict.incidents if i.status in ACTIVE]
        return sorted((i.first, i.last, i.action, i.model_version) for i in found)

    assert still_open(verdicts[-1]) == still_open(once)
    assert [i for i, (*_, data) in enumerate(history) if data == "never measured"] == [
        (gap.window.start - desk.day(0).start).days for gap in verdicts[-1].gaps
    ]


def test_windows_that_only_another_rule_could_judge_do_not_cool_an_incident_down(desk: Any) -> None:
    # Labels of day 0 come late; psi is known at once, and within its bounds, on the four days after it.
    late, at_once = Rule("roc_auc", Bounds(min=0.7), Action.RETRAIN), Rule("psi", Bounds(max=0.2), Action.RETRAIN)
    evidence = [*desk.series(0.6, None, None, None, None), *(desk.value(day, 0.01, "psi") for day in range(1, 5))]
    verdict = desk.judge(desk.policy(late, at_once, cooldown=3), evidence)
    assert verdict.action is Action.RETRAIN
    assert [incident.status for incident in verdict.incidents] == [Event.OPENED]


def test_alarms_of_two_rules_of_one_action_near_each_other_are_one_story(desk: Any) -> None:
    late, at_once = Rule("roc_auc", Bounds(min=0.7), Action.RETRAIN), Rule("psi", Bounds(max=0.2), Action.RETRAIN)
    evidence = [*desk.series(0.6, 0.6, None), *(desk.value(day, 0.9, "psi") for day in (1, 2))]
    (incident,) = desk.judge(desk.policy(late, at_once), evidence).incidents
    assert (incident.first, incident.last) == (desk.day(0), desk.day(2))


@pytest.mark.parametrize("action", [Action.ALERT, Action.INVESTIGATE_DATA])
def test_a_late_alarm_is_told_whatever_else_was_judged_meanwhile(desk: Any, action: Action) -> None:
    # Labels of a day come ten days late; quality is measured at once, and is no sign that the alarm is over.
    policy = desk.policy(Rule("roc_auc", Bounds(min=0.7), action), cooldown=3)
    labels = [desk.value(day, 0.5 if day == 5 else 0.8) for day in range(6)]
    evidence = [*(desk.rows(day) for day in range(16)), *labels]
    assert desk.judge(policy, evidence).action is action


def test_windows_that_one_label_source_could_judge_do_not_cool_down_anothers_incident(desk: Any) -> None:
    policy = desk.policy(Rule("roc_auc", Bounds(min=0.7), Action.ALERT), cooldown=3)
    quick = [desk.value(day, 0.8, dataset="quick") for day in range(16)]
    slow = [desk.value(day, 0.5 if day == 5 else 0.8, dataset="slow") for day in range(6)]
    assert desk.judge(policy, [*(desk.rows(day) for day in range(16)), *quick, *slow]).action is Action.ALERT


def test_a_data_incident_of_a_replaced_version_does_not_block_retraining_for_ever(desk: Any) -> None:
    policy = desk.policy(
        Rule("roc_auc", Bounds(min=0.6), Action.INVESTIGATE_DATA),
        Rule("accuracy", Bounds(min=0.7), Action.RETRAIN),
        cooldown=2,
    )
    evidence = []
    for day in range(20):
        version = "v1" if day < 4 else "v2"
        evidence += [desk.rows(day), desk.value(day, 0.5 if day == 3 else 0.8, model_version=version)]
        evidence.append(desk.value(day, 0.5 if day > 12 else 0.8, "accuracy", model_version=version))
    assert Action.RETRAIN in [verdict.action for verdict in desk.live(policy, evidence, range(20))]


def test_an_incident_that_is_over_does_not_swallow_the_first_alarm_of_a_rule_that_begins_later(desk: Any) -> None:
    policy = desk.policy(
        Rule("psi", Bounds(max=0.2), Action.RETRAIN), Rule("roc_auc", Bounds(min=0.7), Action.RETRAIN), cooldown=3
    )
    evidence = []
    for day in range(40):
        evidence += [desk.rows(day), desk.value(day, 0.5 if day == 1 else 0.1, "psi", column="x")]
        if day >= 30:  # a label source that was added later
            evidence.append(desk.value(day, 0.6 if day >= 31 else 0.8))
    verdicts = desk.live(policy, evidence, range(40))
    assert [day for day, verdict in enumerate(verdicts) if verdict.action is Action.RETRAIN] == [1, 31]


def test_a_held_incident_is_not_resolved_by_what_another_rule_judged(desk: Any) -> None:
    policy = desk.policy(
        Rule("psi", Bounds(max=0.2), Action.RETRAIN), Rule("roc_auc", Bounds(min=0.7), Action.RETRAIN), cooldown=3
    )

    def known(last: int) -> list[Any]:
        evidence = []
        for day in range(last + 1):
            evidence += [desk.rows(day), desk.value(day, 0.1, "psi", column="x")]
            if day <= 2:
                evidence.append(desk.value(day, 0.6 if day == 2 else 0.8))
        return evidence

    opened = desk.judge(policy, known(5))
    held = desk.judge(policy, [*known(6), desk.broken(2)], incidents=opened.incidents, actions=[desk.taken(opened)])
    (mine,) = [incident for incident in held.incidents if incident.action is Action.RETRAIN]
    assert mine.status in ACTIVE
