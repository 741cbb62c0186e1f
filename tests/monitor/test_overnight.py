"""A feed that changed overnight in several ways: the decision names each of them, and nobody retrains."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pytest

from airflow_ml_monitor.keys import Window
from airflow_ml_monitor.monitor.judgement import decide
from airflow_ml_monitor.monitor.run import Monitor, Run
from airflow_ml_monitor.monitor.spec import MonitorSpec
from airflow_ml_monitor.monitor.steps import check_contract, measure_drift, measure_quality, scan
from airflow_ml_monitor.policy.decision import Decision
from airflow_ml_monitor.store.repository import MetricsStore


@pytest.fixture(scope="module")
def source(builders: Callable[[str], ModuleType]) -> ModuleType:
    return builders("metrics/fault/conftest.py")


@pytest.fixture(scope="module")
def night(builders: Callable[[str], ModuleType]) -> ModuleType:
    return builders("metrics/fault/overnight.py")


@pytest.fixture
def spec(tmp_path: Path, source: ModuleType, night: ModuleType) -> MonitorSpec:
    (tmp_path / "feed").mkdir()
    past = pd.concat([source.day(-number) for number in range(1, 15)], ignore_index=True)
    night.with_calls(past, 99).to_parquet(tmp_path / "reference.parquet")
    columns = {c.name: {"kind": c.kind.value, "role": c.role.value} for c in source.COLUMNS}
    dataset = {
        "name": "applications",
        "source": f"{tmp_path}/feed/*.parquet",
        "event_time": "at",
        "entity_key": "id",
        "columns": {**columns, "call": "numeric"},
    }
    rule = {"metric": "psi", "max": 0.2, "action": "retrain"}
    document: dict[str, Any] = {
        "name": "night",
        "task": "binary",
        "datasets": [dataset],
        "reference": {"source": f"{tmp_path}/reference.parquet"},
        "policy": {"rules": [rule]},
    }
    return MonitorSpec.from_document(document)


@pytest.fixture
def live(tmp_path: Path, spec: MonitorSpec, source: ModuleType) -> Callable[[pd.DataFrame, int], Decision]:
    """live(frame, number): a day's file lands, its steps run, and what is decided."""
    store = MetricsStore(f"sqlite:///{tmp_path}/metrics.db")
    store.upgrade()
    monitor = Monitor(spec, store)

    def work(frame: pd.DataFrame, number: int) -> Decision:
        frame.to_parquet(tmp_path / "feed" / f"{number}.parquet")
        start = source.FIRST + timedelta(days=number)
        window = Window(start, start + timedelta(days=1))
        run = Run(window, spec.rule(), window.end)
        for step in (scan, measure_quality, check_contract, measure_drift):
            step(monitor, run)
        return decide(monitor, run)

    return work


def test_the_decision_names_each_change_and_nothing_else(
    live: Callable[[pd.DataFrame, int], Decision], source: ModuleType, night: ModuleType
) -> None:
    for number in range(3):
        decision = live(night.with_calls(source.day(number), number), number)
        assert decision.action == "none", decision.because
    decision = live(night.changed(night.with_calls(source.day(3), 3), 3), 3)
    assert decision.action == "investigate_data"
    told = decision.because
    for name, column, parameters in night.NAMED - {("column_added", "", "column=channel")}:
        assert f"{name} of {column} [{parameters}]" in told
    # A note; and what the names explain is not said a second time.
    for silent in ("column_added", "is missing", "arrived as", "psi"):
        assert silent not in told


def test_a_column_that_was_only_added_is_stored_and_asks_for_nothing(
    live: Callable[[pd.DataFrame, int], Decision], source: ModuleType, night: ModuleType, tmp_path: Path
) -> None:
    live(night.with_calls(source.day(0), 0), 0)
    decision = live(night.with_calls(source.day(1), 1).assign(channel="web"), 1)
    assert decision.action == "none", decision.because
    stored = MetricsStore(f"sqlite:///{tmp_path}/metrics.db").history("default/night", metric="column_added")
    assert stored.query("value > 0")["parameters"].tolist() == ["column=channel"]
