"""What comes late turns an alarm into none: that is said, once, and nothing is asked for again."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd
import pytest

from airflow_ml_monitor.monitor.judgement import decide
from airflow_ml_monitor.monitor.performance import measure_performance
from airflow_ml_monitor.monitor.run import Run
from airflow_ml_monitor.monitor.steps import measure_quality
from airflow_ml_monitor.policy.decision import Event
from airflow_ml_monitor.policy.rule import Action, Policy

LATE = 40
BAD = 3
COOLDOWN = Policy().cooldown
RULE = {"name": "got worse", "metric": "accuracy", "min": 0.6, "action": "retrain"}


@pytest.fixture
def late(worlds, request):
    """Every label is right and comes within the hour; but day 3 looks bad for forty days."""
    world = worlds(
        days=LATE + BAD + 3,
        rows=60,
        outcomes={"horizon": "60d", "mature_at": 0.5},
        policy={"rules": [RULE]},
        measurements=["accuracy"],
    )
    guessed = world.predictions["score"] >= 0.5
    known_at = world.predictions["at"] + timedelta(hours=1)
    world.labels = pd.DataFrame({"id": world.predictions["id"], "y": guessed.astype(float), "known_at": known_at})
    bad = world.labels.index[BAD * 60 : (BAD + 1) * 60]
    arrival = world.day(BAD).start + timedelta(days=LATE, hours=12)
    if request.param == "a batch":
        # 36 of 60 come in time, 24 of them wrong (12 / 36 right); with the rest it is 36 / 60.
        world.labels.loc[bad[:24], "y"] = 1 - world.labels.loc[bad[:24], "y"]
        world.labels.loc[bad[36:], "known_at"] = arrival
    else:
        again = world.labels.loc[bad].assign(known_at=arrival)
        world.labels.loc[bad[:40], "y"] = 1 - world.labels.loc[bad[:40], "y"]
        world.labels = pd.concat([world.labels, again], ignore_index=True)
    world.write_labels()
    return world


@pytest.mark.parametrize("late", ["a batch", "corrections"], indirect=True)
def test_an_alarm_that_late_labels_undo_is_retracted_and_its_action_is_not_asked_for_again(late):
    monitor = late.monitor()
    said = []
    for number in range(late.days):
        run = late.run(number)
        measure_quality(monitor, run)
        measure_performance(monitor, run)
        said.append(decide(monitor, run))
        status = [incident.status for incident in late.store.incidents(monitor.key)]
        assert len(status) == (number >= BAD)
        if number >= BAD:
            assert (status == [Event.RETRACTED]) == (number >= BAD + LATE)
            assert (status == [Event.RESOLVED]) == (BAD + COOLDOWN <= number < BAD + LATE)

    assert [d.action for d in said[:BAD]] == [Action.NONE] * BAD
    assert said[BAD].action is Action.RETRAIN
    assert {d.action for d in said[BAD + 1 : BAD + COOLDOWN]} == {Action.WAIT}
    assert {d.action for d in said[BAD + COOLDOWN :]} == {Action.NONE}
    assert [i for i, d in enumerate(said) if "retracted" in d.because] == [BAD + LATE]
    (asked,) = late.store.actions(monitor.key)
    assert (asked.decision, asked.incident) == (said[BAD].id, said[BAD].incident)
    assert [d.id for d in late.store.decisions(monitor.key)] == [d.id for d in said]


def test_a_day_that_was_never_measured_is_investigated_until_it_is_and_then_retracted(worlds):
    world = worlds(days=4, rows=60, policy={"rules": []})
    monitor = world.monitor()
    for number in (0, 2, 3):
        measure_quality(monitor, world.run(number))
    said = [decide(monitor, world.run(number)) for number in range(3)]
    assert [d.action for d in said] == [Action.NONE, Action.INVESTIGATE_DATA, Action.WAIT]
    assert f"the window {world.day(1)} was never measured" in said[2].because

    measure_quality(monitor, Run(world.day(1), world.spec.rule(), world.run(2, hours=8).known_at))
    now = decide(monitor, world.run(3))
    assert (now.action, now.incident) == (Action.NONE, "")
    assert "retracted: investigate_data of 2026-03-03, as now known, was no alarm" in now.because
    assert [incident.status for incident in world.store.incidents(monitor.key)] == [Event.RETRACTED]


def test_a_gap_of_the_day_is_not_forgotten_when_a_week_that_ends_with_it_is_judged_at_the_same_moment(worlds):
    world = worlds(days=8, rows=60, policy={"rules": []}, windows=["day", "week"])
    monitor = world.monitor()
    sunday = world.run(6)
    week = Run(monitor.spec.rule("week").containing(sunday.window.start), monitor.spec.rule("week"), sunday.known_at)
    for run in (world.run(5), week, world.run(7)):
        measure_quality(monitor, run)
    said = [decide(monitor, run) for run in (world.run(5), sunday, week, world.run(7))]
    wait = Action.WAIT
    assert [d.action for d in said] == [Action.NONE, Action.INVESTIGATE_DATA, wait, wait]
    assert len({d.incident for d in said[1:]}) == 1
