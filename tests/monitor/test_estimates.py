"""A window whose labels are still to come: estimated, refused with its reason, or known in part; never guessed unsaid.

On simulated desks that bring labels late (airflow_ml_monitor.simulate.late_labels), through the real ledger and store.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, roc_auc_score

from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.keys import Window
from airflow_ml_monitor.metrics.names import fault_names
from airflow_ml_monitor.monitor.performance import measure_performance, performance
from airflow_ml_monitor.monitor.run import Monitor, Run
from airflow_ml_monitor.monitor.spec import MonitorSpec
from airflow_ml_monitor.simulate.label_delays import WorldKind
from airflow_ml_monitor.simulate.late_labels import Concept, LabelFaults, LateLabels, Outage, Slowdown
from airflow_ml_monitor.store.repository import MetricsStore

START = date(2026, 1, 5)
KEY = "default/late"
TRUE = {"accuracy": lambda y, s, p: accuracy_score(y, p), "roc_auc": lambda y, s, p: roc_auc_score(y, s)}
TRUE["label_rate"] = lambda y, s, p: float(np.mean(y))


@dataclass
class Desk:
    """A world on disk, with a store. sample: keeps the labels that somebody asks for."""

    root: Path
    world: LateLabels
    store: MetricsStore
    changes: dict[str, Any]
    sample: Callable[[pd.DataFrame], pd.Series] | None = None

    def __post_init__(self) -> None:
        past = LateLabels(self.world.kind, 999, START - timedelta(days=200), days=20, rows_per_day=200)
        self._frame(past).to_parquet(self.root / "reference.parquet")
        self.frame = self._frame(self.world)
        self.frame.drop(columns="label").to_parquet(self.root / "predictions.parquet")
        labels = self.world.labels(self.world.midnight(0), self.world.midnight(self.world.days + 400))
        if self.sample is not None:
            chosen = self.frame.loc[self.sample(self.frame), "row_id"]
            labels = labels[labels["row_id"].isin(chosen)]
        labels.to_parquet(self.root / "labels.parquet")
        self.horizon = self.world.horizon

    @staticmethod
    def _frame(world: LateLabels) -> pd.DataFrame:
        every = pd.concat([world.predictions(day) for day in range(world.days)], ignore_index=True)
        return every.assign(label=world.rows(0, world.days - 1).label, model_version="v1")

    @property
    def monitor(self) -> Monitor:
        labels = {
            "name": "outcomes",
            "source": str(self.root / "labels.parquet"),
            "key": "row_id",
            "label": "label",
            "label_time": "known_at",
            "horizon": f"{self.horizon}d",
            **self.changes,
        }
        columns = {
            "score": {"role": "score"},
            "prediction": {"role": "prediction"},
            "stratum": {"kind": "categorical", "role": "delay_stratum"},
            "model_version": {"kind": "categorical", "role": "version"},
        }
        document = {
            "name": "late",
            "task": "binary",
            "datasets": [
                {
                    "name": "scores",
                    "source": str(self.root / "predictions.parquet"),
                    "event_time": "scored_at",
                    "entity_key": "row_id",
                    "columns": columns,
                }
            ],
            "labels": [labels],
            "reference": {"source": str(self.root / "reference.parquet"), "label": "label"},
            "contract": None,
            "policy": {"rules": [{"metric": "roc_auc", "fall": 0.05, "action": "retrain"}]},
        }
        return Monitor(MonitorSpec.from_document(document), self.store)

    def window(self, day: int) -> Window:
        return Window(self.world.midnight(day), self.world.midnight(day + 1))

    def measure(self, day: int, known: int | None = None, **fields: Any) -> None:
        monitor = self.monitor
        window = self.window(day)
        run = Run(window, monitor.spec.rule(), self.world.midnight(known) if known else window.end, **fields)
        measure_performance(monitor, run)

    def begin(self) -> Desk:
        """The first day's run: a ledger has the days from its first run's on."""
        self.measure(0)
        return self

    def known(self, **wanted: Any) -> pd.DataFrame:
        return self.store.history(KEY, **wanted).query("slice == '{}'")

    def values(self, metric: str, **wanted: Any) -> pd.DataFrame:
        """By the number of its day."""
        found = self.known(metric=metric, **wanted).query("parameters == ''")
        days = (found["window_start"] - pd.Timestamp(self.world.midnight(0))).dt.days
        return found.set_index(days)

    def truth(self, metric: str, day: int) -> float:
        mine = self.frame[self.frame["scored_at"].between(self.window(day).start, self.window(day).end, "left")]
        return TRUE[metric](mine["label"], mine["score"], mine["prediction"])


@pytest.fixture
def desks(tmp_path: Path) -> Iterator[Callable[..., Desk]]:
    """Desks by world, days, faults; keywords change the label source."""
    made: list[Desk] = []

    def make(
        kind: WorldKind = WorldKind.REVIEW,
        days: int = 130,
        faults: LabelFaults | None = None,
        sample: Any = None,
        rows: int = 250,
        **changes: Any,
    ) -> Desk:
        root = tmp_path / f"desk-{len(made)}"
        root.mkdir()
        store = MetricsStore(f"sqlite:///{root}/monitor.db")
        store.upgrade()
        world = LateLabels(kind, 11, START, days=days, rows_per_day=rows, faults=faults or LabelFaults())
        made.append(Desk(root, world, store, changes, sample))
        return made[-1]

    yield make
    for desk in made:
        desk.store.dispose()


@pytest.mark.slow
def test_an_estimate_is_nearer_to_the_truth_than_what_has_arrived_and_its_intervals_hold_it(desks):
    desk = desks(faults=LabelFaults(concept=Concept(100), corrected=0.02)).begin()
    desk.measure(desk.world.days - 1)
    for metric in ("label_rate", "accuracy"):
        naive, estimated, final = (desk.values(name) for name in (f"naive.{metric}", metric, f"final.{metric}"))
        young = [day for day in range(105, 124) if estimated.loc[day, "status"] == "ok"]
        assert len(young) >= 15
        assert estimated.loc[young, "reason"].str.startswith("estimated from labels of").all()
        truth = np.array([desk.truth(metric, day) for day in young])
        bias = {name: (part.loc[young, "value"] - truth).mean() for name, part in (("n", naive), ("e", estimated))}
        assert abs(bias["e"]) < 0.4 * abs(bias["n"])
        held = (final.loc[young, "low"] <= truth) & (truth <= final.loc[young, "high"])
        assert held.mean() >= 0.8
        width = estimated["high"] - estimated["low"]
        assert (width.loc[young] > (final["high"] - final["low"]).loc[young]).all()


@pytest.mark.slow
def test_no_value_of_labels_at_hand_stands_under_the_metrics_own_name(desks):
    desk = desks(days=80, rows=100).begin()
    for day in range(68, 80):
        desk.measure(day)
    every = desk.known(families=["performance"])
    # Whether the labels are turned round is no performance.
    every = every[~every["metric"].isin(fault_names())]
    awaited = every[~every["is_final"] & ~every["metric"].str.contains(".", regex=False)]
    assert len(awaited) > 100
    judged = awaited[awaited["status"] == "ok"]
    assert judged["reason"].str.startswith("estimated from labels").all()
    assert awaited.loc[awaited["status"] == "immature", "value"].isna().all()
    assert not every.loc[every["is_final"], "metric"].str.contains(".", regex=False).any()


def test_without_a_history_it_says_what_is_missing_and_when_it_may_be_known(desks):
    desk = desks(days=12).begin()
    desk.measure(11)
    reasons = set(desk.values("roc_auc")["reason"])
    assert len(reasons) > 1
    assert all("not estimated: predictions have been followed for" in reason for reason in reasons)
    assert all("it may be" in reason and "judged on 2026-" in reason for reason in reasons)


@pytest.mark.slow
def test_where_labels_slow_down_nothing_is_estimated_and_it_is_said_by_how_much(desks):
    desk = desks(days=150, rows=400, faults=LabelFaults(slowdown=Slowdown(125, 2.0))).begin()
    desk.measure(120)
    assert desk.values("label_delay").loc[120, "value"] == 1.0
    assert set(desk.values("roc_auc").loc[100:112, "status"]) == {"ok"}
    desk.measure(149)
    slower = desk.values("label_delay").loc[149]
    assert 1.3 < slower["value"] < 3
    assert slower["low"] > 1
    assert "times as long" in slower["reason"]
    late = desk.values("roc_auc").loc[145]
    assert late["status"] == "immature"
    assert "not estimated while" in late["reason"]


@pytest.mark.slow
def test_labels_that_stop_are_a_number_of_silent_days(desks):
    desk = desks(days=120, faults=LabelFaults(outage=Outage(110, 30))).begin()
    desk.measure(109)
    assert desk.values("label_silence").loc[109, "value"] == 0
    desk.measure(119)
    assert desk.values("label_silence").loc[119, "value"] == 10
    assert "no labels arrived for 10 days" in desk.values("label_delay").loc[119, "reason"]


@pytest.mark.slow
def test_how_complete_labels_are_by_age_is_what_they_turn_out_to_be(desks):
    desk = desks().begin()
    desk.measure(desk.world.days - 1)
    found = desk.known(metric="label_maturity").query("window_start == window_start.max()").set_index("parameters")
    rows = desk.world.rows(0, desk.world.days - 1)
    for age in (7, 14, 30):
        row = found.loc[f"age={age}d"]
        came = float((np.floor(rows.known) - rows.day <= age).mean())
        assert row["value"] == pytest.approx(came, abs=0.02)
        assert row["low"] <= row["value"] <= row["high"]
        assert row["reason"].startswith(f"{row['value']:.0%} mature after {age} days")


@pytest.mark.slow
def test_what_scores_alone_say_is_muted_once_the_labels_have_contradicted_it(desks):
    faults = LabelFaults(concept=Concept(40, shift=1.2, slope=0.2))
    desk = desks(days=96, rows=150, horizon="30d", faults=faults).begin()
    for day in (*range(39, 66, 3), 94, 95):
        desk.measure(day)
    assert desk.values("cbpe.accuracy", as_of=desk.world.midnight(43)).loc[42, "status"] == "ok"
    last = desk.values("cbpe.accuracy").loc[95]
    assert last["status"] == "undefined"
    assert last["reason"].startswith("muted: ")
    board = desk.known(metric="scoreboard").query("window_start == window_start.max()").set_index("parameters")
    assert board.loc["cbpe.accuracy", "value"] > 2 * board.loc["two_stage.accuracy", "value"]
    assert "muted" in board.loc["cbpe.accuracy", "reason"]
    assert "muted" not in board.loc["two_stage.accuracy", "reason"]


def test_a_sample_of_labels_stands_for_all_rows_whenever_it_comes(desks):
    def drawn(rows: pd.DataFrame) -> pd.Series:
        return pd.Series(np.random.default_rng(3).random(len(rows)) < 0.15, rows.index)

    desk = desks(days=60, rows=800, sample=drawn, mode="sampled", faults=LabelFaults(concept=Concept(0))).begin()
    desk.measure(59, known=160)
    accuracy = desk.values("accuracy")
    truth = np.array([desk.truth("accuracy", day) for day in range(60)])
    assert set(accuracy["status"]) == {"ok"}
    assert abs((accuracy["value"] - truth).mean()) < 0.012
    assert np.abs(accuracy["value"] - truth).mean() < 0.045
    assert ((accuracy["low"] <= truth) & (truth <= accuracy["high"])).mean() >= 0.85


def test_labels_of_selected_rows_bound_what_all_rows_would_show(desks):
    desk = desks(days=40, mode="selective", sample=lambda rows: rows["prediction"] == 0).begin()
    desk.measure(39, known=160)
    for metric in ("accuracy", "roc_auc", "label_rate"):
        bounds = desk.values(f"bounds.{metric}")
        truth = np.array([desk.truth(metric, day) for day in range(40)])
        assert ((bounds["low"] - 0.005 <= truth) & (truth <= bounds["high"] + 0.005)).all()
        assert (bounds["high"] - bounds["low"] > 0.05).all()
        realised = desk.values(metric)
        assert realised["reason"].str.startswith("of the rows that get labels").all()


@pytest.mark.parametrize("mode", ["explicit", "sampled", "selective"])
def test_a_backfill_in_any_order_leaves_the_estimates_of_live_days(desks, mode):
    live, filled = (desks(days=9, rows=60, horizon="4d", mode=mode) for _ in range(2))
    order = list(range(9))
    for day in order:
        live.measure(day, is_backfill=True)
    random.Random(4).shuffle(order)
    for day in order:
        filled.measure(day, is_backfill=True)
    for known in (3, 6, 8, None):
        moment = None if known is None else live.world.midnight(known)
        left, right = (
            desk.known(families=["performance", "estimate"], as_of=moment)
            .query("metric != 'scoreboard'")
            .drop(columns=["recorded_at", "revision", "known_at", "reference"])
            .reset_index(drop=True)
            for desk in (live, filled)
        )
        assert len(left) > 0
        pd.testing.assert_frame_equal(left, right, rtol=1e-9)


@pytest.mark.slow
def test_a_window_asked_for_as_of_a_moment_is_estimated_as_it_was_then(desks):
    desk = desks(days=90).begin()
    desk.measure(80)
    stored = desk.values("roc_auc", as_of=desk.world.midnight(81)).loc[76]
    desk.measure(89)
    then = performance(desk.monitor, desk.window(76), desk.world.midnight(81))
    (again,) = (r.estimate for r in then if r.metric == "roc_auc")
    assert (again.value, again.low, again.high) == (stored["value"], stored["low"], stored["high"])


def test_a_guess_without_labels_may_not_retrain_unless_the_policy_says_so(desks):
    spec = desks(days=2, rows=5).monitor.spec.document()
    spec["policy"] = {"rules": [{"metric": "cbpe.roc_auc", "fall": 0.05, "action": "retrain"}]}
    with pytest.raises(SpecError, match=r"estimated without labels and cannot see concept drift.*trust_estimates"):
        MonitorSpec.from_document(spec)
    spec["policy"]["trust_estimates"] = True
    assert MonitorSpec.from_document(spec).policy.trust_estimates
    spec["policy"] = {"rules": [{"metric": "cbpe.roc_auc", "fall": 0.05, "action": "alert"}]}
    assert MonitorSpec.from_document(spec).policy.rules[0].metric == "cbpe.roc_auc"


@pytest.mark.parametrize("mode", ["selective", "sampled"])
def test_labels_of_a_part_need_a_binary_task_and_a_labelled_reference(desks, mode):
    spec = desks(days=2, rows=5).monitor.spec.document()
    spec["labels"][0]["mode"] = mode
    del spec["reference"]["label"]
    with pytest.raises(SpecError, match=rf"{mode} labels need a binary task, and a reference with a label"):
        MonitorSpec.from_document(spec)
