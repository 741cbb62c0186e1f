"""A feature that no longer tells what it told of the label: from `label_moments` to the decision."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from airflow_ml_monitor.errors import SpecError, UnknownName
from airflow_ml_monitor.measurement import Measurement, Status
from airflow_ml_monitor.monitor.charted import charted
from airflow_ml_monitor.monitor.freezing import freeze
from airflow_ml_monitor.monitor.judgement import decide
from airflow_ml_monitor.monitor.performance import performance
from airflow_ml_monitor.monitor.run import FrozenReference
from airflow_ml_monitor.monitor.spec import MonitorSpec
from airflow_ml_monitor.policy.rule import Action
from airflow_ml_monitor.store.records import Recorded

NAME = "label_correlation_change"
ON = {"label_moments": True}
STRATIFIED = {
    "x": "numeric",
    "purpose": {"kind": "categorical", "role": "delay_stratum"},
    "score": {"role": "score"},
    "model_version": {"kind": "categorical", "role": "version"},
}
TOTALS = {"mode": "aggregate", "rows": "rows", "day": "day", "key": []}
RULE = {"metric": NAME, "parameters": "x~label", "min": -0.2, "action": "retrain"}


def found(world: Any, number: int, **wanted: Any) -> dict[str, Measurement]:
    """Of a day, by parameters."""
    window = world.day(number)
    rows = world.store.current(world.spec.key, metrics={NAME}, start=window.start, end=window.end, **wanted)
    return {r.measurement.parameters: r.measurement for r in rows}


@pytest.fixture
def broken(worlds: Any, measure: Any) -> Any:
    """A world on whose day 0 labels have nothing to do with x, measured for seven days."""
    world = worlds(days=7, rows=400, dataset=ON, policy={"rules": [RULE]}, outcomes={"mature_at": None})
    ids = set(world.predictions[world.predictions["at"] < world.day(0).end]["id"])
    mine = world.labels["id"].isin(ids)
    world.labels.loc[mine, "y"] = np.random.default_rng(5).integers(0, 2, mine.sum()).astype(float)
    world.write_labels()
    for number in range(7):
        measure(world.monitor(), world.run(number))
    return world


def correlation(values: Any, label: Any) -> float:
    """As the reference's layout bends values."""
    return math.atanh(np.corrcoef(values, label)[0, 1])


def test_the_feature_is_named_once_its_labels_are_judged(broken: Any) -> None:
    told = found(broken, 0)
    assert set(told) == {"", "x~label", "purpose~label"}
    assert {row.status for row in told.values()} == {Status.OK}
    binning = frozen_of(broken).layout["x"]
    rows, past = broken.known(broken.day(0), broken.run(6).known_at), pd.read_parquet(broken.root / "reference.parquet")
    old, now = (
        correlation((d := frame["x"] - binning.centre) / (binning.scale + d.abs()), frame["y"])
        for frame in (past, rows)
    )
    x = told["x~label"].estimate
    assert x.value == pytest.approx(now - old, abs=1e-9)
    assert x.n == len(rows)
    assert x.p_value < 1e-6
    assert told[""].estimate.p_value < 1e-6
    assert told["purpose~label"].estimate.p_value > 0.01
    decision = decide(broken.monitor(), broken.run(6))
    assert decision.action is Action.RETRAIN
    assert "x~label" in decision.because
    assert found(broken, 1)["x~label"].estimate.p_value > 0.001
    # Before that it waits, and the past is told as it was known.
    early = found(broken, 0, as_of=broken.run(0).known_at)
    assert set(early) == {""}
    assert early[""].status is Status.IMMATURE
    assert "judged on" in early[""].reason
    monitor, window = broken.monitor(), broken.day(0)
    again = {r.parameters: r for r in performance(monitor, window, broken.run(6).known_at) if r.metric == NAME}
    assert again["x~label"].estimate.value == pytest.approx(x.value, abs=1e-12)


def test_without_it_nothing_is_kept_and_nothing_said(worlds: Any, measure: Any) -> None:
    world = worlds(days=1, outcomes={"mature_at": 0.01})
    measure(world.monitor(), world.run(0))
    assert found(world, 0) == {}
    assert "label_moments" not in world.spec.document()["datasets"][0]
    assert found_names(world) == {""}


def found_names(world: Any) -> set[str]:
    """The parts of groups in the stored reference."""
    labels = frozen_of(world).labels
    assert labels is not None
    return {place[-1][1] if place and not place[-1][0] else "" for place, _, _ in labels.groups}


def frozen_of(world: Any) -> FrozenReference:
    window = world.day(0)
    references: dict[Any, FrozenReference] = world.monitor().references(world.spec.dataset(), [window])
    return references[window]


def test_turned_on_later_the_reference_says_so_until_it_is_frozen_anew(worlds: Any, measure: Any) -> None:
    world = worlds(days=3, outcomes={"mature_at": 0.01})
    measure(world.monitor(), world.run(0))
    on = replace(world.spec, datasets=(replace(world.spec.dataset(), label_moments=True),))
    measure(world.monitor(on), world.run(1))
    [row] = found(world, 1).values()
    assert (row.status, row.parameters) == (Status.UNDEFINED, "")
    assert row.reason == "the reference was frozen without label_moments, or without labels; freeze it again"
    freeze(world.monitor(on), world.run(1).known_at, again=True)
    measure(world.monitor(on), world.run(2, hours=120))
    assert {row.status for row in found(world, 2).values()} == {Status.OK}
    assert found(world, 2)["x~label"].estimate.p_value > 0.001


def test_a_correction_is_told_and_the_rest_stays(worlds: Any, measure: Any) -> None:
    world = worlds(days=2, rows=300, dataset=ON, outcomes={"mature_at": 0.01})
    for number in (0, 1):
        measure(world.monitor(), world.run(number))
    before = found(world, 0)["x~label"]
    first = world.labels[world.labels["id"].isin(world.predictions[world.predictions["at"] < world.day(0).end]["id"])]
    known = first[first["known_at"] <= world.run(1).known_at].head(40)
    later = known.assign(y=1 - known["y"], known_at=world.run(1).known_at + timedelta(hours=1))
    world.labels = pd.concat([world.labels, later], ignore_index=True)
    world.write_labels()
    measure(world.monitor(), world.run(1, hours=30))
    assert found(world, 0)["x~label"].estimate.value != before.estimate.value
    as_known = found(world, 0, as_of=world.run(1).known_at)["x~label"]
    assert as_known.estimate.value == before.estimate.value


def wrong(world: Any, number: int) -> None:
    """Write a day whose feature arrives as text."""
    right = world.predictions
    world.predictions = right.assign(x=["n/a" if x > 2 else str(x) for x in right["x"]])
    world.write_day(number)
    world.predictions = right


def test_a_feature_that_arrived_wrong_for_a_day_is_whole_again_once_it_is_mended(worlds: Any, measure: Any) -> None:
    mended, sound = (worlds(days=7, rows=200, dataset=ON, outcomes={"mature_at": 0.3}) for _ in range(2))
    for number in range(7):
        measure(sound.monitor(), sound.run(number))
        if number == 2:
            wrong(mended, 2)
        if number == 4:
            mended.write_day(2)
        measure(mended.monitor(), mended.run(number))
        if number == 3:
            told, rows = found(mended, 0), found(sound, 0)
            assert told["purpose~label"] == rows["purpose~label"]
            # What was known of it before it arrived as text.
            assert told["x~label"].estimate.n < rows["x~label"].estimate.n
            assert "x~label" not in found(mended, 2)
    for number in range(3):
        mine, theirs = found(mended, number), found(sound, number)
        assert mine.keys() == theirs.keys() == {"", "x~label", "purpose~label"}
        for name, row in theirs.items():
            assert mine[name].estimate.n == row.estimate.n
            assert mine[name].estimate.value == pytest.approx(row.estimate.value, abs=1e-12)


def test_a_feature_that_arrives_wrong_takes_nothing_back_from_days_whose_labels_are_in(
    worlds: Any, measure: Any
) -> None:
    world = worlds(days=11, dataset=ON)
    for number in range(8):
        measure(world.monitor(), world.run(number))
    ledger, key, outcomes = world.store.ledger, world.spec.key, world.spec.labels[0].name
    before, told, source = world.revisions(), found(world, 0), ledger.days(key, outcomes)[world.day(0)]
    assert told["x~label"].status is Status.OK
    wrong(world, 8)
    for number in (8, 9, 10):
        measure(world.monitor(), world.run(number))
        assert found(world, 0) == told
        assert ledger.days(key, outcomes)[world.day(0)] == source
    assert not [day for _, _, day in world.grown(before) if day == f"{world.day(0).start:%m-%d}"]
    # Read again as long as it is wrong, and nothing is added for it.
    parts = ledger.parts_of(key, outcomes, ledger.days(key, outcomes))
    measure(world.monitor(), world.run(10))
    assert ledger.parts_of(key, outcomes, ledger.days(key, outcomes)) == parts


def test_what_a_day_told_of_a_feature_goes_with_its_rows(worlds: Any, measure: Any) -> None:
    world = worlds(days=8, dataset=ON)
    for number in range(7):
        measure(world.monitor(), world.run(number))
    assert "x~label" in found(world, 0)
    wrong(world, 0)
    measure(world.monitor(), world.run(7))
    assert set(found(world, 0)) == {"", "purpose~label"}


def test_what_else_is_measured_stays_as_it_is_without(worlds: Any, measure: Any) -> None:
    rows: list[dict[Any, Measurement]] = []
    dataset = {"columns": STRATIFIED, "slice_by": "purpose"}
    for more in ({}, ON):
        world = worlds(days=3, rows=120, dataset=dataset | more)
        for number in range(3):
            measure(world.monitor(), world.run(number))
        current = world.store.current(world.spec.key)
        kept = [r for r in current if r.measurement.metric != NAME]
        assert len(kept) < len(current) or not more
        rows.append({_named(r): r.measurement for r in kept})
    assert rows[0] == rows[1]


def _named(r: Recorded) -> tuple[Any, ...]:
    m = r.measurement
    return r.head.family, r.head.dataset, r.head.window, m.metric, m.column, m.slice, m.parameters


def test_a_chart_watches_each_feature_and_not_the_largest(worlds: Any, measure: Any) -> None:
    world = worlds(days=1, dataset=ON, policy={"charts": [NAME]})
    measure(world.monitor(), world.run(0, hours=144))
    assert set(found(world, 0)) == {"", "x~label", "purpose~label"}
    [chart] = charted(world.spec, world.store.current(world.spec.key, metrics={NAME}))
    assert [part.parameters for part in chart.names] == ["purpose~label", "x~label"]
    document = world.spec.document()
    for asked, message in (
        ({"slices": True}, "is measured of the whole only; leave slices out"),
        ({"columns": ["x"]}, "is of each feature with the label, all together; leave columns and importance out"),
    ):
        with pytest.raises(SpecError, match=message):
            MonitorSpec.from_document({**document, "policy": {"charts": [{"metric": NAME, **asked}]}})


@pytest.mark.parametrize("name", [f"naive.{NAME}", f"cbpe.{NAME}", f"weighted_{NAME}", "final.label_drift"])
def test_what_compares_labels_with_the_references_has_no_other_basis(worlds: Any, name: str) -> None:
    document = worlds(days=1, dataset={**ON, "columns": {**STRATIFIED, "weight": {"role": "weight"}}}).spec.document()
    for policy in ({"rules": [{"metric": name, "max": 0.1, "action": "alert"}]}, {"charts": [name]}):
        with pytest.raises(UnknownName):
            MonitorSpec.from_document({**document, "policy": policy})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dataset": {}}, f"'{NAME}' needs label_moments: true of a dataset; declare it"),
        ({"outcomes": TOTALS}, "labels are totals, and none tells the label of a row"),
        ({"dataset": {**ON, "columns": {"score": {"role": "score"}}}}, "no declared column is a feature"),
        ({"task": {"kind": "ranking"}}, "a row of a ranking task has no one label that features go with"),
        ({"rule": {"parameters": "y~label"}}, r"unknown pair 'y~label'.*x~label"),
        (
            {"rule": {"columns": ["x"]}},
            "is of each feature with the label, all together.*name one by parameters: x~label",
        ),
        ({"reference": {"label": None}}, "the reference has no labels to compare with; say which column"),
        (
            {"second": True},
            "datasets.other.label_moments: the dataset has no labels that features could go with; declare where",
        ),
    ],
)
def test_what_cannot_be_told_is_refused_with_its_field(worlds: Any, changes: dict[str, Any], message: str) -> None:
    document = worlds(days=1).spec.document()
    document["datasets"][0] |= ON | changes.get("dataset", {})
    if changes.get("dataset") == {}:
        document["datasets"][0].pop("label_moments")
    document["labels"][0] |= changes.get("outcomes", {})
    document["task"] = changes.get("task", document["task"])
    document["reference"] |= changes.get("reference", {})
    if changes.get("second"):
        document["datasets"].append({**document["datasets"][0], "name": "other"})
    document["policy"] = {"rules": [{**RULE, **changes.get("rule", {})}]}
    with pytest.raises((SpecError, UnknownName), match=f"(?i){message}"):
        MonitorSpec.from_document(document)


def test_the_same_monitor_without_labels_is_no_error(worlds: Any, measure: Any) -> None:
    world = worlds(days=1, dataset=ON)
    bare = replace(world.spec, labels=(), reference=replace(world.spec.reference, label=None))
    measure(world.monitor(bare), world.run(0))
    told = {row.measurement.metric for row in world.store.current(bare.key)}
    assert "psi" in told
    assert NAME not in told
