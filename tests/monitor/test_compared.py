"""A model is compared with something simpler and with what it once reached: from the spec to the decision."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.metrics import accuracy_score, brier_score_loss, log_loss

from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.measurement import Family, Status
from airflow_ml_monitor.monitor.freezing import freeze
from airflow_ml_monitor.monitor.judgement import decide
from airflow_ml_monitor.monitor.performance import performance
from airflow_ml_monitor.monitor.spec import MonitorSpec
from airflow_ml_monitor.onboarding.finding import Level
from airflow_ml_monitor.onboarding.preflight import preflight
from airflow_ml_monitor.report.page import report
from airflow_ml_monitor.store.records import REFERENCE_STAGE

COLUMNS = {
    "x": "numeric",
    "purpose": "categorical",
    "score": {"role": "score"},
    "old_score": {"role": "baseline"},
    "model_version": {"kind": "categorical", "role": "version"},
}


def with_old_score(rows: pd.DataFrame, seed: int) -> pd.DataFrame:
    """What the old champion made of the rows: it saw less, and nothing at all of one in eleven."""
    rng = np.random.default_rng(seed)
    old = 1 / (1 + np.exp(-0.5 * rows["x"] + rng.normal(size=len(rows))))
    return rows.assign(old_score=old.mask(np.arange(len(rows)) % 11 == 0))


@pytest.fixture
def championed(worlds: Callable[..., Any]) -> Callable[..., Any]:
    """Makes worlds whose predictions carry the old champion's score; better: on which day it would have been better."""

    def make(*, better: int = 99, **changes: Any) -> Any:
        dataset = {"columns": COLUMNS, "slice_by": "purpose"}
        world = worlds(days=5, rows=300, dataset=dataset, contract=None, **changes)
        path = world.root / "reference.parquet"
        with_old_score(pd.read_parquet(path), 3).to_parquet(path)
        world.predictions = with_old_score(world.predictions, 4)
        late = world.predictions["at"] >= world.day(better).start if better < 99 else None
        if late is not None:
            truth = world.labels.set_index("id")["y"].reindex(world.predictions["id"]).to_numpy()
            world.predictions.loc[late, "old_score"] = np.where(truth == 1, 0.8, 0.2)[late]
        for number in range(world.days):
            world.write_day(number)
        return world

    return make


def recomputed(known: pd.DataFrame) -> dict[str, tuple[float, int]]:
    """From the rows with a known label, by scikit-learn."""
    y, score = known["y"].to_numpy(), known["score"].to_numpy()
    blind = np.zeros((len(known), 1))
    prior = DummyClassifier(strategy="prior").fit(blind, y).predict_proba(blind)[:, 1]
    most = DummyClassifier(strategy="most_frequent").fit(blind, y).predict(blind)
    found = {
        "accuracy_over_majority": (accuracy_score(y, score >= 0.5) - accuracy_score(y, most), len(known)),
        "brier_skill": (1 - brier_score_loss(y, score) / brier_score_loss(y, prior), len(known)),
        "log_loss_skill": (1 - log_loss(y, score) / log_loss(y, prior), len(known)),
    }
    both = known[known["old_score"].notna()]
    y, score, old = (both[name].to_numpy() for name in ("y", "score", "old_score"))
    gains = {
        "accuracy_gain": accuracy_score(y, score >= 0.5) - accuracy_score(y, old >= 0.5),
        "brier_gain": brier_score_loss(y, old) - brier_score_loss(y, score),
        "log_loss_gain": log_loss(y, old) - log_loss(y, score),
    }
    return {**found, **{name: (value, len(both)) for name, value in gains.items()}}


def test_gains_and_skill_are_those_of_the_rows_whose_label_was_known(
    championed: Any, measure: Any, stored: Any, values: Any
) -> None:
    names = ["accuracy_gain", "brier_gain", "log_loss_gain", "accuracy_over_majority", "brier_skill", "log_loss_skill"]
    world = championed(measurements=names)
    monitor = world.monitor()
    for number in (1, 0, 4, 2, 3):
        measure(monitor, world.run(number, hours=24))
    compared = 0
    for number in range(world.days):
        moment = world.run(number, hours=24).known_at
        for window in stored(world.store, monitor.key, as_of=moment):
            found = values(performance(monitor, window, moment))
            for name, (value, n) in recomputed(world.known(window, moment)).items():
                # Skills of labels that are not all in are estimated, which is not asked here.
                assert not name.endswith("_gain") or found[name] == (pytest.approx(value, abs=1e-9), n), name
            compared += 1
    assert compared >= 12
    late = world.run(4, hours=24 * 9)
    measure(monitor, late)
    for window, found in stored(world.store, monitor.key, as_of=late.known_at).items():
        for name, (value, n) in recomputed(world.known(window, late.known_at)).items():
            assert found[name] == (pytest.approx(value, abs=1e-6), n), name


RULE = {"name": "the old one was better", "metric": "brier_gain", "min": 0, "action": "roll_back"}


def test_a_model_that_is_surely_worse_than_what_it_replaced_is_rolled_back(championed: Any, measure: Any) -> None:
    world = championed(better=3, policy={"rules": [RULE]})
    monitor = world.monitor()
    made = []
    for number in range(world.days):
        run = world.run(number, hours=24 * 6)
        measure(monitor, run)
        made.append(decide(monitor, run))
    assert [d.action.value for d in made] == ["none", "none", "none", "roll_back", "wait"]
    assert "brier_gain of v1 -0." in made[3].because
    page = report(world.store, monitor.key)
    assert "brier_gain" in page


def test_without_a_baseline_nothing_is_said_of_one(world: Any, measure: Any) -> None:
    measure(world.monitor(), world.run(0))
    found = {r.measurement.metric for r in world.store.current(world.spec.key)}
    assert "brier_skill" in found
    assert not [name for name in found if "_gain" in name]


def benchmarked(world: Any, benchmark: dict[str, Any], label: str | None = None) -> MonitorSpec:
    """The world's spec with a benchmark and a rule that is relative to it."""
    document = world.spec.document()
    document["reference"] |= {"label": label, "benchmark": benchmark}
    rule = {"metric": "accuracy", "fall": 0.03, "action": "alert"}
    return MonitorSpec.from_document({**document, "policy": {"rules": [rule]}})


def test_a_bound_is_relative_to_the_benchmark_where_the_reference_has_no_label(world: Any, measure: Any) -> None:
    monitor = world.monitor(benchmarked(world, {"accuracy": 0.9}))
    run = world.run(0, hours=24 * 6)
    measure(monitor, run)
    decision = decide(monitor, run)
    assert decision.action.value == "alert"
    assert "below 0.87 (reference 0.9)" in decision.because
    (row,) = world.store.current(monitor.key, stage=REFERENCE_STAGE, families=[Family.PERFORMANCE])
    assert (row.measurement.status, row.measurement.reason) == (Status.OK, "stated as the benchmark")
    assert (row.measurement.estimate.value, row.measurement.estimate.n) == (0.9, 0)


def test_a_model_that_holds_its_benchmark_is_left_alone(world: Any, measure: Any) -> None:
    monitor = world.monitor(benchmarked(world, {"accuracy": 0.6}))
    run = world.run(0, hours=24 * 6)
    measure(monitor, run)
    assert decide(monitor, run).action.value == "none"


def test_a_benchmark_takes_the_place_of_what_the_references_labels_say_and_leaves_the_others(world: Any) -> None:
    monitor = world.monitor(benchmarked(world, {"accuracy": 0.95}, label="y"))
    freeze(monitor, world.run(0).known_at)
    found = world.store.current(monitor.key, stage=REFERENCE_STAGE, families=[Family.PERFORMANCE], whole=True)
    by_metric = {r.measurement.metric: r.measurement.estimate for r in found if not r.measurement.parameters}
    assert (by_metric["accuracy"].value, by_metric["accuracy"].n) == (0.95, 0)
    assert by_metric["roc_auc"].n == 1500


def test_another_benchmark_is_another_reference(world: Any) -> None:
    moment = world.run(0).known_at
    first = freeze(world.monitor(benchmarked(world, {"accuracy": 0.9})), moment)
    assert freeze(world.monitor(benchmarked(world, {"accuracy": 0.8})), moment) == first
    again = freeze(world.monitor(benchmarked(world, {"accuracy": 0.8})), moment, again=True)
    assert again != first


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"benchmark": {"acuracy": 0.9}}, ["reference.benchmark", "'acuracy'", "accuracy"]),
        ({"benchmark": {"psi": 0.1}}, ["reference.benchmark", "'psi'"]),
        ({"benchmark": {"accuracy": "good"}}, ["reference.benchmark", "'good'"]),
        ({"baseline": {"kind": "datetime"}}, ["datasets.predictions.columns.old_score.kind", "a baseline is no time"]),
        ({"task": "regression", "baseline": {"kind": "categorical"}}, ["a regression's baseline is a number"]),
        ({"more": {"x": {"role": "baseline"}}}, ["x, old_score are all baselines", "keep one"]),
    ],
)
def test_what_is_wrong_is_told_when_the_spec_is_read(world: Any, changes: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(SpecError) as caught:
        MonitorSpec.from_document(changed(world, changes))
    for word in words:
        assert word in str(caught.value)


def changed(world: Any, changes: dict[str, Any]) -> dict[str, Any]:
    """The world's document, with a baseline and a benchmark."""
    document = world.spec.document()
    columns = {**COLUMNS, "old_score": {"role": "baseline", **changes.get("baseline", {})}, **changes.get("more", {})}
    if changes.get("task") == "regression":
        columns["score"] = {"role": "prediction"}
    document["datasets"][0]["columns"] = columns
    document["reference"]["benchmark"] = changes.get("benchmark", {})
    return {**document, "task": changes.get("task", "binary")}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"reference": {"benchmark": {"mae": 3.0}}}, ["reference.benchmark.mae", "mae is for regression", "binary"]),
        (
            {"reference": {"benchmark": {"accuracy": 90}}},
            ["reference.benchmark.accuracy", "90.0 is outside"],
        ),
        (
            {"reference": {"benchmark": {"recall": {"class=a": 0.9}}}},
            ["reference.benchmark.recall", "a binary task have no 'class=a'"],
        ),
        ({"measurements": ["brier_gain"]}, ["measurements", "'brier_gain' needs a column of role baseline"]),
        (
            {"policy": {"rules": [RULE]}},
            ["policy.rules.the old one was better.metric", "needs a column of role baseline"],
        ),
    ],
)
def test_what_no_task_or_column_of_the_spec_has_is_told_before_data_is_read(
    world: Any, changes: dict[str, Any], words: list[str]
) -> None:
    document = world.spec.document()
    document["reference"] |= {"source": "nowhere.parquet", **changes.pop("reference", {})}
    with pytest.raises(SpecError) as caught:
        freeze(world.monitor(MonitorSpec.from_document({**document, **changes})), world.run(0).known_at)
    for word in words:
        assert word in str(caught.value)


def test_a_preflight_reads_a_bound_against_the_benchmark(world: Any) -> None:
    found = {f.field: f for f in preflight(benchmarked(world, {"accuracy": 0.9}))}
    rule = found["policy.rules.accuracy"]
    assert (rule.level, rule.what) == (Level.OK, "the benchmark is 0.9; an alarm is below 0.87")
    assert "stated as the benchmark, of accuracy" in found["reference.label"].what
    without = {f.field: f for f in preflight(benchmarked(world, {"brier": 0.1}))}
    assert without["policy.rules.accuracy"].level is Level.ERROR
