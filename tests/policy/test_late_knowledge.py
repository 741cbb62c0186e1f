"""What becomes known later about old windows: alarms that move, go, or can no longer be judged."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_ml_monitor.policy.decision import Event
from airflow_ml_monitor.policy.rule import Action, Bounds, Rule


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((0.8, 0.6, 0.8), (0.8, 0.8, 0.6)),
        ((0.8, 0.6), (0.6, 0.8)),
        ((0.6,), (0.8, 0.8, 0.6)),
        ((0.6,), (0.8, None, None, None, 0.6)),  # days without labels are no distance
    ],
)
def test_an_alarm_that_a_late_rewrite_moves_stays_its_incident_and_is_not_asked_for_twice(
    desk: Any, before: tuple[float, ...], after: tuple[float | None, ...]
) -> None:
    policy = desk.policy(cooldown=2)
    opened = desk.judge(policy, desk.series(*before))
    now = desk.judge(policy, desk.series(*after), incidents=opened.incidents, actions=[desk.taken(opened)])
    (incident,) = now.incidents
    assert incident.id == opened.incident
    assert incident.first == incident.last == desk.day(after.index(0.6))
    assert now.action is Action.WAIT


def test_an_alarm_more_than_a_cooldown_away_from_one_that_is_gone_is_another_story(desk: Any) -> None:
    policy = desk.policy(cooldown=2)
    opened = desk.judge(policy, desk.series(0.6))
    moved = desk.series(0.8, 0.8, 0.8, 0.6)
    now = desk.judge(policy, moved, incidents=opened.incidents, actions=[desk.taken(opened)])
    assert sorted(desk.told(now)) == ["opened", "retracted"]
    assert (now.action, now.incident == opened.incident) == (Action.RETRAIN, False)


def test_a_resolved_incident_whose_alarm_is_taken_back_is_retracted_and_this_is_said_once(desk: Any) -> None:
    policy = desk.policy(cooldown=2)
    *_, over = desk.live(policy, desk.series(0.6, 0.8, 0.8), range(3))
    good = desk.series(0.8, 0.8, 0.8)
    now = desk.judge(policy, good, incidents=over.incidents)
    assert (now.action, desk.told(now)) == (Action.NONE, ["retracted"])
    assert "retracted: retrain of 2026-01-05, as now known, was no alarm" in now.because
    later = desk.judge(policy, good, incidents=now.incidents)
    assert (later.events, later.incidents[0].status) == ((), Event.RETRACTED)


def test_a_resolved_incident_of_windows_that_can_no_longer_be_judged_stays_resolved(desk: Any) -> None:
    policy = desk.policy(cooldown=2)
    *_, over = desk.live(policy, desk.series(0.6, 0.8, 0.8), range(3))
    now = desk.judge(policy, desk.series(None, 0.8, 0.8), incidents=over.incidents)
    assert (now.events, now.incidents) == ((), over.incidents)


def test_a_resolved_incident_of_later_knowledge_is_not_retracted_by_an_earlier_judgement(desk: Any) -> None:
    policy = desk.policy(cooldown=2)
    *_, over = desk.live(policy, desk.series(0.6, 0.8, 0.8), range(3))
    (incident,) = over.incidents
    now = desk.judge(policy, desk.series(0.8), known_at=desk.day(0).start, incidents=[incident])
    assert (now.events, now.incidents) == ((), (incident,))


def test_an_incident_whose_window_turns_out_broken_is_held_and_not_retracted(desk: Any) -> None:
    opened = desk.judge(desk.policy(), desk.series(0.8, 0.6))
    broken = [*desk.series(0.8, 0.6), desk.broken(1)]
    now = desk.judge(desk.policy(), broken, incidents=opened.incidents)
    assert now.action is Action.INVESTIGATE_DATA
    assert desk.told(now) == ["opened"]  # that of the data
    assert {i.id: i for i in now.incidents}[opened.incident] == opened.incidents[0]
    assert now.because.endswith("held: retrain of 2026-01-06, until the data of its windows is right")
    repaired = desk.judge(desk.policy(), desk.series(0.8, 0.6), incidents=now.incidents, actions=[desk.taken(now)])
    assert (repaired.action, repaired.incident) == (Action.RETRAIN, opened.incident)


def test_a_held_incident_asks_for_nothing_though_its_fault_of_data_is_long_over(desk: Any) -> None:
    policy = desk.policy(cooldown=2)
    waiting = desk.series(0.6, None, None, None)  # labels of later days are not ripe, their rows are there
    opened = desk.judge(policy, waiting)
    assert opened.action is Action.RETRAIN
    now = desk.judge(policy, [*waiting, desk.broken(0)], incidents=opened.incidents)
    assert (now.action, now.incident) == (Action.WAIT, opened.incident)
    assert now.because == "held: retrain of 2026-01-05, until the data of its windows is right"


def test_a_held_incident_is_resolved_after_cooldown_judged_windows(desk: Any) -> None:
    policy = desk.policy(cooldown=2)
    opened = desk.judge(policy, desk.series(0.6))
    held = [*desk.series(0.6, 0.8), desk.broken(0)]
    now = desk.judge(policy, held, incidents=opened.incidents)
    assert "resolved" not in desk.told(now)
    later = desk.judge(policy, [*held, *desk.series(0.8, start=2)], incidents=now.incidents)
    assert "resolved: retrain of 2026-01-05, 2 windows without an alarm" in later.because
    assert {i.id: i.status for i in later.incidents}[opened.incident] is Event.RESOLVED


def test_a_held_incident_told_by_the_week_is_not_cooled_down_by_days(desk: Any) -> None:
    policy = desk.policy(cooldown=2)
    week = [desk.value(desk.week(0), 0.6, rule=desk.weekly), desk.rows(desk.week(0), rule=desk.weekly)]
    days = desk.series(*[0.8] * 7)
    opened = desk.judge(policy, [*days, *week], window=desk.day(6))
    broken = [*days, *week, desk.broken(desk.week(0), rule=desk.weekly), *desk.series(0.8, 0.8, 0.8, start=7)]
    now = desk.judge(policy, broken, incidents=opened.incidents)
    assert "held: retrain of 2026-01-05, until the data of its windows is right" in now.because


def test_an_incident_of_data_is_not_held_by_another_fault_of_its_window(desk: Any) -> None:
    policy = desk.policy(Rule("roc_auc", Bounds(min=0.7), Action.INVESTIGATE_DATA))
    opened = desk.judge(policy, desk.series(0.6, model_version="1"))
    broken = [*desk.series(0.8, model_version="1"), desk.broken(0)]
    now = desk.judge(policy, broken, incidents=opened.incidents)
    assert sorted(desk.told(now)) == ["opened", "retracted"]


def test_an_alarm_that_moves_to_the_next_week_stays_its_incident_although_days_tell_it_now_too(desk: Any) -> None:
    policy = desk.policy(cooldown=1)
    first, second = ([desk.value(desk.week(0), a, rule=desk.weekly)] for a in (0.6, 0.8))
    opened = desk.judge(policy, [*desk.series(*[0.8] * 7), *first], window=desk.day(6))
    second += [desk.value(desk.week(1), 0.6, rule=desk.weekly), *desk.series(*[0.8] * 13, 0.6, 0.6)]
    now = desk.judge(policy, second, window=desk.day(14), incidents=opened.incidents, actions=[desk.taken(opened)])
    assert ({i.id for i in now.incidents}, now.action) == ({opened.incident}, Action.WAIT)


def test_versions_that_grow_big_enough_go_on_with_the_pooled_story_and_ask_for_nothing_again(desk: Any) -> None:
    policy = desk.policy(Rule("roc_auc", Bounds(min=0.7), Action.RETRAIN, least_n=500))

    def known(n: int) -> list[Any]:
        return [*desk.series(0.6, n=2 * n), *(desk.value(0, 0.6, n=n, model_version=v) for v in ("1", "2"))]

    opened = desk.judge(policy, known(300))
    now = desk.judge(policy, known(500), incidents=opened.incidents, actions=[desk.taken(opened)])
    assert (now.action, [i.id for i in now.incidents], desk.told(now)) == (Action.WAIT, [opened.incident], [])
    assert "roc_auc of 1 0.6 below 0.7; roc_auc of 2 0.6 below 0.7" in now.because
    later = [*known(500), *desk.series(0.6, start=1), desk.value(1, 0.6, model_version="2")]
    again = desk.judge(policy, later, incidents=now.incidents, actions=[desk.taken(opened)])
    assert (again.action, [i.id for i in again.incidents]) == (Action.WAIT, [opened.incident])


def test_a_version_has_its_own_story_beside_one_of_a_metric_that_knows_no_versions(desk: Any) -> None:
    policy = desk.policy(Rule("roc_auc", Bounds(min=0.7), Action.RETRAIN), Rule("psi", Bounds(max=0.2), Action.RETRAIN))
    drifted = [*desk.series(None), desk.value(0, 0.9, "psi")]
    opened = desk.judge(policy, drifted)
    worse = [*drifted, desk.value(0, 0.6, model_version="1")]
    now = desk.judge(policy, worse, incidents=opened.incidents, actions=[desk.taken(opened)])
    assert (now.action, len(now.incidents)) == (Action.RETRAIN, 2)
