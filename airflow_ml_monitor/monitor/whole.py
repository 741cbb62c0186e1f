"""All measurements of one window in one call: for one task in place of four, a decorated task, a notebook."""

from __future__ import annotations

from typing import Any

from airflow_ml_monitor.monitor.performance import measure_performance
from airflow_ml_monitor.monitor.run import Monitor, Run
from airflow_ml_monitor.monitor.steps import check_contract, measure_drift, measure_quality, scan


def measure_all(monitor: Monitor, run: Run, rows: Any = None) -> dict[str, Any]:
    """Profile, then quality, contract, drift and performance; what each did, as small JSON.

    The same rows are stored as by the steps one by one. rows: the window's rows of the first dataset, a path or a
    DataFrame; None: those of its source. Labels are joined with the predictions of every day, which only the source
    has: performance is always measured there.
    """
    today = monitor if rows is None else monitor.on(rows)
    return {
        "profile": scan(today, run),
        "quality": measure_quality(today, run).document(),
        "contract": check_contract(today, run).document(),
        "drift": measure_drift(today, run).document(),
        "performance": measure_performance(monitor, run).document(),
    }
