"""From alarms to the one action: faults of data first, the strongest next, nothing twice."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_ml_monitor.measurement import NOTES, Family, Status
from airflow_ml_monitor.metrics.names import fault_names
from airflow_ml_monitor.policy.decision import ActionState
from airflow_ml_monitor.policy.rule import ORDER, Action, Bounds, Rule

RETRAIN = Rule("roc_auc", Bounds(min=0.7), Action.RETRAIN)
ROLL_BACK = Rule("roc_auc", Bounds(min=0.5), Action.ROLL_BACK, name="useless")
ALERT = Rule("psi", Bounds(max=0.2), Action.ALERT)


def duplicates(desk: Any) -> list[Any]:
    return [desk.rows(0), desk.value(0, 3, "duplicate_rows", family=Family.QUALITY)]


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (lambda desk: [desk.rows(0), desk.broken(0)], "the column income is missing"),
        (lambda desk: [desk.rows(0), desk.broken(0, reason="")], "completeness of income failed"),
        (lambda desk: [desk.rows(0, 0)], "no rows arrived"),
        (duplicates, "3 rows repeat an entity key"),
        (lambda desk: [], "was never measured"),
    ],
)
def test_a_fault_of_data_comes_before_the_metrics_of_its_window(
    desk: Any, fault: Callable[[Any], list[Any]], words: str
) -> None:
    verdict = desk.judge(desk.policy(RETRAIN), [desk.value(0, 0.1), *fault(desk)])
    assert verdict.action is Action.INVESTIGATE_DATA
    assert words in verdict.because
    assert [i.action for i in verdict.incidents] == [Action.INVESTIGATE_DATA]  # 0.1 is not judged


def test_a_named_fault_is_a_fault_of_data_and_a_note_is_none(desk: Any) -> None:
    for name, action in (("column_missing", Action.INVESTIGATE_DATA), ("column_added", Action.NONE)):
        found = desk.value(0, 1.0, name, family=Family.FAULT, parameters="column=channel")
        assert desk.judge(desk.policy(RETRAIN), [desk.value(0, 0.9), desk.rows(0), found]).action is action


def test_every_note_is_a_named_fault() -> None:
    assert fault_names() >= NOTES


@pytest.mark.parametrize(
    "fine",
    [
        lambda desk: desk.value(0, 0, "duplicate_rows", family=Family.QUALITY),
        lambda desk: desk.rows(0, 0, slice=(("region", "north"),)),
        lambda desk: desk.broken(0, slice=(("region", "north"),)),
        lambda desk: desk.value(0, None, "roc_auc", status=Status.FAILED),
        lambda desk: desk.value(0, None, "completeness", family=Family.QUALITY, status=Status.UNDEFINED),
    ],
    ids=["no duplicates", "an empty slice", "a failed slice", "a failed performance", "an undefined value"],
)
def test_what_is_no_fault_of_the_data_is_not_taken_for_one(desk: Any, fine: Callable[[Any], Any]) -> None:
    assert desk.judge(desk.policy(ALERT), [desk.rows(0), fine(desk)]).action is Action.NONE


def test_each_dataset_must_have_been_measured(desk: Any) -> None:
    verdict = desk.judge(desk.policy(ALERT), [desk.rows(0)], datasets=("loans", "offers"))
    assert verdict.action is Action.INVESTIGATE_DATA
    assert f"the window {desk.day(0)} of 'offers' was never measured" in verdict.because


def test_counts_of_a_label_source_do_not_pass_for_a_measured_window(desk: Any) -> None:
    verdict = desk.judge(desk.policy(ALERT), [desk.rows(0, dataset="repaid")])
    assert verdict.action is Action.INVESTIGATE_DATA
    assert "was never measured" in verdict.because


def test_without_any_evidence_the_window_was_never_measured(desk: Any) -> None:
    verdict = desk.judge(desk.policy(RETRAIN), [], window=desk.day(0), known_at=desk.day(0).end)
    assert verdict.action is Action.INVESTIGATE_DATA
    assert "was never measured" in verdict.because


def test_a_broken_day_holds_its_week_and_a_broken_week_its_days_but_no_neighbour(desk: Any) -> None:
    policy = desk.policy(RETRAIN, cooldown=9)
    week = [desk.value(desk.week(0), 0.1, rule=desk.weekly), desk.rows(desk.week(0), rule=desk.weekly)]
    good = desk.series(*[0.8] * 7)

    def actions(*more: Any) -> set[Action]:
        return {i.action for i in desk.judge(policy, [*good, *week, *more], window=desk.day(6)).incidents}

    assert actions() == {Action.RETRAIN}
    assert actions(desk.broken(3)) == {Action.INVESTIGATE_DATA}
    assert actions(desk.broken(desk.week(0), rule=desk.weekly)) == {Action.INVESTIGATE_DATA}
    assert actions(desk.broken(7)) == {Action.INVESTIGATE_DATA, Action.RETRAIN}  # the Monday after


def test_a_broken_week_keeps_its_days_from_being_judged(desk: Any) -> None:
    broken = [desk.rows(desk.week(0), rule=desk.weekly), desk.broken(desk.week(0), rule=desk.weekly)]
    verdict = desk.judge(desk.policy(RETRAIN), [*desk.series(0.1, 0.1), *broken], window=desk.day(1))
    assert {i.action for i in verdict.incidents} == {Action.INVESTIGATE_DATA}


def test_a_rule_that_asks_to_investigate_holds_its_window_too(desk: Any) -> None:
    rule = Rule("completeness", Bounds(min=0.9), Action.INVESTIGATE_DATA)
    empty = desk.value(0, 0.2, "completeness", family=Family.QUALITY, column="income")
    verdict = desk.judge(desk.policy(RETRAIN, rule), [*desk.series(0.1), empty])
    assert verdict.action is Action.INVESTIGATE_DATA
    assert {i.action for i in verdict.incidents} == {Action.INVESTIGATE_DATA}


def test_a_fault_of_a_label_source_holds_no_window(desk: Any) -> None:
    rule = Rule("orphan_labels", Bounds(max=10), Action.INVESTIGATE_DATA)
    orphans = desk.value(0, 99, "orphan_labels", family=Family.QUALITY, dataset="repaid")
    verdict = desk.judge(desk.policy(RETRAIN, rule), [*desk.series(0.1), orphans])
    assert {i.action for i in verdict.incidents} == {Action.INVESTIGATE_DATA, Action.RETRAIN}


def test_the_strongest_action_is_decided_and_the_order_is_the_policys(desk: Any) -> None:
    evidence = [*desk.series(0.4), desk.value(0, 0.9, "psi")]
    assert desk.judge(desk.policy(ALERT), evidence).action is Action.ALERT
    assert desk.judge(desk.policy(ALERT, RETRAIN), evidence).action is Action.RETRAIN
    assert desk.judge(desk.policy(ALERT, RETRAIN, ROLL_BACK), evidence).action is Action.ROLL_BACK
    other = (*ORDER[:3], Action.ROLL_BACK, Action.RETRAIN, Action.ALERT)
    assert desk.judge(desk.policy(ALERT, RETRAIN, ROLL_BACK, order=other), evidence).action is Action.ALERT


def test_faults_of_data_come_first_even_where_the_order_calls_them_mild(desk: Any) -> None:
    verdict = desk.judge(desk.policy(RETRAIN), [*desk.series(0.1), desk.rows(1, 0)])
    assert verdict.action is Action.INVESTIGATE_DATA
    assert "what else is wrong is held until the data is right" in verdict.because


def test_an_open_incident_of_data_holds_retraining_even_after_it_was_asked_for(desk: Any) -> None:
    policy, evidence = desk.policy(RETRAIN), [*desk.series(0.1), desk.rows(1, 0)]
    asked = desk.judge(policy, evidence)
    again = desk.judge(policy, evidence, incidents=asked.incidents, actions=[desk.taken(asked)])
    assert (again.action, again.incident) == (Action.WAIT, asked.incident)
    assert "held until the data is right" in again.because


def test_retraining_is_asked_for_once_the_data_is_right_again(desk: Any) -> None:
    policy = desk.policy(RETRAIN, cooldown=9)
    asked = desk.judge(policy, [*desk.series(0.1), desk.rows(1, 0)])
    repaired = [*desk.series(0.1), desk.rows(1)]
    now = desk.judge(policy, repaired, incidents=asked.incidents, actions=[desk.taken(asked)])
    assert (now.action, desk.told(now)) == (Action.RETRAIN, ["retracted"])


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (ActionState.ASKED, "retrain already asked for on 2026-01-05 (dec-1), and claimed by no run yet: "),
        (ActionState.CLAIMED, "retrain already asked for on 2026-01-05 (dec-1), claimed since: "),
        (ActionState.DONE, "retrain already asked for on 2026-01-05 (dec-1), done since: "),
    ],
)
def test_an_action_under_way_is_waited_for_and_not_asked_for_again(desk: Any, state: ActionState, words: str) -> None:
    policy, evidence = desk.policy(RETRAIN), desk.series(0.6)
    asked = desk.judge(policy, evidence)
    again = desk.judge(policy, evidence, incidents=asked.incidents, actions=[desk.taken(asked, state)])
    assert (again.action, again.incident) == (Action.WAIT, asked.incident)
    assert again.because == f"{words}2026-01-05: roc_auc 0.6 below 0.7"


@pytest.mark.parametrize("state", [ActionState.FAILED, ActionState.REJECTED])
def test_an_action_that_came_to_nothing_is_asked_for_again(desk: Any, state: ActionState) -> None:
    policy, evidence = desk.policy(RETRAIN), desk.series(0.6)
    asked = desk.judge(policy, evidence)
    again = desk.judge(policy, evidence, incidents=asked.incidents, actions=[desk.taken(asked, state)])
    assert (again.action, again.incident) == (Action.RETRAIN, asked.incident)
    assert f"(again: the last one {state})" in again.because


def test_what_is_waited_for_does_not_hide_a_milder_action_that_nobody_asked_for(desk: Any) -> None:
    policy, evidence = desk.policy(RETRAIN, ALERT), [*desk.series(0.6), desk.value(0, 0.9, "psi")]
    asked = desk.judge(policy, evidence)
    assert asked.action is Action.RETRAIN
    next_one = desk.judge(policy, evidence, incidents=asked.incidents, actions=[desk.taken(asked)])
    assert next_one.action is Action.ALERT


def test_without_mature_labels_the_decision_is_to_wait_and_says_why(desk: Any) -> None:
    verdict = desk.judge(desk.policy(RETRAIN), desk.series(None, None))
    assert verdict.action is Action.WAIT
    assert verdict.because == "no window's labels tell enough yet, so performance cannot be judged"
    assert verdict.incident == ""


def test_what_is_waited_for_how_much_has_come_and_when_it_is_due_is_told_of_the_newest_window(desk: Any) -> None:
    reason = "labels of 53% of 300 predictions have come; judged once 80% have, or on 2026-03-13"
    waiting = [desk.value(day, None, status=Status.IMMATURE, reason=reason) for day in (0, 1)]
    verdict = desk.judge(desk.policy(RETRAIN), [*waiting, desk.rows(0), desk.rows(1)])
    assert verdict.because == (
        "no window's labels tell enough yet, so performance cannot be judged; "
        f"of the newest window, {waiting[1].head.window.start:%Y-%m-%d}: {reason}"
    )


def test_mature_labels_of_too_few_rows_are_told_apart_from_immature_ones(desk: Any) -> None:
    verdict = desk.judge(
        desk.policy(Rule("roc_auc", Bounds(min=0.7), Action.RETRAIN, least_n=50)), desk.series(0.1, n=9)
    )
    assert verdict.action is Action.WAIT
    assert verdict.because == "every window has too few rows or broken data, so performance cannot be judged"


def test_within_bounds_the_decision_is_none_and_says_how_far_performance_is_known(desk: Any) -> None:
    verdict = desk.judge(desk.policy(RETRAIN), desk.series(0.8, 0.8, None))
    assert verdict.action is Action.NONE
    assert verdict.because == "every rule within its bounds; performance judged up to 2026-01-06"


def test_a_policy_without_a_rule_on_performance_does_not_wait_for_labels(desk: Any) -> None:
    verdict = desk.judge(desk.policy(ALERT), desk.series(None))
    assert (verdict.action, verdict.because) == (Action.NONE, "every rule within its bounds")


def test_of_many_alarms_five_are_told_and_the_others_counted(desk: Any) -> None:
    evidence = [desk.rows(0), *(desk.value(0, 0.9, "psi", column=f"x{i}") for i in range(7))]
    because = desk.judge(desk.policy(ALERT), evidence).because
    assert because.count("psi of x") == 5
    assert because.endswith("and 2 more")


def test_the_document_names_the_window_its_alarms_and_its_incidents(desk: Any) -> None:
    verdict = desk.judge(desk.policy(RETRAIN), desk.series(0.6))
    window = str(desk.day(0))
    alarm = {"rule": "roc_auc", "action": "retrain", "window": window, "text": "roc_auc 0.6 below 0.7", "version": ""}
    alarm |= {"metric": "roc_auc", "column": "", "severity": "warning", "sure": True}
    incident = {"id": verdict.incident, "action": "retrain", "status": "opened", "first": window, "last": window}
    assert verdict.evidence == {
        "window": window,
        "rule": "day@UTC",
        "contract": [],
        "alarms": [alarm],
        "incidents": [incident],
        "charts": [],
    }


readings = st.one_of(st.none(), st.floats(0.3, 1.0))


@given(
    aucs=st.lists(st.tuples(readings, readings, readings), min_size=1, max_size=8),
    broken=st.sets(st.integers(0, 7)),
    seed=st.integers(0, 2**32),
)
def test_the_verdict_depends_on_what_is_known_and_not_on_its_order(
    desk: Any, aucs: list[tuple[float | None, ...]], broken: set[int], seed: int
) -> None:
    policy = desk.policy(RETRAIN, ROLL_BACK, ALERT, cooldown=2)
    evidence = [desk.broken(i) for i in sorted(broken) if i < len(aucs)]
    for i, values in enumerate(aucs):
        evidence.append(desk.rows(i))
        for version, value in zip(("", "1", "2"), values, strict=True):
            if value is not None:
                evidence.append(desk.value(i, value, model_version=version))
        evidence += [desk.value(i, 0.3, "psi", column=column) for column in ("age", "income")]
    earlier = [e for e in evidence if e.head.window < desk.day(len(aucs) - 1)] or evidence
    known = desk.judge(policy, earlier)
    actions = [desk.taken(known)] if known.incident else []
    shuffled, incidents = evidence.copy(), list(known.incidents)
    random.Random(seed).shuffle(shuffled)
    random.Random(seed).shuffle(incidents)
    before = list(shuffled)
    told = desk.judge(policy, evidence, incidents=known.incidents, actions=actions)
    assert desk.judge(policy, shuffled, incidents=incidents, actions=actions) == told
    assert shuffled == before


@given(values=st.lists(readings, min_size=1, max_size=15))
def test_whoever_asks_for_each_action_asks_for_none_twice(desk: Any, values: list[float | None]) -> None:
    policy = desk.policy(RETRAIN, ROLL_BACK, cooldown=2)
    verdicts = desk.live(policy, desk.series(*values), range(len(values)))
    asked = [(v.incident, v.action) for v in verdicts if v.incident and v.action is not Action.WAIT]
    assert len(asked) == len(set(asked))


def test_a_rule_that_only_alerts_waits_for_labels_as_well(desk: Any) -> None:
    policy = desk.policy(Rule("roc_auc", Bounds(min=0.7), Action.ALERT))
    assert desk.judge(policy, desk.series(None, None)).action is Action.WAIT
    assert desk.judge(policy, desk.series(0.9, None)).because.startswith("every rule within its bounds; performance")
