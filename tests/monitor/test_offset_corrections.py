"""Corrections that cancel in every count of the ledger: what is stored is restated all the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pytest

from airflow_ml_monitor.measurement import Family, Measurement, Status
from airflow_ml_monitor.monitor.label_ledger import LabelTask, known_by, read
from airflow_ml_monitor.monitor.performance import performance
from airflow_ml_monitor.monitor.run import Monitor, Run
from airflow_ml_monitor.profile.sums import sums_of

BLOCKS = 20
"""How often a case's rows are repeated; those of the first block alone are corrected."""
WEEK, FORTNIGHT = 24 * 7 + 1, 24 * 14
SCORE = {"score": {"role": "score"}}
FIVE = [f"c{i}" for i in range(5)]
THREE = ["a", "b", "c"]


def of_classes(names: list[str], *scores: list[float]) -> tuple[dict[str, Any], dict[str, list[Any]]]:
    """(columns, their values) of the scores of several classes, row by row."""
    columns = {f"p_{name}": {"role": "score", "of": name} for name in names}
    return columns, {column: list(values) for column, values in zip(columns, zip(*scores, strict=True), strict=True)}


@dataclass(frozen=True)
class Case:
    """Rows of a block, their labels (None: not yet known), what is corrected later, and the metric that it changes.

    later: (row, label), one after the other, a second apart.
    """

    metric: str
    task: Any
    columns: dict[str, Any]
    rows: dict[str, list[Any]]
    y: list[Any]
    later: list[tuple[int, Any]]
    parameters: str = ""
    outcomes: dict[str, Any] = field(default_factory=dict)


SWAPPED = [(0, 0.0), (1, 1.0)]
PRICED = {**SCORE, "price": {"role": "amount"}}
PRICES = {"score": [0.7, 0.7, 0.6, 0.2], "price": [10.0, 100.0, 5.0, 5.0]}
PAYOFF = {"kind": "binary", "payoff": {"true_positive": {"of_amount": 0.2}, "false_positive": -1}}
BY_CLASS = of_classes(THREE, [0.6, 0.3, 0.1], [0.6, 0.1, 0.3], [0.2, 0.7, 0.1], [0.1, 0.1, 0.8])
# Of the first two rows both labels have the scores 0.2 and 0.1, but not the same places.
BY_PLACE = of_classes(FIVE, [0.4, 0.2, 0.1, 0.3, 0.0], [0.4, 0.2, 0.1, 0.15, 0.15], [0.2, 0.1, 0.4, 0.2, 0.1])
TAGGED = of_classes(THREE, *([0.9] * 3 for _ in range(8)))
QUANTILES = {"low": {"role": "quantile", "of": 0.1}, "high": {"role": "quantile", "of": 0.9}}
SEARCH = {**SCORE, "search": {"kind": "categorical", "role": "query"}}

CASES = {
    # Scores in one bucket, of which one is twenty times the other.
    "log loss": Case("log_loss", "binary", SCORE, {"score": [1e-15, 2e-14, 0.6, 0.2]}, [1.0, 0.0, 1.0, 0.0], SWAPPED),
    "thresholds": Case(
        "recall_at_threshold",
        {"kind": "binary", "thresholds": [0.3]},
        SCORE,
        {"score": [0.2999999, 0.3000001, 0.6, 0.2]},
        [1.0, 0.0, 1.0, 0.0],
        SWAPPED,
        "threshold=0.3",
    ),
    "amounts": Case("profit", PAYOFF, PRICED, PRICES, [1.0, 0.0, 1.0, 0.0], SWAPPED),
    "amounts of silent rows": Case(
        "profit", PAYOFF, PRICED, PRICES, [1.0, None, 1.0, None], SWAPPED, outcomes={"mode": "implicit"}
    ),
    "amounts of a label that goes and one that comes": Case(
        "profit", PAYOFF, PRICED, PRICES, [1.0, None, 1.0, 0.0], [(0, None), (1, 1.0)]
    ),
    "amounts by stratum": Case(
        "profit",
        PAYOFF,
        {**PRICED, "shop": {"kind": "categorical", "role": "delay_stratum"}},
        {**PRICES, "shop": ["north", "north", "south", "south"]},
        [1.0, 0.0, 1.0, 0.0],
        SWAPPED,
    ),
    "amounts by any label": Case(
        "profit",
        PAYOFF,
        PRICED,
        PRICES,
        [1.0, 0.0, 1.0, 0.0],
        [(1, 1.0), (0, None), (0, 0.0)],
        outcomes={"several": "any"},
    ),
    "weights": Case(
        "weighted_recall",
        "binary",
        {**SCORE, "w": {"role": "weight"}},
        {"score": [0.7, 0.7, 0.2, 0.2], "w": [1.0, 9.0, 3.0, 1.0]},
        [1.0, 0.0, 1.0, 0.0],
        SWAPPED,
    ),
    "a baseline's scores": Case(
        "brier_gain",
        "binary",
        {**SCORE, "b": {"role": "baseline"}},
        {"score": [0.7, 0.7, 0.2, 0.2], "b": [0.1, 0.9, 0.5, 0.5]},
        [1.0, 0.0, 1.0, 0.0],
        SWAPPED,
    ),
    "scores by class": Case(
        "log_loss", {"kind": "multiclass", "classes": THREE}, *BY_CLASS, ["b", "c", "b", "c"], [(0, "c"), (1, "b")]
    ),
    "places by class": Case(
        "top_k_accuracy",
        {"kind": "multiclass", "classes": FIVE},
        *BY_PLACE,
        ["c1", "c2", "c2"],
        [(0, "c2"), (1, "c1")],
        "k=2",
    ),
    "a baseline's classes": Case(
        "accuracy_gain",
        {"kind": "multiclass", "classes": THREE},
        {"said": {"kind": "categorical", "role": "prediction"}, "b": {"kind": "categorical", "role": "baseline"}},
        {"said": ["a", "a", "b", "c"], "b": ["b", "a", "b", "b"]},
        ["b", "c", "b", "c"],
        [(0, "c"), (1, "b")],
    ),
    # Of every two classes the same numbers of rows have both, one and neither.
    "whole sets": Case(
        "accuracy",
        {"kind": "multilabel", "classes": THREE},
        *TAGGED,
        ["", "a|b", "a|c", "b|c", "a", "b", "c", "a|b|c"],
        [(0, "a"), (1, "b"), (2, "c"), (3, "a|b|c")],
    ),
    "a label that nobody declared, taken back": Case(
        "label_rate",
        {"kind": "multilabel", "classes": THREE},
        *of_classes(THREE, [0.9, 0.1, 0.1], [0.9, 0.9, 0.1]),
        ["a|weather", "a|b"],
        [(0, "a")],
        "class=undeclared",
    ),
    "a baseline's values": Case(
        "mae_gain",
        "regression",
        {"score": {"role": "prediction"}, "b": {"role": "baseline"}},
        {"score": [10.0, 10.0, 20.0, 30.0], "b": [9.0, 15.0, 21.0, 31.0]},
        [9.0, 12.0, 22.0, 29.0],
        [(0, 12.0), (1, 9.0)],
    ),
    "quantiles": Case(
        "pinball_loss",
        "regression",
        {**QUANTILES, "score": {"role": "prediction", "of": 0.5}},
        {"score": [10.0, 10.0, 20.0, 30.0], "low": [5.0, 9.5, 18.0, 28.0], "high": [11.0, 10.5, 22.0, 32.0]},
        [9.0, 12.0, 22.0, 29.0],
        [(0, 12.0), (1, 9.0)],
        "level=0.1",
    ),
    "a mean of labels": Case(
        "mae_gain",
        "regression",
        {"score": {"role": "prediction"}, "b": {"role": "baseline"}},
        {"score": [10.0, 10.0, 20.0, 30.0], "b": [9.0, 15.0, 21.0, 31.0]},
        [9.0, 12.0, 22.0, 29.0],
        [(0, 15.0), (1, 6.0)],
        outcomes={"several": "mean"},
    ),
    # The third place of one search for the third place of another, whose first item is worth nothing.
    "places of items": Case(
        "ndcg",
        {"kind": "ranking", "at": [3]},
        SEARCH,
        {"score": [3.0, 2.0, 1.0, 3.0, 2.0, 1.0], "search": ["q"] * 3 + ["r"] * 3},
        [1.0, 0.0, 1.0, 0.0, 1.0, 0.0],
        [(2, 0.0), (5, 1.0)],
        "at=3",
    ),
}


@pytest.fixture
def corrected(worlds: Callable[..., Any], request: pytest.FixtureRequest) -> tuple[Any, Case]:
    """A day of which all labels are known within a week, and those of its first rows are corrected in the second."""
    case: Case = CASES[request.param]
    world = worlds(
        days=1,
        rows=BLOCKS * len(case.y),
        task=case.task,
        dataset={"columns": case.columns},
        outcomes={"horizon": "5d", **case.outcomes},
        contract=None,
        measurements=[case.metric],
    )
    size = len(case.y)

    def tiled(frame: pd.DataFrame) -> pd.DataFrame:
        found = frame.head(BLOCKS * size)
        rows = {name: np.tile(np.array(values, object), BLOCKS).tolist() for name, values in case.rows.items()}
        if "search" in rows:
            rows["search"] = [f"{name}{i // size}" for i, name in enumerate(rows["search"])]
        return found[["id", "at"]].assign(**rows)

    path = world.root / "reference.parquet"
    reference = tiled(pd.read_parquet(path))
    known = [next(v for v in case.y if v is not None) if y is None else y for y in case.y * BLOCKS]
    reference.assign(y=known).to_parquet(path)
    world.predictions = tiled(world.predictions)
    first = world.predictions.assign(y=case.y * BLOCKS, known_at=world.day(0).end)[["id", "y", "known_at"]]
    first = first[[y is not None for y in case.y * BLOCKS]]
    moments = world.day(0).end + pd.to_timedelta(8 * 86_400 + np.arange(len(case.later)), unit="s")
    later = pd.DataFrame({
        "id": [world.predictions["id"].iloc[row] for row, _ in case.later],
        "y": pd.Series([y for _, y in case.later], dtype=first["y"].dtype),
        "known_at": moments,
    })  # fmt: skip
    world.labels = pd.concat([first, later], ignore_index=True)
    world.write_day(0)
    world.write_labels()
    return world, case


def counts(monitor: Monitor, run: Run) -> list[list[Any]]:
    """What the ledger counts of the day, as known by the run."""
    monitor = monitor.at(run.window, run.known_at)
    spec = monitor.spec
    task = LabelTask(monitor, run, spec.labels[0])
    names = sums_of(spec.task, spec.dataset())
    found, _ = known_by(read(task, [run.window]).values(), run.known_at, names)
    parts = (found.group, found.label, found.prediction, found.bucket, found.count)
    return [[found.groups], *(part.tolist() for part in parts)]


def values(rows: list[Measurement]) -> dict[tuple[str, str], float]:
    return {(m.metric, m.parameters): m.estimate.value for m in rows if m.status is Status.OK and m.estimate}


@pytest.mark.parametrize("corrected", CASES, indirect=True)
def test_a_number_is_restated_though_no_count_changes(corrected: tuple[Any, Case], measure: Callable[..., int]) -> None:
    world, case = corrected
    monitor, other = world.monitor(), world.monitor(store=world.new_store("asked once"))
    before, after = world.run(0, hours=WEEK), world.run(0, hours=FORTNIGHT)

    def stored(of: Monitor) -> dict[tuple[str, str], float]:
        rows = of.store.current(of.key, families=[Family.PERFORMANCE])
        return values([r.measurement for r in rows if r.head.stage == "production"])

    measure(monitor, before)
    then, counted = stored(monitor), counts(monitor, before)
    measure(monitor, after)
    now = stored(monitor)
    assert counts(monitor, after) == counted
    measure(other, after)
    assert now == pytest.approx(stored(other), rel=1e-9)
    assert now == pytest.approx(values(performance(monitor, world.day(0), after.known_at)), rel=1e-9)
    assert now[case.metric, case.parameters] != pytest.approx(then[case.metric, case.parameters], rel=1e-6)
