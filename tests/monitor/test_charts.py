"""Charts of a monitor: what they need, what a decision says of them, and that history does not change it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from airflow_ml_monitor.keys import Window
from airflow_ml_monitor.monitor.judgement import decide
from airflow_ml_monitor.monitor.performance import measure_performance
from airflow_ml_monitor.monitor.run import Monitor, Run
from airflow_ml_monitor.monitor.spec import MonitorSpec
from airflow_ml_monitor.monitor.steps import measure_drift, measure_quality
from airflow_ml_monitor.policy.action import Action
from airflow_ml_monitor.policy.charts.watch import LEAST_WINDOWS
from airflow_ml_monitor.policy.decision import Decision
from airflow_ml_monitor.policy.feedback import Feedback
from airflow_ml_monitor.store.repository import MetricsStore

FIRST = datetime(2026, 3, 2, tzinfo=UTC)
DAYS, CHANGED, ROWS = 34, 30, 3000


def rows(number: int, *, moved: bool = False, worse: bool = False, version: str = "v1") -> pd.DataFrame:
    rng = np.random.default_rng(number + 100)
    weekday = 0.1 * np.sin(2 * np.pi * number / 7)
    income = rng.lognormal(8 + 0.5 * weekday, 0.5, ROWS) * (1.15 if moved else 1.0)
    score = rng.beta(2, 3, ROWS)
    start = FIRST + timedelta(days=number)
    return pd.DataFrame({
        "id": [f"{number}-{i}" for i in range(ROWS)],
        "at": pd.Timestamp(start) + pd.to_timedelta(rng.integers(0, 86_400, ROWS), unit="s"),
        "income": income,
        "country": rng.choice(["de", "fr", "it"], ROWS, p=[0.5, 0.3, 0.2]),
        "score": score if version == "v1" else score**0.7,
        "version": version,
        "label": (rng.random(ROWS) < (0.4 if worse else score)).astype(int),
    })  # fmt: skip


class Desk:
    """A model's days on disk and a monitor without a rule; labels are there at once."""

    def __init__(self, folder: Path, *, versioned: bool = False, **policy: Any) -> None:
        self.folder = folder
        self.steps = [measure_quality, measure_drift]
        pd.concat([rows(-number) for number in range(1, 8)]).to_parquet(folder / "reference.parquet")
        labels = {"name": "labels", "source": str(folder / "day-*.parquet"), "key": "id", "label": "label"}
        columns = {"income": "numeric", "country": "categorical", "score": {"role": "score"}}
        columns |= {"version": {"kind": "categorical", "role": "version"}} if versioned else {}
        self.spec = MonitorSpec.from_document({
            "name": "m",
            "task": {"kind": "binary", "positive": 1},
            "datasets": [{
                "name": "rows",
                "source": str(folder / "day-*.parquet"),
                "event_time": "at",
                "entity_key": "id",
                "columns": columns,
            }],
            "labels": [{**labels, "label_time": "at", "horizon": "1d"}],
            "reference": {"source": str(folder / "reference.parquet"), "label": "label"},
            "measurements": ["completeness"],
            "contract": None,
            "policy": policy,
        })  # fmt: skip
        self.store = MetricsStore(f"sqlite:///{folder}/metrics.db")
        self.store.upgrade()

    def run(self, number: int) -> Run:
        start = FIRST + timedelta(days=number)
        window = Window(start, start + timedelta(days=1))
        return Run(window, self.spec.windows[0], window.end + timedelta(days=2))

    def land(self, number: int, **how: Any) -> None:
        rows(number, **how).to_parquet(self.folder / f"day-{number + 50:03}.parquet")

    def measure(self, number: int) -> None:
        monitor, run = Monitor(self.spec, self.store), self.run(number)
        for step in self.steps:
            step(monitor, run)

    def decide(self, number: int) -> Decision:
        return decide(Monitor(self.spec, self.store), self.run(number))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    desk.store.dispose()


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory) -> list[Decision]:
    """Every evening's decision about a column that moves on day `CHANGED`."""
    desk = Desk(tmp_path_factory.mktemp("moved"))
    decisions = live(desk, moved=True)
    desk.store.dispose()
    return decisions


def live(desk: Desk, days: int = DAYS, **how: Any) -> list[Decision]:
    """Every evening's decision; from `CHANGED` on the days are different."""
    found = []
    for number in range(days):
        desk.land(number, **(how if number >= CHANGED else {}))
        desk.measure(number)
        found.append(desk.decide(number))
    return found


def test_a_moved_column_is_alerted_by_name_with_its_size_and_the_smallest_that_matters(moved: list[Decision]) -> None:
    assert {d.action for d in moved[:CHANGED]} <= {Action.NONE, Action.WAIT}
    first = next(d for d in moved[CHANGED:] if d.action is Action.ALERT)
    assert moved.index(first) <= CHANGED + 3
    assert "location of income moved by +0.2" in first.because
    assert "(0.04 would matter; 3000 rows)" in first.because
    assert "at 1 false alarm a year" in first.because
    alarm = first.evidence["alarms"][0]
    assert (alarm["rule"], alarm["metric"], alarm["column"]) == ("chart of shift", "shift", "income")


def test_a_chart_says_how_long_it_has_looked_and_what_it_can_see(moved: list[Decision]) -> None:
    early, late = moved[9].evidence["charts"][0], moved[19].evidence["charts"][0]
    assert early["status"] == "too_few"
    assert early["windows_needed"] == LEAST_WINDOWS + 1 - 10
    assert late["status"] == "ok"
    assert set(late["detectable"]["by_column"]) == {"income", "country", "score"}
    assert all(0 < size < 1 for size in late["detectable"]["by_column"].values())


def test_judged_at_once_it_is_what_it_was_day_by_day(desk: Desk, moved: list[Decision]) -> None:
    for number in range(DAYS):
        desk.land(number, moved=number >= CHANGED)
        desk.measure(number)
    last = desk.decide(DAYS - 1)
    assert last.evidence["alarms"] == moved[-1].evidence["alarms"]
    assert last.evidence["charts"] == moved[-1].evidence["charts"]


def test_a_realised_loss_is_found_by_a_chart_of_its_metric_and_no_gain_is(tmp_path: Path) -> None:
    chart = {"metric": "roc_auc", "action": "retrain", "least": 0.02}
    desk = Desk(tmp_path, charts=[chart])
    desk.steps.append(measure_performance)
    decisions = live(desk, worse=True)
    first = next(d for d in decisions if d.action is Action.RETRAIN)
    assert CHANGED <= decisions.index(first) <= CHANGED + 4
    assert "roc_auc moved by -0." in first.because
    desk.store.dispose()


def test_without_a_budget_nothing_is_charted(tmp_path: Path) -> None:
    desk = Desk(tmp_path, false_alarms_per_year=0)
    for number in range(20):
        desk.land(number)
        desk.measure(number)
    assert desk.decide(19).evidence["charts"] == []
    desk.store.dispose()


def test_days_of_broken_data_are_no_drift(desk: Desk) -> None:
    for number in range(CHANGED + 3):
        desk.land(number)
        if number in (CHANGED, CHANGED + 1):
            broken = rows(number).assign(income=lambda rows: rows["income"] * 1000)
            broken.to_parquet(desk.folder / f"day-{number + 50:03}.parquet")
        desk.measure(number)
    decision = desk.decide(CHANGED + 2)
    assert not [alarm for alarm in decision.evidence["alarms"] if alarm["metric"] == "shift"]


def test_a_decision_tells_when_it_began_and_how(moved: list[Decision]) -> None:
    change = moved[-1].evidence["charts"][0]["changes"][0]
    began = (FIRST + timedelta(days=CHANGED)).date().isoformat()
    assert (change["column"], change["component"]) == ("income", "location")
    assert change["first"] <= began <= change["last"]
    assert change["shape"] in ("sudden", "unclear")
    assert f"location of income changed on {change['at']}" in moved[-1].because


@pytest.mark.parametrize("versioned", [True, False])
def test_another_models_scores_are_another_thing_where_its_version_is_told(tmp_path: Path, versioned: bool) -> None:
    desk = Desk(tmp_path, versioned=versioned)
    decisions = live(desk, version="v2")
    alarmed = {alarm["column"] for d in decisions for alarm in d.evidence["alarms"] if alarm["metric"] == "shift"}
    began = (FIRST + timedelta(days=CHANGED)).date().isoformat()
    told = f"other model versions answer from {began} on: score charted anew, after 14 windows"
    assert alarmed == (set() if versioned else {"score"})
    assert [told in d.because for d in decisions] == [versioned and day == CHANGED for day in range(DAYS)]
    seen = decisions[-1].evidence["charts"][0]["detectable"]["by_column"]
    assert set(seen) == {"income", "country"} | (set() if versioned else {"score"})
    desk.store.dispose()


def test_a_level_whose_alarm_was_called_false_is_the_usual_one_from_then_on(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    last = live(desk, moved=True)[-1]
    assert [alarm["column"] for alarm in last.evidence["alarms"] if alarm["window"] == str(desk.run(DAYS - 1).window)]
    said = Feedback(last.incident, is_true=False, given_at=last.known_at + timedelta(hours=1), note="a new campaign")
    desk.store.save_feedback(last.monitor, said)
    for number in (DAYS, DAYS + 1):
        desk.land(number, moved=True)
        desk.measure(number)
    first, later = desk.decide(DAYS), desk.decide(DAYS + 1)
    assert "as its alarm was called false: location of income" in first.because
    # The windows that it was said of stay as they were judged, and no later one alarms.
    for decision in (first, later):
        assert {alarm["window"] for alarm in decision.evidence["alarms"]} == {
            alarm["window"] for alarm in last.evidence["alarms"]
        }
    desk.store.dispose()
