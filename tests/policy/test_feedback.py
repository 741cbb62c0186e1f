"""How often each rule was right, from what people said and what the decisions tell of incidents."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from scipy.stats import binomtest

from airflow_ml_monitor.measurement import Family
from airflow_ml_monitor.policy.decision import Decision, Incident
from airflow_ml_monitor.policy.feedback import Feedback, Precision, newest, precision_by_rule, rules_of
from airflow_ml_monitor.policy.judge import Verdict
from airflow_ml_monitor.policy.rule import Action, Bounds, Rule

NOW = datetime(2026, 3, 1, tzinfo=UTC)
AUC = Rule("roc_auc", Bounds(min=0.7), Action.RETRAIN, name="auc")
LOSS = Rule("log_loss", Bounds(max=0.5), Action.RETRAIN)
DRIFT = Rule("psi", Bounds(max=0.1), Action.ALERT)


def decided(verdicts: Sequence[Verdict]) -> tuple[Sequence[Incident], list[Decision]]:
    """What a store would hold of them."""
    made = [
        Decision(f"dec-{i}", "credit", NOW, v.action, v.because, v.evidence, v.incident) for i, v in enumerate(verdicts)
    ]
    return verdicts[-1].incidents, made


def said(incident: str, is_true: bool, day: int = 0) -> Feedback:
    return Feedback(incident, is_true, NOW + timedelta(days=day))


@pytest.fixture
def story(desk: Any) -> tuple[Sequence[Incident], list[Decision]]:
    """One rule alarms on days 1, 11 and 21, the other one on day 1 too; drift on day 1; a broken feed on day 16."""
    days = range(26)
    auc = [0.6 if day in (1, 11, 21) else 0.8 for day in days]
    evidence = [e for day in days if day != 16 for e in desk.series(auc[day], start=day)]
    evidence += [desk.value(1, 0.9, "log_loss"), desk.value(1, 0.3, "psi", family=Family.DRIFT), desk.broken(16)]
    return decided(desk.live(desk.policy(AUC, LOSS, DRIFT), evidence, days))


def test_an_incident_is_of_the_rules_that_alarmed_in_it_and_of_its_action(story: Any) -> None:
    incidents, decisions = story
    found = rules_of(incidents, decisions)
    first = {(i.action, i.first.start.day - 5): found[i.id] for i in incidents if i.first.start.month == 1}
    assert first == {
        (Action.RETRAIN, 1): {"auc", "log_loss"},
        (Action.ALERT, 1): {"psi"},
        (Action.RETRAIN, 11): {"auc"},
        (Action.INVESTIGATE_DATA, 16): {"completeness (fault)", "row_count (fault)"},
        (Action.RETRAIN, 21): {"auc"},
    }


def test_precision_counts_true_of_those_with_a_verdict(story: Any) -> None:
    incidents, decisions = story
    first, second, third = sorted((i for i in incidents if i.action is Action.RETRAIN), key=lambda i: i.first)
    given = [said(first.id, True), said(second.id, False)]
    found = {one.rule: one for one in precision_by_rule(incidents, decisions, given)}
    assert found["auc"] == Precision("auc", true=1, false=1, awaited=1)
    assert found["log_loss"] == Precision("log_loss", true=1, false=0, awaited=0)
    assert found["psi"] == Precision("psi", true=0, false=0, awaited=1)
    assert found["psi"].estimate is None
    assert found["auc"].estimate.value == 0.5
    later = [*given, said(third.id, True)]
    assert {one.rule: one.true for one in precision_by_rule(incidents, decisions, later)}["auc"] == 2


def test_the_interval_is_wilsons_where_there_are_many_and_exact_where_few() -> None:
    for true, false, method in ((40, 20, "wilson"), (7, 2, "exact")):
        found = Precision("auc", true, false, 0).estimate
        expected = binomtest(true, true + false).proportion_ci(method=method)
        assert found is not None
        assert (found.low, found.high) == (pytest.approx(expected.low), pytest.approx(expected.high))
        assert found.n == true + false


def test_the_last_word_counts_in_whatever_order_words_come() -> None:
    words = [said("a", True, 0), said("a", False, 2), said("b", True, 1)]
    for given in (words, words[::-1]):
        assert {name: one.is_true for name, one in newest(given).items()} == {"a": False, "b": True}
    assert newest([said("a", True), said("a", False)])["a"].verdict == "false"


def test_a_retracted_incident_keeps_the_rules_that_it_was_made_of(desk: Any) -> None:
    before = desk.judge(desk.policy(AUC), desk.series(0.8, 0.6))
    after = desk.judge(desk.policy(AUC), desk.series(0.8, 0.75), incidents=before.incidents)
    assert desk.told(after) == ["retracted"]
    incidents, decisions = decided([before, after])
    assert rules_of(incidents, decisions) == {before.incident: {"auc"}}
