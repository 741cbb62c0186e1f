"""A feed that has been another one than the training data ever since it was first measured."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from airflow_ml_monitor.keys import Window
from airflow_ml_monitor.monitor.judgement import decide
from airflow_ml_monitor.monitor.run import Monitor, Run
from airflow_ml_monitor.monitor.spec import MonitorSpec
from airflow_ml_monitor.monitor.steps import measure_quality
from airflow_ml_monitor.store.repository import MetricsStore

FIRST = datetime(2026, 3, 1, tzinfo=UTC)
SINCE = 16
"""Days, and each of them is different: more than are looked back at."""
Serve = Callable[[pd.DataFrame], pd.DataFrame]


def rows(number: int, size: int = 600) -> pd.DataFrame:
    rng = np.random.default_rng(number + 100)
    return pd.DataFrame({
        "at": pd.Timestamp(FIRST + timedelta(days=number)) + pd.to_timedelta(rng.integers(0, 86_400, size), unit="s"),
        "income": rng.lognormal(8, 0.5, size),
        "balance": rng.normal(500, 120, size),
        "purpose": rng.choice(["car", "home", "study"], size, p=[0.5, 0.3, 0.2]),
        "score": rng.beta(2, 5, size),
    })  # fmt: skip


DIFFERENT: dict[str, tuple[Serve, str]] = {
    "another unit": (lambda t: t.assign(income=t["income"] * 1000), "unit_changed of income [times=1000]"),
    "never filled": (lambda t: t.assign(income=np.nan), "all_missing of income"),
    "filled for some": (lambda t: t.assign(income=t["income"].where(t.index % 3 > 0)), "missing_flood of income"),
    "a default": (
        lambda t: t.assign(balance=t["balance"].where(t.index % 3 > 0, 0.0)),
        "default_flood of balance [value=0]",
    ),
    "one value": (lambda t: t.assign(balance=350.0), "default_flood of balance [value=350]"),
    "another code": (
        lambda t: t.assign(purpose=t["purpose"].map({"car": "P1", "home": "P2", "study": "P3"})),
        "category_recoded of purpose",
    ),
    "in capitals": (lambda t: t.assign(purpose=t["purpose"].str.upper()), "category_recoded of purpose"),
    "turned round": (lambda t: t.assign(balance=-t["balance"]), "sign_flipped of balance"),
    "not there": (lambda t: t.drop(columns=["balance"]), "column_missing of balance"),
    "as text": (lambda t: t.assign(balance=t["balance"].map("{:.2f} EUR".format)), "type_changed of balance"),
    "exchanged": (lambda t: t.assign(income=t["balance"], balance=t["income"]), "swapped of "),
}


@pytest.mark.parametrize("what", DIFFERENT)
def test_it_is_named_in_the_first_window_and_not_taken_for_usual_later(what: str, tmp_path: Path) -> None:
    serve, name = DIFFERENT[what]
    pd.concat([rows(-number) for number in range(1, 15)]).to_parquet(tmp_path / "reference.parquet")
    for number in range(SINCE):
        serve(rows(number)).to_parquet(tmp_path / f"day-{number:02}.parquet")
    columns = {"income": "numeric", "balance": "numeric", "purpose": "categorical", "score": {"role": "score"}}
    dataset = {"name": "rows", "source": str(tmp_path / "day-*.parquet"), "event_time": "at", "columns": columns}
    spec = MonitorSpec.from_document({
        "name": "m", "task": "binary", "datasets": [dataset], "reference": str(tmp_path / "reference.parquet"),
        "contract": None,
    })  # fmt: skip
    store = MetricsStore(f"sqlite:///{tmp_path / 'metrics.db'}")
    store.upgrade()
    monitor, alarms = Monitor(spec, store), {}
    for number in range(SINCE):
        window = Window(FIRST + timedelta(days=number), FIRST + timedelta(days=number + 1))
        run = Run(window, spec.rule(), window.end)
        measure_quality(monitor, run)
        alarms[number] = [a["text"] for a in decide(monitor, run).evidence["alarms"] if a["window"] == str(window)]
    store.dispose()
    missed = [number for number, texts in alarms.items() if not any(text.startswith(name) for text in texts)]
    assert missed == [], alarms
