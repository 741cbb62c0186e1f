"""Output sanity and label drift as a monitor stores them: the scores' at once, the labels' when they can be judged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from airflow_ml_monitor.measurement import Family, Measurement, Status
from airflow_ml_monitor.monitor.judgement import decide
from airflow_ml_monitor.policy.rule import Action

OF_SCORES = {"score_entropy", "score_near_threshold", "score_at_ends"}
RULES = [{"metric": "label_drift", "max": 0.1, "action": "alert"}]


def found(world: Any, metrics: set[str], number: int, **wanted: Any) -> list[Measurement]:
    """Of a day."""
    window = world.day(number)
    rows = world.store.current(world.spec.key, metrics=metrics, start=window.start, end=window.end, **wanted)
    return [r.measurement for r in rows]


def test_scores_are_looked_at_on_the_evening_and_slice_by_slice(worlds: Any, measure: Any) -> None:
    world = worlds(days=1, dataset={"slice_by": "purpose"})
    measure(world.monitor(), world.run(0))
    rows = found(world, OF_SCORES, 0)
    assert {(row.column, row.status) for row in rows} == {("score", Status.OK)}
    assert {row.parameters for row in rows} == {"", "threshold=0.5", "at=0", "at=1"}
    assert len({row.slice for row in rows}) == 4
    p = world.predictions["score"]
    whole = {(row.metric, row.parameters): row.estimate for row in rows if not row.slice}
    near = whole["score_near_threshold", "threshold=0.5"]
    assert near.low < np.mean(np.abs(p - 0.5) <= 0.05) < near.high
    assert near.value == pytest.approx(np.mean(np.abs(p - 0.5) <= 0.05), abs=0.01)
    # Rules may ask for a rise against it.
    frozen = world.store.current(world.spec.key, metrics=OF_SCORES, stage="reference", whole=True)
    assert {r.measurement.metric for r in frozen} == OF_SCORES


def test_only_scores_are_looked_at_and_only_what_is_asked_for(worlds: Any, measure: Any) -> None:
    world = worlds(days=1, measurements=["score_entropy"])
    measure(world.monitor(), world.run(0))
    assert [row.metric for row in found(world, OF_SCORES, 0)] == ["score_entropy"]
    assert {row.column for row in found(world, {"score_entropy"}, 0)} == {"score"}


@pytest.fixture
def inflated(worlds: Any) -> Callable[[], Any]:
    """A world of which day 0 has nearly all labels positive."""

    def make() -> Any:
        world = worlds(days=7, policy={"rules": RULES, "overlook": ["labels_inverted"]}, outcomes={"mature_at": None})
        ids = set(world.predictions[world.predictions["at"] < world.day(0).end]["id"])
        mine = world.labels["id"].isin(ids) & (np.random.default_rng(5).random(len(world.labels)) < 0.9)
        world.labels.loc[mine, "y"] = 1.0
        world.write_labels()
        return world

    return make


def test_label_drift_waits_for_its_labels_and_then_alarms(inflated: Any, measure: Any) -> None:
    world = inflated()
    measure(world.monitor(), world.run(0))
    [early] = found(world, {"label_drift"}, 0, whole=True)
    assert (early.status, early.estimate) == (Status.IMMATURE, None)
    assert early.reason == "judged on 2026-03-08: of labels at hand those of one class may have come first"
    for number in range(1, 7):
        measure(world.monitor(), world.run(number))
    [final] = found(world, {"label_drift"}, 0, whole=True, families=[Family.PERFORMANCE])
    assert final.status is Status.OK
    assert final.estimate.p_value < 1e-6
    decision = decide(world.monitor(), world.run(6))
    assert decision.action is Action.ALERT
    assert "label_drift of v1" in decision.because
    [sound] = found(world, {"label_drift"}, 1, whole=True)
    assert sound.estimate.p_value > 0.001


def test_without_labels_in_the_reference_it_is_undefined_and_a_row(worlds: Any, measure: Any) -> None:
    world = worlds(days=1)
    bare = replace(world.spec, reference=replace(world.spec.reference, label=None))
    measure(world.monitor(bare), world.run(0))
    [row] = found(world, {"label_drift"}, 0)
    assert (row.status, row.reason) == (
        Status.UNDEFINED,
        "the reference was frozen without labels; name reference.label, and freeze it again",
    )
