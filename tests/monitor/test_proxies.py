"""Proxies: measured like any column, and held against the performance that windows finally came to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from airflow_ml_monitor.errors import SpecError, UnknownName
from airflow_ml_monitor.keys import WHOLE
from airflow_ml_monitor.measurement import Estimate, Measurement, Status
from airflow_ml_monitor.monitor.judgement import decide
from airflow_ml_monitor.policy.rule import Action

RULE = {"metric": "proxy_correlation", "columns": ["clicks"], "parameters": "roc_auc", "min": 0.2, "action": "alert"}
COLUMNS = {
    "score": {"role": "score"},
    "clicks": {"role": "proxy"},
    "model_version": {"kind": "categorical", "role": "version"},
}
DAYS = 17


@pytest.fixture
def clicked(worlds: Any) -> Callable[..., Any]:
    """A world in which some days' labels have less to do with their scores, and clicks are fewer on these (or more)."""

    def make(sign: float = 1.0, **changes: Any) -> Any:
        world = worlds(days=DAYS, rows=150, dataset={"columns": COLUMNS}, **changes)
        rng = np.random.default_rng(8)
        good = rng.random(DAYS)
        day = (np.arange(len(world.predictions)) // 150).astype(int)
        world.predictions["clicks"] = (rng.random(len(day)) < 0.5 + sign * 0.4 * (good[day] - 0.5)).astype(float)
        of = dict(zip(world.predictions["id"], zip(world.predictions["score"], day, strict=True), strict=True))
        score, when = (np.array(part) for part in zip(*(of[i] for i in world.labels["id"]), strict=True))
        noise = rng.random(len(score)) > good[when]
        world.labels["y"] = np.where(noise, rng.random(len(score)) < 0.5, rng.random(len(score)) < score).astype(float)
        for number in range(DAYS):
            world.write_day(number)
        world.write_labels()
        reference = pd.read_parquet(world.root / "reference.parquet")
        reference["clicks"] = (rng.random(len(reference)) < 0.5).astype(float)
        reference.to_parquet(world.root / "reference.parquet")
        return world

    return make


def told(world: Any, **wanted: Any) -> dict[str, Measurement]:
    """By performance metric, what the newest run found of the proxy."""
    found = world.store.current(world.spec.key, metrics={"proxy_correlation"}, **wanted)
    newest = max(r.head.window for r in found)
    rows = [r.measurement for r in found if r.head.window == newest]
    assert {(row.column, row.slice) for row in rows} == {("clicks", WHOLE)}
    return {row.parameters: row for row in rows}


def estimate(row: Measurement) -> Estimate:
    assert row.estimate is not None
    return row.estimate


def test_a_proxys_correlation_is_that_of_its_daily_means_with_the_realised_metric(clicked: Any, measure: Any) -> None:
    world = clicked()
    for number in range(DAYS):
        measure(world.monitor(), world.run(number))
    found = told(world)["roc_auc"]
    # By pandas and scikit-learn alone, of the days whose five days are over at the last run.
    final = [n for n in range(DAYS) if world.day(n).end + pd.Timedelta(days=5) <= world.run(DAYS - 1).known_at]
    rows = [world.known(world.day(n), world.run(DAYS - 1).known_at) for n in final]
    pairs = [(part["clicks"].mean(), roc_auc_score(part["y"], part["score"])) for part in rows]
    clicks = [
        world.predictions[world.predictions["at"].dt.day == world.day(n).start.day]["clicks"].mean() for n in final
    ]
    expected = np.corrcoef(clicks, [auc for _, auc in pairs])[0, 1]
    assert estimate(found).value == pytest.approx(expected, abs=0.01)
    assert estimate(found).n == len(final) == DAYS - 5
    assert found.status is Status.OK
    assert found.reason.startswith(f"over {len(final)} final windows, which tell as much as ")
    assert estimate(found).low > 0


def test_below_ten_final_windows_it_is_too_few_and_a_row(clicked: Any, measure: Any) -> None:
    world = clicked()
    for number in range(9):
        measure(world.monitor(), world.run(number))
    found = told(world)["roc_auc"]
    assert (found.status, found.estimate) == (Status.TOO_FEW, None)
    assert found.reason == "4 final windows with both, 10 needed"


def test_what_was_known_then_stays_and_a_repeated_run_writes_nothing(clicked: Any, measure: Any) -> None:
    world = clicked()
    for number in range(DAYS - 1):
        measure(world.monitor(), world.run(number))
    then = estimate(told(world)["roc_auc"])
    measure(world.monitor(), world.run(DAYS - 1))
    assert estimate(told(world)["roc_auc"]).n == then.n + 1
    assert estimate(told(world, as_of=world.run(DAYS - 2).known_at)["roc_auc"]) == then
    assert measure(world.monitor(), world.run(DAYS - 1)) == 0


@pytest.mark.parametrize(("sign", "action"), [(1.0, Action.NONE), (-1.0, Action.ALERT)])
def test_a_rule_may_ask_that_a_proxy_is_worth_something(
    clicked: Any, measure: Any, sign: float, action: Action
) -> None:
    world = clicked(sign, policy={"rules": [RULE], "overlook": ["default_flood"]})
    for number in range(DAYS):
        measure(world.monitor(), world.run(number))
    decision = decide(world.monitor(), world.run(DAYS - 1))
    assert decision.action is action, decision.because
    assert ("proxy_correlation of clicks [roc_auc]" in decision.because) is (action is Action.ALERT)


def test_a_monitor_without_proxies_stores_nothing_of_them(world: Any, measure: Any) -> None:
    for number in range(8):
        measure(world.monitor(), world.run(number))
    assert world.store.current(world.spec.key, metrics={"proxy_correlation"}) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"dataset": {"columns": {**COLUMNS, "clicks": {"role": "proxy", "kind": "boolean"}}}}, "declare it numeric"),
        ({"policy": {"rules": [{**RULE, "columns": []}]}}, "a column of role proxy"),
        ({"dataset": {"columns": COLUMNS}, "measurements": ["roc_auc"]}, "add mean to measurements"),
        ({"dataset": {"columns": COLUMNS}, "policy": {"rules": [{**RULE, "columns": ["score"]}]}}, "unknown proxy"),
        ({"dataset": {"columns": COLUMNS}, "policy": {"rules": [{**RULE, "parameters": "auc"}]}}, "performance metric"),
        (
            {"dataset": {"columns": COLUMNS}, "policy": {"rules": [{"metric": "proxy_correlation", "fall": 0.1}]}},
            "use min or max",
        ),
    ],
)
def test_a_spec_whose_proxies_cannot_be_is_refused_with_the_remedy(worlds: Any, changes: Any, said: str) -> None:
    with pytest.raises((SpecError, UnknownName), match=said):
        worlds(days=1, **changes)
