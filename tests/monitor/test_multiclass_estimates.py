"""A window of several classes whose labels are still to come: is the prediction right, before all are known?

Wrong predictions come to light twice as late as right ones, so that what has arrived flatters the model.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from airflow_ml_monitor.keys import Window
from airflow_ml_monitor.monitor.performance import measure_performance, performance
from airflow_ml_monitor.monitor.run import Monitor, Run
from airflow_ml_monitor.monitor.spec import MonitorSpec
from airflow_ml_monitor.store.repository import MetricsStore

START, DAY = datetime(2026, 1, 5, tzinfo=UTC), timedelta(days=1)
CLASSES = ["bus", "car", "train"]
KEY = "default/journeys"


def world(seed: int, days: int, rows: int, horizon: int, worse_from: int, slower_from: int) -> pd.DataFrame:
    """Journeys with scores that are right until the concept changes; every twentieth wrong label is undeclared.

    known: days from START on which the label is known.
    """
    rng = np.random.default_rng(seed)
    n = days * rows
    day = np.repeat(np.arange(days), rows)
    at = np.sort(day + rng.random(n))
    decided = rng.integers(0, 3, n)
    sure = 1 / 3 + 2 / 3 * rng.beta(2.5, 1.5, n)
    stratum = rng.choice(["paper", "online"], n, p=[0.4, 0.6])
    chance = np.where(day >= worse_from, sure - 0.15, sure)
    is_right = rng.random(n) < chance
    other = (decided + 1 + (rng.random(n) < 0.5)) % 3
    label = np.array([*CLASSES, "tram"])[np.where(is_right, decided, np.where(rng.random(n) < 0.05, 3, other))]
    scale = np.where(is_right, horizon / 15, horizon / 7) * np.where(stratum == "paper", 1.4, 1.0)
    delay = rng.gamma(1.5, scale) * np.where((day >= slower_from) & ~is_right, 2.0, 1.0)
    scores = np.repeat(((1 - sure) / 2)[:, None], 3, axis=1)
    scores[np.arange(n), decided] = sure
    frame = pd.DataFrame(scores, columns=[f"p_{name}" for name in CLASSES])
    return frame.assign(
        id=[f"{seed}-{i}" for i in range(n)],
        at=pd.Timestamp(START) + pd.to_timedelta(np.floor(at * 86_400e6), unit="us"),
        stratum=stratum,
        size=np.where(rng.random(n) < 0.5, "large", "small"),
        guess=np.array(CLASSES)[decided],
        label=label,
        day=day,
        is_right=is_right,
        known_at=pd.Timestamp(START)
        + pd.to_timedelta(np.floor((at + np.minimum(delay, horizon - 0.5)) * 86_400e6), unit="us"),
    )


@dataclass
class Desk:
    """A world on disk, with a store."""

    root: Path
    store: MetricsStore
    rows: pd.DataFrame
    days: int
    horizon: int
    has_scores: bool
    rules: list[dict[str, Any]]

    @property
    def monitor(self) -> Monitor:
        columns: dict[str, Any] = {"stratum": {"kind": "categorical", "role": "delay_stratum"}, "size": "categorical"}
        columns["guess"] = {"kind": "categorical", "role": "prediction"}
        if self.has_scores:
            columns |= {f"p_{name}": {"role": "score", "of": name} for name in CLASSES}
        dataset = {"name": "scores", "source": str(self.root / "predictions.parquet"), "event_time": "at"}
        labels = {"name": "outcomes", "source": str(self.root / "labels.parquet"), "key": "id", "label": "label"}
        document = {
            "name": "journeys",
            "task": {"kind": "multiclass", "classes": CLASSES},
            "datasets": [{**dataset, "entity_key": "id", "columns": columns, "slice_by": "size"}],
            "labels": [{**labels, "label_time": "known_at", "horizon": f"{self.horizon}d"}],
            "reference": {"source": str(self.root / "reference.parquet"), "label": "label"},
            "contract": None,
            "policy": {"rules": self.rules},
        }
        return Monitor(MonitorSpec.from_document(document), self.store)

    def window(self, day: int) -> Window:
        return Window(START + day * DAY, START + (day + 1) * DAY)

    def measure(self, *days: int, **fields: Any) -> Desk:
        monitor = self.monitor
        for day in days:
            window = self.window(day)
            measure_performance(monitor, Run(window, monitor.spec.rule(), window.end, **fields))
        return self

    def known(self, metric: str, slice: str = "{}", **wanted: Any) -> pd.DataFrame:
        """By the number of its day."""
        found = self.store.history(KEY, metric=metric, **wanted).query("slice == @slice and parameters == ''")
        return found.set_index((found["window_start"] - pd.Timestamp(START)).dt.days)

    def truth(self, days: list[int], **where: str) -> np.ndarray:
        rows = self.rows
        for column, value in where.items():
            rows = rows[rows[column] == value]
        return rows.groupby("day")["is_right"].mean().loc[days].to_numpy()


@pytest.fixture
def desks(tmp_path: Path) -> Iterator[Callable[..., Desk]]:
    """Desks by days, rows a day and horizon; worse_from, slower_from: days on which the world changes."""
    made: list[Desk] = []

    def make(
        days: int = 110,
        rows: int = 250,
        horizon: int = 50,
        worse_from: int = 999,
        slower_from: int = 999,
        has_scores: bool = True,
        by_slice: bool = False,
    ) -> Desk:
        root = tmp_path / f"desk-{len(made)}"
        root.mkdir()
        told = ["id", "at", "stratum", "size", "guess", *(f"p_{name}" for name in CLASSES)]
        frame = world(11, days, rows, horizon, worse_from, slower_from)
        past = world(7, 20, 200, horizon, 999, 999).assign(at=lambda of: of["at"] - timedelta(days=200))
        past[[*told, "label"]].to_parquet(root / "reference.parquet")
        frame[told].to_parquet(root / "predictions.parquet")
        frame[["id", "label", "known_at"]].to_parquet(root / "labels.parquet")
        store = MetricsStore(f"sqlite:///{root}/monitor.db")
        store.upgrade()
        rule: dict[str, Any] = {"metric": "accuracy", "fall": 0.1, "action": "alert"}
        rules = [{**rule, "slices": True}] if by_slice else [rule]
        made.append(Desk(root, store, frame, days, horizon, has_scores, rules))
        return made[-1]

    yield make
    for desk in made:
        desk.store.dispose()


@pytest.mark.slow
@pytest.mark.parametrize("has_scores", [True, False], ids=["with scores", "decided classes alone"])
def test_the_accuracy_is_nearer_to_the_truth_than_what_has_arrived_and_its_intervals_hold_it(desks, has_scores):
    desk = desks(worse_from=85, has_scores=has_scores).measure(0, 109)
    naive, estimated, final = (desk.known(name) for name in ("naive.accuracy", "accuracy", "final.accuracy"))
    young = [day for day in range(86, 106) if estimated.loc[day, "status"] == "ok"]
    assert len(young) >= 15
    assert estimated.loc[young, "reason"].str.startswith("estimated from labels of").all()
    truth = desk.truth(young)
    bias = {name: float((part.loc[young, "value"] - truth).mean()) for name, part in (("n", naive), ("e", estimated))}
    assert bias["n"] > 0.05
    assert abs(bias["e"]) < 0.25 * bias["n"]
    held = (final.loc[young, "low"] <= truth) & (truth <= final.loc[young, "high"])
    assert held.mean() >= 0.8
    assert ((estimated["high"] - estimated["low"]).loc[young] > (final["high"] - final["low"]).loc[young]).all()
    # Of the whole table of classes nothing can be said so early.
    assert set(desk.known("matthews_correlation").loc[young, "status"]) == {"immature"}


def test_without_a_history_it_says_what_is_missing_and_when_it_may_be_known(desks):
    desk = desks(days=8, rows=60).measure(0, 7)
    reasons = desk.known("accuracy")["reason"]
    assert len(reasons) == 8
    assert reasons.str.contains("not estimated: predictions have been followed for").all()
    assert reasons.str.contains("it may be").all()


@pytest.mark.slow
def test_where_wrong_predictions_come_to_light_later_than_they_used_to_nothing_is_estimated(desks):
    desk = desks(days=150, rows=400, horizon=40, slower_from=110).measure(0, 109, 149)
    assert desk.known("accuracy").loc[100, "status"] == "ok"
    late = desk.known("accuracy").loc[146]
    assert late["status"] == "immature"
    assert "not estimated while labels of wrong predictions take about" in late["reason"]


@pytest.mark.slow
def test_slices_that_a_rule_looks_at_are_estimated_too(desks):
    desk = desks(by_slice=True).measure(0, 109)
    large = desk.known("accuracy", '{"size":"large"}')
    young = [day for day in range(86, 106) if large.loc[day, "status"] == "ok"]
    assert len(young) >= 15
    truth = desk.truth(young, size="large")
    naive = desk.known("naive.accuracy").loc[young, "value"] - desk.truth(young)
    assert abs((large.loc[young, "value"] - truth).mean()) < 0.3 * naive.mean()
    assert ((large["low"].loc[young] <= truth) & (truth <= large["high"].loc[young])).mean() >= 0.8


@pytest.mark.slow
def test_what_scores_alone_say_is_muted_once_the_labels_have_contradicted_it(desks):
    desk = desks(days=86, rows=150, horizon=30, worse_from=30)
    desk.measure(*range(27, 57, 3), 84, 85)
    calm = desk.known("cbpe.accuracy", as_of=START + 28 * DAY).loc[27]
    assert calm["status"] == "ok"
    assert calm["value"] == pytest.approx(desk.truth([27])[0], abs=0.1)
    last = desk.known("cbpe.accuracy").loc[85]
    assert last["status"] == "undefined"
    assert last["reason"].startswith("muted: ")
    board = desk.store.history(KEY, metric="scoreboard").query("window_start == window_start.max()")
    board = board.set_index("parameters")
    assert board.loc["cbpe.accuracy", "value"] > 2 * board.loc["two_stage.accuracy", "value"]
    assert "muted" not in board.loc["two_stage.accuracy", "reason"]
    assert {name.partition(".")[2] for name in board.index} == {"accuracy"}


def test_a_model_without_scores_has_nothing_that_scores_alone_could_say(desks):
    desk = desks(days=3, rows=40, has_scores=False).measure(0, 2)
    assert desk.store.history(KEY, families=["estimate"]).empty
    assert not desk.known("naive.accuracy").empty


@pytest.mark.slow
def test_a_backfill_in_any_order_leaves_the_estimates_of_live_days(desks):
    live, filled = (desks(days=9, rows=60, horizon=4) for _ in range(2))
    order = list(range(9))
    live.measure(*order, is_backfill=True)
    random.Random(4).shuffle(order)
    filled.measure(*order, is_backfill=True)
    for known in (3, 6, 8, None):
        moment = None if known is None else START + known * DAY
        left, right = (
            desk.store.history(KEY, families=["performance", "estimate"], as_of=moment)
            .query("metric != 'scoreboard'")
            .drop(columns=["recorded_at", "revision", "known_at", "reference"])
            .reset_index(drop=True)
            for desk in (live, filled)
        )
        pd.testing.assert_frame_equal(left, right, rtol=1e-9)
    # Some of what was compared had been estimated.
    estimated = live.known("accuracy", as_of=START + 8 * DAY)["reason"]
    assert estimated.str.startswith("estimated from labels of").any()


@pytest.mark.slow
def test_a_window_asked_for_as_of_a_moment_is_estimated_as_it_was_then(desks):
    desk = desks(days=70, horizon=30).measure(0, 60)
    stored = desk.known("accuracy", as_of=START + 61 * DAY).loc[57]
    assert stored["status"] == "ok"
    desk.measure(69)
    then = performance(desk.monitor, desk.window(57), START + 61 * DAY)
    (again,) = (r.estimate for r in then if r.metric == "accuracy" and not r.slice)
    assert (again.value, again.low, again.high) == (stored["value"], stored["low"], stored["high"])
