"""Payoff, weights and thresholds, from the spec to the store and the decision, as of any day; amounts declared late."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sklearn.metrics as oracle

from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.measurement import Family, Status, base_of
from airflow_ml_monitor.monitor.judgement import decide
from airflow_ml_monitor.monitor.label_ledger import LabelTask, label_tasks, update
from airflow_ml_monitor.monitor.performance import measure_performance, performance
from airflow_ml_monitor.monitor.run import Monitor
from airflow_ml_monitor.monitor.spec import MonitorSpec
from airflow_ml_monitor.onboarding.finding import Level
from airflow_ml_monitor.onboarding.preflight import preflight
from airflow_ml_monitor.profile.codec import decode_entries, encode_entries
from airflow_ml_monitor.profile.dataset import Role
from airflow_ml_monitor.report.page import report
from airflow_ml_monitor.store.records import REFERENCE_STAGE

COLUMNS = {
    "x": "numeric",
    "purpose": "categorical",
    "score": {"role": "score"},
    "model_version": {"kind": "categorical", "role": "version"},
    "price": {"role": "amount"},
    "w": {"role": "weight"},
}
PAYOFF = {
    "true_positive": {"per_row": -1, "of_amount": 0.2},
    "false_positive": -4,
    "false_negative": {"of_amount": -0.5},
}
TASK = {"kind": "binary", "payoff": PAYOFF, "thresholds": [0.3, 0.7]}
MEASURED = ["profit", "recall", "recall_at_threshold", "precision_at_threshold", "weighted_recall", "weighted_roc_auc"]
CAR = (("purpose", "car"),)


def priced(frame: pd.DataFrame, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return frame.assign(price=rng.lognormal(3, 0.7, len(frame)), w=rng.exponential(1, len(frame)))


@pytest.fixture
def shops(worlds: Callable[..., Any]) -> Callable[..., Any]:
    """Makes worlds whose predictions, and reference, have a price and a weight."""

    def make(*, task: Any = TASK, dataset: Any = None, **changes: Any) -> Any:
        dataset = {"columns": COLUMNS, "slice_by": "purpose", **(dataset or {})}
        world = worlds(days=4, task=task, dataset=dataset, outcomes={"horizon": "7d"}, contract=None, **changes)
        path = world.root / "reference.parquet"
        priced(pd.read_parquet(path), 7).to_parquet(path)
        world.predictions = priced(world.predictions, 8)
        for number in range(world.days):
            world.write_day(number)
        return world

    return make


def expected(known: pd.DataFrame) -> dict[tuple[str, str], float]:
    """By pandas and scikit-learn on the rows."""
    y, score, price, w = known["y"], known["score"], known["price"], known["w"]
    yes = score >= 0.5
    worth = np.select([(y == 1) & yes, (y == 0) & yes, (y == 1) & ~yes], [0.2 * price - 1, -4.0, -0.5 * price], 0.0)
    return {
        ("profit", ""): worth.mean(),
        ("recall_at_threshold", "threshold=0.3"): oracle.recall_score(y, score >= 0.3),
        ("recall_at_threshold", "threshold=0.7"): oracle.recall_score(y, score >= 0.7),
        ("precision_at_threshold", "threshold=0.7"): oracle.precision_score(y, score >= 0.7),
        ("weighted_recall", ""): oracle.recall_score(y, yes, sample_weight=w),
    }


def values(rows: Any, slice: Any = (), basis: str = "") -> dict[tuple[str, str], float]:
    """{(metric, parameters): value} of those that have one."""
    mine = [m for m in rows if m.slice == slice and m.status is Status.OK and m.metric.startswith(basis)]
    return {(m.metric.removeprefix(basis), m.parameters): m.estimate.value for m in mine}


def test_as_of_any_day_they_are_what_the_labels_known_by_then_say(shops: Any, measure: Any) -> None:
    world = shops(measurements=MEASURED)
    monitor, compared = world.monitor(), 0
    for number in range(world.days):
        measure(monitor, world.run(number))
    for number in range(world.days):
        moment = world.run(number).known_at
        for day in range(number + 1):
            known = world.known(world.day(day), moment)
            if len(known) < 20:
                continue
            rows = performance(monitor, world.day(day), moment)
            found = values(rows, basis="naive.") or values(rows)
            for key, value in expected(known).items():
                assert found[key] == pytest.approx(value, rel=1e-9), key
            area = oracle.roc_auc_score(known["y"], known["score"], sample_weight=known["w"])
            assert found["weighted_roc_auc", ""] == pytest.approx(area, abs=0.01)
            compared += 1
    assert compared >= 6


def test_what_is_stored_when_labels_are_final_is_what_they_say_in_slices_too(
    shops: Any, measure: Any, history: Any
) -> None:
    world = shops(measurements=MEASURED)
    other = world.monitor(store=world.new_store("other"))
    for number in range(world.days):
        measure(world.monitor(), world.run(number, hours=24 * 14))
        measure(other, world.run(world.days - 1 - number, hours=24 * 14))
    rows = world.store.current(world.spec.key, families=[Family.PERFORMANCE])
    for number in range(world.days):
        found = [r.measurement for r in rows if r.head.window == world.day(number) and r.head.stage == "production"]
        known = world.known(world.day(number), world.run(number, hours=24 * 14).known_at)
        for slice, mine in (((), known), (CAR, known[known["purpose"] == "car"])):
            here = values(found, slice)
            for key, value in expected(mine).items():
                assert here[key] == pytest.approx(value, rel=1e-9), key
    reference = values([r.measurement for r in world.store.current(world.spec.key, stage=REFERENCE_STAGE)])
    past = pd.read_parquet(world.root / "reference.parquet")
    assert reference["profit", ""] == pytest.approx(expected(past)["profit", ""])
    assert reference["recall_at_threshold", "threshold=0.7"] == pytest.approx(
        oracle.recall_score(past["y"], past["score"] >= 0.7)
    )
    assert reference["weighted_recall", ""] == pytest.approx(expected(past)["weighted_recall", ""])


def test_rules_name_them_and_the_page_and_the_preflight_know_them(shops: Any, measure: Any) -> None:
    rules = [
        {"metric": "profit", "fall_share": 0.5, "action": "retrain"},
        {"metric": "recall_at_threshold", "parameters": "threshold=0.7", "min": 0.2, "least_n": 10},
        {"metric": "weighted_recall", "fall": 0.1},
    ]
    world = shops(policy={"rules": rules, "overlook": ["labels_inverted", "score_inverted"]})
    assert not [f for f in preflight(world.spec) if f.level is Level.ERROR]
    # From day 2 on the model ranks the wrong way round.
    late = world.predictions["at"] >= world.day(2).start
    world.predictions.loc[late, "score"] = 1 - world.predictions.loc[late, "score"]
    for number in range(world.days):
        world.write_day(number)
        measure(world.monitor(), world.run(number, hours=24 * 14))
    decision = decide(world.monitor(), world.run(3, hours=24 * 14))
    assert decision.action == "retrain"
    broken = {(alarm["rule"], alarm["window"][:10]) for alarm in decision.evidence["alarms"]}
    days = [f"{world.day(n).start:%Y-%m-%d}" for n in (2, 3)]
    assert broken == {(rule["metric"], day) for rule in rules for day in days}
    assert any("recall_at_threshold [threshold=0.7]" in alarm["text"] for alarm in decision.evidence["alarms"])
    page = report(world.store, world.spec.key)
    assert "profit" in page
    assert "recall_at_threshold [threshold=0.3]" in page


def test_a_rule_on_a_weighted_metric_that_cannot_be_is_found_before_the_first_run(shops: Any) -> None:
    world = shops(policy={"rules": [{"metric": "weighted_lift", "min": 1}]})
    (found,) = [f for f in preflight(world.spec) if f.level is Level.ERROR]
    assert "unknown metric 'weighted_lift'" in str(found)


def test_what_no_amount_decides_is_estimated_while_labels_are_awaited(shops: Any, measure: Any) -> None:
    world = shops(task={"kind": "binary", "payoff": {"true_positive": 5, "false_negative": -5}})
    for number in range(world.days):
        measure(world.monitor(), world.run(number))
    said = world.store.current(world.spec.key, families=[Family.ESTIMATE], metrics={"cbpe.profit"})
    assert {r.measurement.status for r in said} == {Status.OK}


def declared_late(world: Any) -> tuple[MonitorSpec, MonitorSpec]:
    """The spec before, to which `price` is a feature like others, and after."""
    columns = [replace(c, role=Role.FEATURE) if c.name == "price" else c for c in world.spec.datasets[0].columns]
    before = replace(
        world.spec,
        task=replace(world.spec.task, payoff=None),
        datasets=(replace(world.spec.datasets[0], columns=tuple(columns)),),
    )
    return before, world.spec


def brought_forward(world: Any, monitor: Monitor) -> LabelTask:
    """The ledger as it is when the runs of three days died before they measured their windows."""
    for number in range(3):
        run = world.run(number)
        (task,) = label_tasks(monitor.at(run.window, run.known_at), run)
        update(task)
    return task


@pytest.mark.parametrize("is_nameless", [False, True], ids=["named", "bytes of before sums had names"])
def test_amounts_declared_late_are_exact_from_then_on_and_undefined_as_of_before(shops: Any, is_nameless: bool) -> None:
    world = shops()
    before, after = declared_late(world)
    task = brought_forward(world, world.monitor(before))
    store = world.store
    if is_nameless:
        store = world.new_store("old")
        state = world.store.ledger.state(before.key, "outcomes")
        parts = world.store.ledger.parts_of(before.key, "outcomes", world.store.ledger.days(before.key, "outcomes"))
        old = [replace(p, payload=encode_entries(replace(decode_entries(p.payload), names=()))) for p in parts]
        monitor = world.monitor(before, store)
        label_tasks(monitor.at(task.run.window, task.run.known_at), task.run)
        assert store.ledger.append(before.key, "outcomes", 0, task.run.known_at, state.watermark, old)
    monitor = world.monitor(after, store)
    measure_performance(monitor, world.run(3))
    parts = store.ledger.parts_of(after.key, "outcomes", [world.day(0)])
    assert len(parts) == 4  # three days' news, and what the rows held besides
    asked = 0
    for day in range(3):
        for number in range(day, world.days):
            moment = world.run(number).known_at
            rows = performance(monitor, world.day(day), moment)
            known = world.known(world.day(day), moment)
            found = values(rows, basis="naive.") or values(rows)
            profits = [m for m in rows if base_of(m.metric) == "profit" and not m.slice and m.status != "immature"]
            assert profits
            if number < 3:
                assert {m.status for m in profits} == {Status.UNDEFINED}
                assert all("stored before it was asked for" in m.reason for m in profits)
                assert ("profit", "") not in found
            else:
                assert found["profit", ""] == pytest.approx(expected(known)["profit", ""], rel=1e-9)
            asked += 1
    assert asked == 9


def test_amounts_declared_later_leave_measured_windows_as_they_are(shops: Any, measure: Any, stored: Any) -> None:
    world = shops()
    before, after = declared_late(world)
    for number in range(4):
        measure(world.monitor(before if number < 2 else after), world.run(number))
    found = stored(world.store, after.key)
    assert [("profit" in found[world.day(n)]) for n in range(4)] == [False, False, True, True]
    for number in range(4):
        known = world.known(world.day(number), world.run(3).known_at)
        right = ((known["score"] >= 0.5) == known["y"]).mean()
        assert found[world.day(number)]["accuracy"][0] == pytest.approx(right)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dataset": {"columns": {**COLUMNS, "price": "numeric"}}}, "needs a column with role 'amount'"),
        ({"dataset": {"columns": {**COLUMNS, "x": {"role": "amount"}}}}, "'x' and 'price' have role amount"),
        ({"dataset": {"columns": {**COLUMNS, "w": {"role": "weight", "kind": "boolean"}}}}, "'w' has role weight"),
        ({"task": {**TASK, "payoff": {"true_positive": 0}}}, "every outcome is worth nothing"),
        ({"task": {**TASK, "payoff": {"hit": 1}}}, "task.payoff: unknown field 'hit'"),
        ({"task": {**TASK, "payoff": {"true_positive": {"of_amounts": 1}}}}, "did you mean 'of_amount'"),
        ({"task": {**TASK, "thresholds": [0.3, 1.2]}}, r"task.thresholds: 1.2 is not between 0 and 1"),
        ({"task": {**TASK, "thresholds": [0.3, 0.3]}}, "declared twice: 0.3"),
        ({"task": {"kind": "regression", "thresholds": [0.3]}}, "a regression task has none"),
        ({"task": "binary", "measurements": ["profit"]}, r"'profit' needs task\.payoff"),
        ({"task": "binary", "measurements": ["recall_at_threshold"]}, r"needs task\.thresholds"),
        (
            {"dataset": {"columns": {**COLUMNS, "w": "numeric"}}, "measurements": ["weighted_recall"]},
            "needs a column of role weight",
        ),
        (
            {"policy": {"rules": [{"metric": "recall_at_threshold", "parameters": "threshold=0.4", "min": 0}]}},
            "unknown threshold 'threshold=0.4'",
        ),
    ],
)
def test_what_cannot_work_is_refused_with_the_remedy(shops: Any, changes: Any, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        shops(**changes)


def test_the_document_makes_the_same_spec(shops: Any) -> None:
    spec = shops().spec
    assert MonitorSpec.from_document(spec.document()) == spec
    assert spec.task.payoff.true_positive.of_amount == 0.2


def test_labels_a_day_later_change_the_past_only_from_then(shops: Any, measure: Any) -> None:
    """What was said of a day is still said as of that day, though later labels say otherwise."""
    world = shops(measurements=MEASURED)
    monitor = world.monitor()
    measure(monitor, world.run(0))
    then = values(performance(monitor, world.day(0), world.run(0).known_at), basis="naive.")
    measure(monitor, world.run(3, hours=6 + 24 * 7))
    assert values(performance(monitor, world.day(0), world.run(0).known_at), basis="naive.") == pytest.approx(then)
    last = world.run(3, hours=6 + 24 * 7).known_at
    assert values(performance(monitor, world.day(0), last))["profit", ""] != pytest.approx(then["profit", ""])
    assert last - world.run(0).known_at == timedelta(days=10)
