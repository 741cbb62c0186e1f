"""A monitor's life: edited specs, new references, rewritten files, reruns, two window rules, shadow mode."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pandas as pd
import pytest

from airflow_ml_monitor.monitor.freezing import freeze
from airflow_ml_monitor.monitor.judgement import decide
from airflow_ml_monitor.monitor.performance import measure_performance
from airflow_ml_monitor.monitor.run import Run
from airflow_ml_monitor.policy.rule import Action
from airflow_ml_monitor.profile.layout import digest

FAULTS = ("fault", "predictions")
FAMILIES = [
    ("drift", "predictions"),
    FAULTS,
    ("performance", "outcomes"),
    ("quality", "predictions"),
]
HARSH = {"rules": [{"metric": "accuracy", "min": 0.99, "action": "retrain"}]}


def spec_of(world, window):
    """The spec digests under which a window's numbers stand."""
    return {r.spec for r in world.store.current(world.spec.key) if r.head.window == window}


def references_of(world, window):
    """The references that a window's numbers name."""
    return {r.head.reference for r in world.store.current(world.spec.key) if r.head.window == window} - {""}


def rewrite(world, number):
    """The prediction file of a day comes again, with other scores."""
    inside = world.predictions["at"].between(world.day(number).start, world.day(number).end, inclusive="left")
    world.predictions.loc[inside, "score"] = 1 - world.predictions.loc[inside, "score"]
    world.write_day(number)


def again(world, number, later):
    """A day's window measured again, some days after the last run."""
    return Run(world.day(number), world.spec.rule(), world.day(later).end + timedelta(hours=7))


def test_an_edited_spec_counts_from_then_and_old_windows_keep_theirs(world, measure, stored, edited):
    strict = edited(world.spec, 0.7)
    for number in range(6):
        measure(world.monitor(world.spec if number < 4 else strict), world.run(number))
    old, new = (digest(spec.document()) for spec in (world.spec, strict))
    rewrite(world, 1)
    measure(world.monitor(strict), again(world, 1, 5))

    assert [spec_of(world, world.day(n)) for n in range(6)] == [{old}] * 4 + [{new}] * 2
    moment = again(world, 1, 5).known_at
    found = stored(world.store, world.spec.key)
    for number in range(6):
        known = world.known(world.day(number), moment)
        guessed = known["score"] >= (0.5 if number < 4 else 0.7)
        assert found[world.day(number)]["accuracy"] == (pytest.approx((guessed == known["y"]).mean()), len(known))


def test_a_reference_frozen_anew_counts_from_then_and_old_windows_keep_theirs(world, measure):
    monitor = world.monitor()
    for number in range(4):
        measure(monitor, world.run(number))
    (old,) = references_of(world, world.day(0))
    moved = pd.read_parquet(world.root / "reference.parquet").assign(x=lambda rows: rows["x"] + 1)
    moved.to_parquet(world.root / "reference.parquet")
    new = freeze(monitor, world.run(3).known_at, again=True)["predictions"]
    for number in range(4, 6):
        measure(monitor, world.run(number))
    rewrite(world, 1)
    before = world.revisions()
    measure(monitor, again(world, 1, 5))

    assert old != new
    assert [references_of(world, world.day(n)) for n in range(6)] == [{old}] * 4 + [{new}] * 2
    assert world.grown(before)["drift", "predictions", "03-03"] == 1
    shift = world.store.history(world.spec.key, metric="wasserstein", rule="day@UTC").query("column == 'x'")
    assert (shift["value"].iloc[:4] < 0.5).all()
    assert (shift["value"].iloc[4:] > 0.5).all()


@pytest.mark.parametrize("late", [False, True], ids=["a file rewritten", "a file that comes late"])
def test_changed_predictions_are_one_new_revision_of_each_family_of_their_window(world, measure, late):
    monitor = world.monitor()
    for number in range(world.days):
        measure(monitor, world.run(number))
    before = world.revisions()
    if late:
        rows = world.predictions.iloc[310:320].assign(id=lambda rows: rows["id"] + "-late")
        rows.to_parquet(world.root / "predictions" / "late.parquet")
        labels = world.labels[world.labels["id"].isin(world.predictions["id"].iloc[310:320])]
        world.labels = pd.concat([world.labels, labels.assign(id=labels["id"] + "-late")])
    else:
        rewrite(world, 2)
    # At the moment of the last run: a cleared task keeps its known_at.
    run = Run(world.day(2), world.spec.rule(), world.run(world.days - 1).known_at)
    measure(monitor, run)
    grown = world.grown(before)
    changed = {(*family, "03-04"): 1 for family in FAMILIES}
    assert grown.items() >= changed.items()
    # Windows whose labels are still awaited are estimated anew, and so is how long labels take: the past has changed.
    # Later windows are held against this one, and looked at again for faults.
    besides = {(family, name) for family, name, _ in grown.keys() - changed.keys()}
    assert besides <= {(family, "outcomes") for family in ("performance", "estimate", "quality")} | {FAULTS}
    assert {day for *family, day in grown if tuple(family) == FAULTS} == {
        f"{world.day(number).start:%m-%d}" for number in range(2, world.days)
    }
    assert set(grown.values()) == {1}
    assert measure(monitor, run) == 0


def test_a_label_is_an_orphan_only_if_no_prediction_up_to_known_at_matches_it(world, measure):
    strangers = pd.DataFrame({"id": ["x", "y"], "y": 1.0, "known_at": [world.run(n).known_at for n in (1, 3)]})
    # An hour after its prediction: at the run six hours after a window, five hours of the next day have theirs.
    at_once = world.labels["id"].map(world.predictions.set_index("id")["at"]) + timedelta(hours=1)
    world.labels = pd.concat([world.labels.assign(known_at=at_once), strangers])
    world.write_labels()
    monitor = world.monitor()
    for number in range(5):
        measure(monitor, world.run(number))
    assert world.store.history(world.spec.key, metric="orphan_labels")["value"].tolist() == [0, 1, 1, 2, 2]


def test_a_rerun_on_the_same_inputs_writes_nothing(world, measure):
    monitor = world.monitor()
    for number in range(world.days):
        measure(monitor, world.run(number))
    before, numbers = world.revisions(), world.store.history(world.spec.key)
    state = world.store.ledger.state(world.spec.key, "outcomes")
    assert [measure(world.monitor(), world.run(number)) for number in range(world.days)] == [0] * world.days
    assert world.revisions() == before
    assert world.store.ledger.state(world.spec.key, "outcomes") == state
    pd.testing.assert_frame_equal(world.store.history(world.spec.key), numbers)


def test_a_week_counts_what_its_days_count(worlds, measure):
    world = worlds(windows=["day", "week"], outcomes={"horizon": "1d"})
    monitor, (day, week) = world.monitor(), world.spec.windows
    known_at = world.day(7).end
    for number in range(7):
        measure(monitor, Run(world.day(number), day, known_at))
    measure(monitor, Run(week.containing(world.day(0).start), week, known_at))

    def counted(rule, metric):
        frame = world.store.history(world.spec.key, metric=metric, rule=str(rule)).query("slice == '{}'")
        return frame[frame["window_end"] <= world.day(6).end]

    assert len(counted(week, "row_count")) == 1
    assert counted(week, "row_count")["value"].sum() == counted(day, "row_count")["value"].sum() == 7 * 150
    of_days, of_week = counted(day, "accuracy"), counted(week, "accuracy")
    assert of_week["n"].tolist() == [of_days["n"].sum()]
    assert of_week["n"].sum() == len(
        world.known(Run(week.containing(known_at - timedelta(8)), week, known_at).window, known_at)
    )
    assert (of_week["value"] * of_week["n"]).sum() == pytest.approx((of_days["value"] * of_days["n"]).sum())


def test_the_same_knowledge_is_one_decision_and_asks_once(worlds, measure):
    world = worlds(policy=HARSH)
    monitor, run = world.monitor(), world.run(0, 150)
    measure(monitor, run)
    first, second = decide(monitor, run), decide(world.monitor(), run)
    assert first == second
    assert first.action is Action.RETRAIN
    assert world.store.decisions(monitor.key) == [first]
    assert [taken.decision for taken in world.store.actions(monitor.key)] == [first.id]


@pytest.mark.parametrize("shadow", [True, False], ids=["shadow mode", "act=False"])
def test_who_may_not_act_says_what_is_wrong_and_asks_for_nothing(worlds, measure, shadow):
    world = worlds(policy={**HARSH, "act": not shadow})
    monitor = world.monitor()
    for number in range(2):
        run = world.run(number, 150)
        measure(monitor, run)
        decision = decide(monitor, run, act=shadow)
        assert decision.action is Action.RETRAIN
        assert not decision.acts
    assert world.store.actions(monitor.key) == []
    assert len(world.store.incidents(monitor.key)) == 1


def test_a_policy_that_may_act_again_asks_for_what_shadow_mode_found(worlds, measure):
    world = worlds(policy={**HARSH, "act": False})
    for number in range(2):
        run = world.run(number, 150)
        may = replace(world.spec, policy=replace(world.spec.policy, act=number == 1))
        measure(world.monitor(may), run)
        decision = decide(world.monitor(may), run)
    assert [taken.decision for taken in world.store.actions(world.spec.key)] == [decision.id]
    assert measure_performance(world.monitor(may), run).revisions == 0
