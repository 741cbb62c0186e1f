"""A monitor of several classes, from the spec to the store: what scikit-learn says of the labels that were known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sklearn.metrics as oracle
import yaml

from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.measurement import Family, Status, base_of
from airflow_ml_monitor.monitor.freezing import freeze
from airflow_ml_monitor.monitor.judgement import decide
from airflow_ml_monitor.monitor.performance import performance
from airflow_ml_monitor.monitor.spec import MonitorSpec
from airflow_ml_monitor.onboarding.finding import Level
from airflow_ml_monitor.onboarding.preflight import preflight
from airflow_ml_monitor.profile.dataset import Column, Role
from airflow_ml_monitor.profile.task import Task, TaskKind
from airflow_ml_monitor.report.page import report

CLASSES = ["bus", "car", "train"]
SCORES = {f"p_{name}": {"role": "score", "of": name} for name in CLASSES}
COLUMNS = {
    "x": "numeric",
    "purpose": "categorical",
    **SCORES,
    "model_version": {"kind": "categorical", "role": "version"},
}
TASK = {"kind": "multiclass", "classes": CLASSES}


def scored(frame: pd.DataFrame, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    """The rows with chances of three classes, and labels drawn by them."""
    rng = np.random.default_rng(seed)
    p = np.exp(1.5 * rng.normal(size=(len(frame), 3)))
    p /= p.sum(axis=1, keepdims=True)
    truth = np.array(CLASSES, object)[(p.cumsum(axis=1) > rng.random((len(p), 1))).argmax(axis=1)]
    return frame.drop(columns="score").assign(**dict(zip(SCORES, p.T, strict=True))), truth


@pytest.fixture
def journeys(worlds: Callable[..., Any]) -> Callable[..., Any]:
    """Makes worlds of three classes; on day `new_class` a fifth of the labels is of one that nobody declared."""

    def make(*, new_class: int = 99, **changes: Any) -> Any:
        dataset = {"columns": COLUMNS, "slice_by": "purpose"}
        world = worlds(days=4, task=TASK, dataset=dataset, outcomes={"horizon": "7d"}, contract=None, **changes)
        path = world.root / "reference.parquet"
        reference, truth = scored(pd.read_parquet(path).drop(columns="y"), 7)
        reference.assign(y=truth).to_parquet(path)
        world.predictions, truth = scored(world.predictions, 8)
        truth[4::9] = None
        late = world.predictions["at"] >= world.day(new_class).start if new_class < 99 else None
        if late is not None:
            truth[late.to_numpy().nonzero()[0][::5]] = "tram"
        by_id = pd.Series(truth, index=world.predictions["id"])
        world.labels["y"] = by_id[world.labels["id"]].to_numpy()
        for number in range(world.days):
            world.write_day(number)
        world.write_labels()
        return world

    return make


def known_values(rows: Any) -> dict[tuple[str, str, Any], tuple[float, int]]:
    """{(metric, parameters, slice): (value, n)} of the labels at hand: naive until they are final."""
    found = [m for m in rows if m.estimate is not None and m.status is not Status.FAILED]
    ordered = sorted(found, key=lambda m: m.metric.startswith("naive."))
    return {(base_of(m.metric), m.parameters, m.slice): (m.estimate.value, m.estimate.n) for m in ordered}


def test_values_are_those_of_scikit_learn_on_the_labels_known(
    journeys: Callable[..., Any], measure: Callable[..., int]
) -> None:
    named = ["accuracy", "log_loss", "matthews_correlation", "f1", "recall", "top_k_accuracy", "label_rate"]
    world = journeys(measurements=named)  # all that is named is given before labels are final
    monitor = world.monitor()
    for number in range(world.days):
        measure(monitor, world.run(number))
    compared = 0
    for number in range(world.days):
        moment = world.run(number).known_at
        for day in range(number + 1):
            known = world.known(world.day(day), moment)
            if len(known) < 20:
                continue
            y, p = known["y"], known[list(SCORES)].to_numpy()
            guess = np.array(CLASSES)[p.argmax(axis=1)]
            expected = {
                ("accuracy", ""): oracle.accuracy_score(y, guess),
                ("log_loss", ""): oracle.log_loss(y, p, labels=CLASSES),
                ("matthews_correlation", ""): oracle.matthews_corrcoef(y, guess),
                ("f1", "average=macro"): oracle.f1_score(y, guess, average="macro", labels=CLASSES),
                ("recall", "class=car"): oracle.recall_score(y, guess, average=None, labels=["car"])[0],
                ("top_k_accuracy", "k=2"): oracle.top_k_accuracy_score(y, p, k=2, labels=CLASSES),
                ("label_rate", "class=undeclared"): 0.0,
            }
            found = known_values(performance(monitor, world.day(day), moment))
            for (metric, parameters), value in expected.items():
                assert found[metric, parameters, ()][0] == pytest.approx(value, rel=1e-9), metric
            assert found["accuracy", "", ()][1] == len(known)
            compared += 1
    assert compared >= 6


def test_what_is_stored_when_labels_are_final_is_what_they_say(
    journeys: Callable[..., Any], measure: Callable[..., int]
) -> None:
    world = journeys()
    monitor = world.monitor()
    for number in range(world.days):
        measure(monitor, world.run(number, hours=24 * 14))
    rows = world.store.current(monitor.key, families=[Family.PERFORMANCE])
    for number in range(world.days):
        window = world.day(number)
        found = known_values(r.measurement for r in rows if r.head.window == window and r.head.stage == "production")
        known = world.known(window, world.run(number, hours=24 * 14).known_at)
        guess = np.array(CLASSES)[known[list(SCORES)].to_numpy().argmax(axis=1)]
        mine = (known["purpose"] == "car").to_numpy()
        accuracy = pytest.approx((known["y"] == guess)[mine].mean())
        assert found["accuracy", "", (("purpose", "car"),)] == (accuracy, mine.sum())
        for average in ("macro", "weighted"):
            expected = oracle.precision_score(known["y"], guess, average=average)
            assert found["precision", f"average={average}", ()] == (pytest.approx(expected), len(known))
        assert not [key for key in found if key[0].startswith("naive")]


def test_a_class_that_nobody_declared_is_told_and_a_rule_may_name_one_class(
    journeys: Callable[..., Any], measure: Callable[..., int]
) -> None:
    rules = [
        {"name": "new class", "metric": "label_rate", "parameters": "class=undeclared", "max": 0.02, "action": "alert"},
        {"name": "cars", "metric": "recall", "parameters": "class=car", "min": 0.99, "action": "retrain"},
        {"name": "of the past", "metric": "accuracy", "fall": 0.05, "action": "alert"},
    ]
    world = journeys(new_class=2, policy={"rules": rules})
    monitor = world.monitor()
    for number in range(world.days):
        measure(monitor, world.run(number, hours=24 * 14))
    decision = decide(monitor, world.run(world.days - 1, hours=24 * 14))
    alarms = {(alarm["rule"], alarm["window"][:10]) for alarm in decision.evidence["alarms"]}
    new = {str(world.day(number))[:10] for number in (2, 3)}
    assert {day for rule, day in alarms if rule == "new class"} == new
    assert {day for rule, day in alarms if rule == "cars"} == {str(world.day(number))[:10] for number in range(4)}
    texts = [alarm["text"] for alarm in decision.evidence["alarms"] if alarm["rule"] == "cars"]
    assert all(text.startswith("recall [class=car]") for text in texts)
    assert decision.action == "retrain"


def document(**task: Any) -> dict[str, Any]:
    columns = task.pop("columns", {"x": "numeric", **SCORES})
    dataset = {"name": "p", "source": "p", "event_time": "at", "entity_key": "id", "columns": columns}
    return {
        "name": "journeys",
        "task": {**TASK, **task},
        "datasets": [dataset],
        "labels": {"name": "y", "source": "y", "key": "id", "label": "y"},
        "reference": "r",
    }


def test_yaml_python_and_the_stored_document_give_the_same_spec(tmp_path: Path) -> None:
    (tmp_path / "journeys.yaml").write_text(yaml.safe_dump(document(), sort_keys=False))
    spec = MonitorSpec.from_yaml(tmp_path / "journeys.yaml")
    assert spec.task == Task(TaskKind.MULTICLASS, classes=("bus", "car", "train"))
    assert spec.dataset().columns[1] == Column("p_bus", role=Role.SCORE, of="bus")
    assert MonitorSpec.from_document(spec.document()) == spec


def test_the_class_may_be_read_from_a_column_with_scores_or_without() -> None:
    decided = {"decided": {"kind": "categorical", "role": "prediction"}}
    for columns in (decided, {**decided, **SCORES}, SCORES):
        assert MonitorSpec.from_document(document(columns=columns)).task.class_names == ("bus", "car", "train")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"classes": []}, r"^task.classes: a multiclass task names its classes"),
        ({"classes": ["a", "b"]}, r"^task.classes: 2 are too few for multiclass; use kind: binary"),
        ({"classes": ["a", "b", "a"]}, r"^task.classes: declared twice: a"),
        ({"classes": [1, "1", 2]}, r"^task.classes: declared twice: 1"),
        ({"classes": [True, "b", "c"]}, r"^task.classes: True is true or false, no class"),
        ({"classes": ["a", "b", "undeclared"]}, r"^task.classes: 'undeclared' is what classes are called"),
        ({"classes": list(range(101))}, r"^task.classes: 101 are more than 100"),
        ({"kind": "binary"}, r"^task.classes: a binary task has no classes; set kind: multiclass"),
        (
            {"columns": {name: SCORES[name] for name in ("p_bus", "p_train")}},
            r"^datasets.p.columns: no column holds the score of 'car'; declare one of role score for every class",
        ),
        (
            {"columns": {**SCORES, "q": {"role": "score", "of": "car"}}},
            r"^datasets.p.columns: two columns hold the score of class 'car'",
        ),
        (
            {"columns": {**SCORES, "q": {"role": "score", "of": "tram"}}},
            r"^datasets.p.columns.q.of: 'tram' is none of the classes bus, car, train",
        ),
        ({"columns": {**SCORES, "q": {"role": "score"}}}, r"^datasets.p.columns.q.of: '' is none of the classes"),
        (
            {"columns": {**SCORES, "q": {"of": "car"}}},
            r"^datasets.p.columns.q.of: only a score of several classes is of one of them",
        ),
        ({"columns": {"x": "numeric"}}, r"^datasets.p.columns: labels need a column with role 'prediction'"),
    ],
)
def test_a_task_that_cannot_work_is_refused_before_data_is_read(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(SpecError, match=told):
        MonitorSpec.from_document(document(**changes))


def test_a_binary_score_is_of_no_class() -> None:
    columns = {"score": {"role": "score", "of": "car"}}
    with pytest.raises(SpecError, match=r"^datasets.p.columns.score.of: only a score of several classes"):
        MonitorSpec.from_document({**document(columns=columns), "task": "binary"})


def test_the_check_before_the_first_run_knows_the_classes(journeys: Callable[..., Any]) -> None:
    world = journeys()
    told = {finding.field: finding for finding in preflight(world.spec)}
    assert not [finding for finding in told.values() if finding.level is Level.ERROR]
    assert told["task.classes"].what.startswith("100.0% of ")
    world.labels.loc[world.labels.index[:60], "y"] = "tram"
    reference = pd.read_parquet(world.root / "reference.parquet")
    reference.assign(p_car=reference["p_car"] * 3).to_parquet(world.root / "reference.parquet")
    world.write_labels()
    told = {finding.field: finding for finding in preflight(world.spec)}
    assert told["task.classes"].level is Level.WARNING
    assert "undeclared" in told["task.classes"].remedy
    assert "outside [0, 1]" in told["datasets.predictions.columns.p_car"].what


def test_the_page_of_several_classes_is_drawn(journeys: Callable[..., Any], measure: Callable[..., int]) -> None:
    world = journeys()
    monitor, last = world.monitor(), world.run(world.days - 1, hours=24 * 14)
    for number in range(world.days):
        measure(monitor, world.run(number, hours=24 * 14))
    decide(monitor, last)
    page = report(world.store, monitor.key)
    assert "recall [class=car]" in page
    assert "Share of labels known by age" in page


def test_a_reference_whose_scores_change_places_is_another_one(journeys: Callable[..., Any]) -> None:
    world = journeys()
    dataset, moment = world.spec.dataset(), world.run(0).known_at
    place = {"bus": "car", "car": "bus", "train": "train", "": ""}
    turned = tuple(replace(column, of=place[str(column.of)]) for column in dataset.columns)
    other = world.monitor(replace(world.spec, datasets=(replace(dataset, columns=turned),)))
    first = freeze(world.monitor(), moment)
    assert freeze(world.monitor(), moment, again=True) == first
    assert freeze(other, moment, again=True) != first


def test_parameters_that_a_metric_never_has_are_told_with_those_it_has(journeys: Callable[..., Any]) -> None:
    rules = [
        {"name": name, "metric": "recall", "parameters": parameters, "min": 0.01, "action": "alert"}
        for name, parameters in (("another's", "k=2"), ("right", "class=car"))
    ]
    told = {finding.field: finding for finding in preflight(journeys(policy={"rules": rules}).spec)}
    wrong = told["policy.rules.another's.parameters"]
    assert wrong.level is Level.ERROR
    assert wrong.what.startswith("'k=2' is never measured; recall has average=macro, average=weighted, class=")
    assert told["policy.rules.right"].level is Level.OK
