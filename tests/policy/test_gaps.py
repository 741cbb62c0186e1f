"""A window that was never measured is a fault until it is, whichever window later runs are about."""

from __future__ import annotations

from typing import Any

from airflow_ml_monitor.keys import WindowRule, WindowUnit
from airflow_ml_monitor.policy.decision import Event
from airflow_ml_monitor.policy.rule import Action

WEEK = WindowRule(WindowUnit.WEEK)


def gone(desk: Any, missing: int, days: int) -> list[Any]:
    """Good days; one of them was never measured, although its labels came."""
    late = desk.value(missing, 0.8)
    return [e for e in desk.series(*[0.8] * days) if e.head.window != desk.day(missing)] + [late]


def test_a_gap_stays_a_fault_on_the_days_after_and_is_asked_about_once(desk: Any) -> None:
    found, after, later = desk.live(desk.policy(), gone(desk, 1, 4), range(1, 4))
    assert [v.action for v in (found, after, later)] == [Action.INVESTIGATE_DATA, Action.WAIT, Action.WAIT]
    assert {v.incident for v in (found, after, later)} == {found.incident}
    assert [desk.told(v) for v in (found, after, later)] == [["opened"], [], []]
    assert f"the window {desk.day(1)} was never measured" in later.because


def test_a_gap_holds_the_metrics_of_its_window_on_the_days_after(desk: Any) -> None:
    bad = [desk.value(1, 0.1), *gone(desk, 1, 3)[:-1]]
    *_, later = desk.live(desk.policy(), bad, range(1, 3))
    assert {i.action for i in later.incidents} == {Action.INVESTIGATE_DATA}


def test_a_gap_that_is_measured_at_last_is_retracted(desk: Any) -> None:
    *_, later = desk.live(desk.policy(), gone(desk, 1, 3), range(1, 3))
    now = desk.judge(desk.policy(), desk.series(*[0.8] * 3), incidents=later.incidents, gaps=later.gaps)
    assert (now.action, desk.told(now), now.gaps) == (Action.NONE, ["retracted"], ())


def test_the_incident_of_a_gap_cools_down_as_others_do_and_is_not_told_again(desk: Any) -> None:
    verdicts = desk.live(desk.policy(cooldown=2), gone(desk, 1, 6), range(1, 6))
    assert [desk.told(v) for v in verdicts] == [["opened"], [], ["resolved"], [], []]
    assert [v.action for v in verdicts[2:]] == [Action.NONE] * 3
    assert [i.status for i in verdicts[-1].incidents] == [Event.RESOLVED]


def test_every_day_of_an_outage_stays_a_gap_until_it_is_measured_itself(desk: Any) -> None:
    days = [*desk.series(0.8), *desk.series(0.8, start=4)]
    *_, later = desk.live(desk.policy(), days, range(5))
    assert [gap.window for gap in later.gaps] == [desk.day(1), desk.day(2), desk.day(3)]
    ends = [*days, desk.rows(1), desk.rows(3)]
    now = desk.judge(desk.policy(), ends, incidents=later.incidents, gaps=later.gaps)
    assert [gap.window for gap in now.gaps] == [desk.day(2)]
    assert (now.incidents[0].id, now.incidents[0].first) == (later.incidents[0].id, desk.day(2))


def test_days_that_a_schedule_skips_are_no_gaps(desk: Any) -> None:
    weekdays = [day for day in range(14) if day % 7 < 5]  # day 0 is a Monday
    evidence = [e for day in weekdays for e in desk.series(0.8, start=day)]
    verdicts = desk.live(desk.policy(), evidence, weekdays)
    assert {v.action for v in verdicts} == {Action.NONE}
    assert {v.gaps for v in verdicts} == {()}


def test_windows_before_a_monitors_first_are_no_gaps_although_they_have_labels(desk: Any) -> None:
    old = [desk.value(day, 0.8) for day in range(5)]
    verdicts = desk.live(desk.policy(), [*old, *desk.series(0.8, 0.8, start=5)], [5, 6])
    assert [(v.action, v.gaps) for v in verdicts] == [(Action.NONE, ())] * 2


def test_a_measured_week_fills_no_gap_of_its_days_and_its_days_none_of_the_week(desk: Any) -> None:
    week, days = desk.rows(desk.week(0), rule=desk.weekly), desk.series(*[0.8] * 7)
    about = {"known_at": desk.day(6).end}
    a_day = [week, *(e for e in days if e.head.window != desk.day(6))]
    found = desk.judge(desk.policy(), a_day, window=desk.day(6), **about)
    of_the_week = desk.judge(desk.policy(), a_day, window=desk.week(0), rule=WEEK, gaps=found.gaps, **about)
    assert [(gap.window, gap.rule) for gap in of_the_week.gaps] == [(desk.day(6), desk.daily)]
    no_week = desk.judge(desk.policy(), days, window=desk.week(0), rule=WEEK, **about)
    assert [(gap.window, gap.rule) for gap in no_week.gaps] == [(desk.week(0), desk.weekly)]
    assert f"the window {desk.week(0)} was never measured" in no_week.because


def test_a_gap_of_a_dataset_that_the_monitor_no_longer_has_is_forgotten(desk: Any) -> None:
    both = desk.judge(desk.policy(), desk.series(0.8), datasets=("loans", "offers"))
    assert [gap.dataset for gap in both.gaps] == ["offers"]
    one = desk.judge(desk.policy(), desk.series(0.8, 0.8), incidents=both.incidents, gaps=both.gaps)
    assert (desk.told(one), one.gaps) == (["retracted"], ())
