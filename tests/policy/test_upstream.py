"""What is wrong upstream explains what is wrong here, and holds it."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_ml_monitor.policy.case import Upstream
from airflow_ml_monitor.policy.decision import Event, Incident
from airflow_ml_monitor.policy.rule import Action


@pytest.fixture
def above(desk: Any) -> Any:
    """An incident of the orders' monitor, from day 2 to `last`."""

    def made(last: int = 2, status: Event = Event.OPENED, action: Action = Action.INVESTIGATE_DATA) -> Upstream:
        incident = Incident("inc-above", action, "", desk.day(2), desk.day(last), status, desk.day(3).start)
        return Upstream("default/orders", incident)

    return made


def test_nobody_retrains_on_windows_that_are_broken_upstream(desk: Any, above: Any) -> None:
    evidence = desk.series(0.9, 0.9, 0.6)
    assert desk.judge(desk.policy(), evidence).action == "retrain"
    verdict = desk.judge(desk.policy(), evidence, upstream=(above(),))
    assert verdict.action == "none"
    assert verdict.because == (
        "every rule within its bounds; performance judged up to 2026-01-06; "
        "upstream default/orders has investigate_data since 2026-01-07: its windows are not judged here"
    )


def test_broken_data_here_is_explained_and_asks_for_nothing(desk: Any, above: Any) -> None:
    evidence = [*desk.series(0.9, 0.9, 0.9), desk.broken(2)]
    assert desk.judge(desk.policy(), evidence).action == "investigate_data"
    verdict = desk.judge(desk.policy(), evidence, upstream=(above(),))
    assert verdict.action == "wait"
    assert verdict.because.startswith("investigate_data of 2026-01-07 is explained by default/orders")
    assert [(event.event, event.text) for event in verdict.events] == [
        ("opened", "opened: investigate_data since 2026-01-07")
    ]


def test_its_windows_stay_held_when_it_is_over_upstream(desk: Any, above: Any) -> None:
    verdict = desk.judge(desk.policy(), desk.series(0.9, 0.9, 0.6, 0.9), upstream=(above(status=Event.RESOLVED),))
    assert (verdict.action, verdict.because) == (
        "none",
        "every rule within its bounds; performance judged up to 2026-01-08",
    )


def test_windows_that_were_right_upstream_are_judged(desk: Any, above: Any) -> None:
    verdict = desk.judge(desk.policy(), desk.series(0.9, 0.6, 0.6), upstream=(above(),))
    assert verdict.action == "retrain"
    assert "2026-01-06: roc_auc 0.6 below 0.7" in verdict.because


def test_what_breaks_here_after_it_is_over_upstream_is_asked_for(desk: Any, above: Any) -> None:
    evidence = [*desk.series(0.9, 0.9, 0.9, 0.9, 0.9), *(desk.broken(day) for day in (2, 3, 4))]
    verdict = desk.judge(desk.policy(), evidence, upstream=(above(status=Event.RESOLVED),))
    assert verdict.action == "investigate_data"


def test_a_model_upstream_that_is_to_be_replaced_holds_our_retraining_and_not_our_data(desk: Any, above: Any) -> None:
    worse = above(action=Action.RETRAIN)
    verdict = desk.judge(desk.policy(), desk.series(0.9, 0.9, 0.6), upstream=(worse,))
    assert verdict.action == "wait"
    assert "retrain of 2026-01-07 is explained by default/orders" in verdict.because
    broken = [*desk.series(0.9, 0.9, 0.9), desk.broken(2)]
    assert desk.judge(desk.policy(), broken, upstream=(worse,)).action == "investigate_data"
