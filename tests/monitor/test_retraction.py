"""Labels that come weeks late turn an alarm into none: that is said, once, and nothing is asked for again."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd
import pytest

from airflow_ml_monitor.monitor.judgement import decide
from airflow_ml_monitor.monitor.performance import measure_performance
from airflow_ml_monitor.monitor.steps import measure_quality
from airflow_ml_monitor.policy.decision import Event
from airflow_ml_monitor.policy.rule import Action

LATE = 40
BAD = 3
RULE = {"name": "got worse", "metric": "accuracy", "min": 0.6, "action": "retrain"}


@pytest.fixture
def late(worlds, request):
    """Every label is right and comes within the hour; but day 3 looks bad for forty days."""
    world = worlds(
        days=LATE + BAD + 3,
        rows=60,
        outcomes={"horizon": "60d", "mature_at": 0.5},
        policy={"rules": [RULE], "cooldown": 60},
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
            undone = number >= BAD + LATE
            assert (status == [Event.RETRACTED]) == undone

    assert [d.action for d in said[:BAD]] == [Action.NONE] * BAD
    assert said[BAD].action is Action.RETRAIN
    assert {d.action for d in said[BAD + 1 : BAD + LATE]} == {Action.WAIT}
    assert {d.action for d in said[BAD + LATE :]} == {Action.NONE}
    assert [i for i, d in enumerate(said) if "retracted" in d.because] == [BAD + LATE]
    (asked,) = late.store.actions(monitor.key)
    assert (asked.decision, asked.incident) == (said[BAD].id, said[BAD].incident)
    assert [d.id for d in late.store.decisions(monitor.key)] == [d.id for d in said]
