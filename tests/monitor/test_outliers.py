"""Rows that do not go together, from the day on which they arrive to the decision."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from airflow_ml_monitor.keys import Window
from airflow_ml_monitor.measurement import Family
from airflow_ml_monitor.monitor.judgement import decide
from airflow_ml_monitor.monitor.run import Monitor, Run
from airflow_ml_monitor.monitor.spec import MonitorSpec
from airflow_ml_monitor.monitor.steps import measure_quality
from airflow_ml_monitor.store.repository import MetricsStore

FIRST = datetime(2026, 3, 1, tzinfo=UTC)
ROWS = 500


def rows(number: int) -> pd.DataFrame:
    """The loan follows the income."""
    rng = np.random.default_rng(number + 100)
    at = pd.Timestamp(FIRST) + pd.to_timedelta(number * 86_400 + rng.integers(0, 86_400, ROWS), unit="s")
    income = rng.lognormal(8, 0.5, ROWS)
    loan = income * rng.lognormal(1, 0.1, ROWS)
    return pd.DataFrame({"at": at, "income": income, "loan": loan, "age": rng.normal(40, 10, ROWS)})


def test_a_rule_on_the_share_of_outliers_alarms_where_no_column_changed(tmp_path: Path) -> None:
    pd.concat([rows(-number) for number in range(1, 9)]).to_parquet(tmp_path / "reference.parquet")
    spec = MonitorSpec.from_document({
        "name": "m",
        "task": {"kind": "binary", "positive": 1},
        "datasets": [{
            "name": "rows",
            "source": str(tmp_path / "day-*.parquet"),
            "event_time": "at",
            "columns": dict.fromkeys(("income", "loan", "age"), "numeric"),
        }],
        "reference": {"source": str(tmp_path / "reference.parquet")},
        "policy": {"rules": [{"metric": "outlier_share", "max": 0.01, "action": "alert"}]},
    })  # fmt: skip
    store = MetricsStore(f"sqlite:///{tmp_path}/metrics.db")
    store.upgrade()
    monitor = Monitor(spec, store)
    made = []
    for number in range(2):
        frame = rows(number)
        if number == 1:
            # Every tenth loan is another one's.
            frame.loc[::10, "loan"] = frame.loc[::10, "loan"].to_numpy()[::-1]
        frame.to_parquet(tmp_path / f"day-{number}.parquet")
        start = FIRST + timedelta(days=number)
        run = Run(Window(start, start + timedelta(days=1)), spec.windows[0], start + timedelta(hours=30))
        measure_quality(monitor, run)
        made.append(decide(monitor, run))
    found = [r for r in store.current(spec.key, families=[Family.QUALITY]) if r.measurement.metric == "outlier_share"]
    by_day = {r.head.window.start: r.measurement.estimate for r in found if r.head.window.end > FIRST}
    store.dispose()
    quiet, broken = (by_day[FIRST + timedelta(days=number)] for number in range(2))
    assert quiet is not None
    assert broken is not None
    assert (quiet.n, quiet.value < 0.01, broken.value > 0.02) == (ROWS, True, True)
    assert made[0].action.value != "alert"
    assert made[1].action.value == "alert"
    assert "outlier_share" in made[1].because
