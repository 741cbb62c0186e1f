from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from airflow_ml_monitor.errors import StoreError
from airflow_ml_monitor.keys import Window
from airflow_ml_monitor.policy.decision import ActionState, ActionTaken, Decision, Event, Incident
from airflow_ml_monitor.policy.rule import Action
from airflow_ml_monitor.store.records import DecisionRecord, IncidentEvent
from airflow_ml_monitor.store.repository import MetricsStore

MONITOR = "default/churn"
MORNING = datetime(2026, 3, 1, 0, 0, 0, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def story(name: str, status: Event = Event.OPENED) -> Incident:
    window = Window(MORNING, MORNING + DAY)
    return Incident(name, Action.RETRAIN, "v1", window, Window(window.start, MORNING + 2 * DAY), status, MORNING)


def record(known: int, *incidents: Incident, id: str = "", policy: str = "p", inputs: str = "i") -> DecisionRecord:
    decision = Decision(
        id or f"decision-{known}-{policy}-{inputs}",
        MONITOR,
        MORNING + known * DAY,
        Action.RETRAIN,
        "roc_auc 0.71 below 0.75",
        {"alarms": [{"value": 0.71, "ü": None}]},
        incidents[0].id if incidents else "",
        False,
    )
    events = tuple(IncidentEvent(one.id, one.status, f"{one.id} is {one.status}") for one in incidents)
    return DecisionRecord(decision, policy, inputs, {"charts": {"auc": [0.1, 2]}}, events, incidents, "run-1")


def test_a_decision_comes_back_with_the_state_to_resume_from(store: MetricsStore) -> None:
    made = record(1, story("a"), story("b", Event.CONFIRMED))
    assert store.save_decision(MONITOR, made) == made.decision
    assert store.last_decision(MONITOR, MORNING + 2 * DAY) == made
    assert store.last_decision(MONITOR, MORNING + DAY) is None
    assert store.decision(made.decision.id) == (MONITOR, made.decision)
    assert store.decision("unknown") is None
    assert store.decision_at(MONITOR, made.decision.known_at, "p", "i") == made.decision
    assert store.decision_at(MONITOR, made.decision.known_at, "p", "other") is None


def test_one_decision_for_one_knowledge_policy_and_input(store: MetricsStore) -> None:
    first = record(1, story("a"))
    store.save_decision(MONITOR, first)
    again = replace(first, decision=replace(first.decision, id="another", because="said otherwise"))
    assert store.save_decision(MONITOR, again) == first.decision
    store.save_decision(MONITOR, record(1, inputs="changed"))
    store.save_decision(MONITOR, record(0))
    assert [one.id for one in store.decisions(MONITOR)] == ["decision-0-p-i", "decision-1-p-i", "decision-1-p-changed"]
    assert [one.id for one in store.decisions(MONITOR, as_of=MORNING)] == ["decision-0-p-i"]
    last = store.last_decision(MONITOR, MORNING + 9 * DAY)
    assert last is not None
    assert last.input_digest == "changed"


def test_older_knowledge_changes_no_incident_but_may_tell_a_new_one(store: MetricsStore) -> None:
    store.save_decision(MONITOR, record(5, story("a", Event.RETRACTED)))
    store.save_decision(MONITOR, record(3, story("a", Event.OPENED), story("b")))
    assert {one.id: one.status for one in store.incidents(MONITOR)} == {"a": Event.RETRACTED, "b": Event.OPENED}
    store.save_decision(MONITOR, record(5, story("a", Event.REOPENED), inputs="changed"))
    assert story("a", Event.REOPENED) in store.incidents(MONITOR)


def test_several_runs_that_judge_the_same_store_one_decision(
    store: MetricsStore, race: Callable[..., list[Any]]
) -> None:
    def run(number: int) -> list[str]:
        return [store.save_decision(MONITOR, record(k, story("a"), id=f"{number}-{k}")).id for k in range(10)]

    first, second, third = race(run, 3)
    assert first == second == third == [one.id for one in store.decisions(MONITOR)]
    assert store.incidents(MONITOR) == [story("a")]


def ask(store: MetricsStore, decision: str = "d1", known: int = 1) -> ActionTaken:
    return store.ask_action(MONITOR, "a", Action.RETRAIN, decision, MORNING + known * DAY)


def test_an_action_is_asked_for_once_an_incident(store: MetricsStore) -> None:
    first = ask(store)
    assert first == ActionTaken("a", Action.RETRAIN, "d1", MORNING + DAY, ActionState.ASKED)
    assert ask(store, "d2", 2) == first
    other = store.ask_action(MONITOR, "a", Action.ALERT, "d2", MORNING + 2 * DAY)
    assert store.actions(MONITOR) == [first, other]


@pytest.mark.parametrize("state", [ActionState.FAILED, ActionState.REJECTED])
def test_an_action_that_came_to_nothing_may_be_asked_for_again(store: MetricsStore, state: ActionState) -> None:
    ask(store)
    assert store.claim_action("d1", "run-1", MORNING)
    store.finish_action("d1", "run-1", state, "worse than the champion")
    assert not store.claim_action("d1", "run-2", MORNING)
    assert ask(store, "d2", 2) == ActionTaken("a", Action.RETRAIN, "d2", MORNING + 2 * DAY, ActionState.ASKED)
    assert not store.claim_action("d1", "run-1", MORNING)
    assert store.claim_action("d2", "run-2", MORNING)


def test_a_done_action_stays_done(store: MetricsStore) -> None:
    ask(store)
    assert store.claim_action("d1", "run-1", MORNING)
    store.finish_action("d1", "run-1", ActionState.DONE, "model 7")
    done = ask(store, "d2", 2)
    assert (done.state, done.decision, done.run_id) == (ActionState.DONE, "d1", "run-1")
    assert not store.claim_action("d1", "run-2", MORNING)
    assert not store.claim_action("d2", "run-2", MORNING)


def test_only_the_run_that_claimed_may_finish(store: MetricsStore) -> None:
    ask(store)
    assert store.claim_action("d1", "run-1", MORNING)
    with pytest.raises(StoreError, match="has not claimed"):
        store.finish_action("d1", "run-2", ActionState.DONE, "")
    with pytest.raises(StoreError, match="cannot end as 'asked'"):
        store.finish_action("d1", "run-1", ActionState.ASKED, "")
    with pytest.raises(StoreError, match="run id"):
        store.claim_action("d1", "", MORNING)
    assert not store.claim_action("unknown", "run-1", MORNING)


def test_of_many_runs_one_claims_and_may_claim_again(store: MetricsStore, race: Callable[..., list[Any]]) -> None:
    def run(number: int) -> tuple[str, bool, bool]:
        asked = ask(store, f"d{number}", number)
        mine = f"run-{number}"
        return (
            asked.decision,
            store.claim_action(asked.decision, mine, MORNING),
            store.claim_action("none", mine, MORNING),
        )

    results = race(run, 6)
    assert len({decision for decision, _, _ in results}) == 1
    assert sum(claimed for _, claimed, _ in results) == 1
    assert not any(other for _, _, other in results)
    [taken] = store.actions(MONITOR)
    winner = [claimed for _, claimed, _ in results].index(True)
    assert (taken.state, taken.run_id) == (ActionState.CLAIMED, f"run-{winner}")
    assert store.claim_action(taken.decision, taken.run_id, MORNING)
    assert store.actions(MONITOR) == [taken]
