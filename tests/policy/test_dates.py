"""A decision tells days as the monitor's own calendar does."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from airflow_ml_monitor.keys import WindowRule, WindowUnit
from airflow_ml_monitor.policy.rule import Action


@pytest.fixture
def tokyo(desk: Any) -> Any:
    """Days that begin at 15:00 UTC of the day before."""
    rule = WindowRule(WindowUnit.DAY, "Asia/Tokyo")
    start = datetime(2026, 1, 9, 15, tzinfo=UTC)  # the tenth in Tokyo

    def judge(*values: float, **about: Any) -> Any:
        windows = list(rule.between(start, datetime(2026, 1, 9 + len(values), 15, tzinfo=UTC)))
        evidence = []
        for window, value in zip(windows, values, strict=True):
            evidence += [desk.value(window, value, rule=str(rule)), desk.rows(window, rule=str(rule))]
        return desk.judge(desk.policy(cooldown=2), evidence, rule=rule, **about)

    return judge


def test_an_alarm_and_what_becomes_of_it_are_dated_in_the_monitors_zone(tokyo: Any) -> None:
    opened = tokyo(0.6)
    assert opened.because == "2026-01-10: roc_auc 0.6 below 0.7"
    assert opened.events[0].text == "opened: retrain since 2026-01-10"
    confirmed = tokyo(0.6, 0.5, incidents=opened.incidents)
    assert confirmed.events[0].text == "confirmed: retrain since 2026-01-10, now up to 2026-01-11"
    resolved = tokyo(0.6, 0.8, 0.8, incidents=opened.incidents)
    assert resolved.events[0].text == "resolved: retrain of 2026-01-10, 2 windows without an alarm"
    retracted = tokyo(0.8, incidents=opened.incidents)
    assert retracted.events[0].text == "retracted: retrain of 2026-01-10, as now known, was no alarm"
    assert tokyo(0.6, incidents=retracted.incidents).events[0].text == "reopened: retrain of 2026-01-10"


def test_how_far_performance_is_known_is_dated_in_the_monitors_zone(tokyo: Any) -> None:
    assert tokyo(0.8, 0.8).because == "every rule within its bounds; performance judged up to 2026-01-11"


def test_the_day_on_which_an_action_was_asked_for_is_that_of_the_monitors_zone(desk: Any) -> None:
    rule = WindowRule(WindowUnit.DAY, "America/New_York")
    window = rule.containing(datetime(2026, 1, 5, 12, tzinfo=UTC))
    evidence = [desk.value(window, 0.6, rule=str(rule)), desk.rows(window, rule=str(rule))]
    opened = desk.judge(desk.policy(), evidence, rule=rule)
    evening = datetime(2026, 1, 7, 2, tzinfo=UTC)  # the sixth, 21:00 in New York
    asked = [desk.taken(opened, asked_at=evening)]
    again = desk.judge(desk.policy(), evidence, rule=rule, incidents=opened.incidents, actions=asked)
    assert again.action is Action.WAIT
    expected = "retrain already asked for on 2026-01-06 (dec-1), and claimed by no run yet: 2026-01-05: "
    assert again.because.startswith(expected)
