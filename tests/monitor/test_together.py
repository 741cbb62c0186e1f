"""A relation between columns that breaks while each column stays as it was: from the day it comes to the decision."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.keys import Window
from airflow_ml_monitor.measurement import Family, Status
from airflow_ml_monitor.monitor.judgement import decide
from airflow_ml_monitor.monitor.run import Monitor, Run
from airflow_ml_monitor.monitor.spec import MonitorSpec
from airflow_ml_monitor.monitor.steps import measure_drift, measure_quality
from airflow_ml_monitor.policy.decision import Decision
from airflow_ml_monitor.store.repository import MetricsStore

FIRST = datetime(2026, 3, 1, tzinfo=UTC)
ROWS = 800
COLUMNS = {"income": "numeric", "loan": "numeric", "age": "numeric", "kind": "categorical"}


def rows(number: int, *, is_broken: bool = False) -> pd.DataFrame:
    """The loan and the score follow the income; is_broken: those of other rows."""
    rng = np.random.default_rng(number + 100)
    at = pd.Timestamp(FIRST) + pd.to_timedelta(number * 86_400 + rng.integers(0, 86_400, ROWS), unit="s")
    income = rng.lognormal(8, 0.5, ROWS)
    loan = income * rng.lognormal(1, 0.3, ROWS)
    score = 1 / (1 + (loan / 8_000))
    if is_broken:
        loan = rng.permutation(loan)
    kind = rng.choice(["a", "b", "c"], ROWS)
    return pd.DataFrame({
        "at": at, "income": income, "loan": loan, "age": rng.normal(40, 10, ROWS), "kind": kind, "score": score
    })  # fmt: skip


def spec_of(folder: Path, **policy: Any) -> MonitorSpec:
    return MonitorSpec.from_document({
        "name": "m",
        "task": {"kind": "binary", "positive": 1},
        "datasets": [{
            "name": "rows",
            "source": str(folder / "day-*.parquet"),
            "event_time": "at",
            "columns": {**COLUMNS, "score": {"kind": "numeric", "role": "score"}},
        }],
        "reference": {"source": str(folder / "reference.parquet")},
        "policy": policy,
    })  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A reference, a quiet day, and one on which loans are others'."""
    found = tmp_path_factory.mktemp("together")
    pd.concat([rows(-number) for number in range(1, 11)]).to_parquet(found / "reference.parquet")
    for number in range(2):
        rows(number, is_broken=number == 1).to_parquet(found / f"day-{number}.parquet")
    return found


def decided(folder: Path, store: MetricsStore, **policy: Any) -> tuple[Monitor, list[Decision]]:
    monitor, made = Monitor(spec_of(folder, **policy), store), []
    for number in range(2):
        start = FIRST + timedelta(days=number)
        run = Run(Window(start, start + timedelta(days=1)), monitor.spec.windows[0], start + timedelta(hours=30))
        measure_quality(monitor, run)
        measure_drift(monitor, run)
        made.append(decide(monitor, run))
    return monitor, made


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ({"metric": "correlation_change", "max": 0.3, "parameters": ""}, "correlation_change"),
        ({"metric": "correlation_change", "min": -0.5, "parameters": "income~loan"}, "income~loan"),
        ({"metric": "correlation_change", "min": -0.5, "max": 0.5, "parameters": "loan~score"}, "loan~score"),
        ({"metric": "component_variance", "min": -0.3}, "component_variance"),
        ({"metric": "reconstruction_error", "rise_share": 0.2}, "reconstruction_error"),
    ],
    ids=lambda rule: rule if isinstance(rule, str) else "",
)
def test_a_rule_on_columns_together_alarms_where_none_changed_by_itself(
    folder: Path, tmp_path: Path, rule: dict[str, Any], told: str
) -> None:
    store = MetricsStore(f"sqlite:///{tmp_path}/metrics.db")
    store.upgrade()
    alone = {"metric": "psi", "max": 0.1, "action": "retrain"}
    monitor, (quiet, broken) = decided(folder, store, rules=[{**rule, "action": "alert"}, alone], charts=[])
    found = store.current(monitor.spec.key, families=[Family.DRIFT, Family.QUALITY])
    store.dispose()
    assert quiet.action.value == "none"
    assert broken.action.value == "alert"
    assert told in broken.because
    mine = [r.measurement for r in found if r.measurement.metric == rule["metric"]]
    assert mine
    assert {m.status for m in mine} == {Status.OK}
    assert {m.column for m in mine} == {""}


def test_charts_may_watch_what_columns_do_together(folder: Path) -> None:
    charts = ["correlation_change", {"metric": "component_variance", "least": 0.2}, "component_mean"]
    found = [chart.metric for chart in spec_of(folder, charts=charts).policy.charts]
    assert found == ["correlation_change", "component_variance", "component_mean"]
    with pytest.raises(SpecError, match="psi"):
        spec_of(folder, charts=["psi"])
