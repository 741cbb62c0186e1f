"""All steps of one window in one call: for a decorated task, a notebook, a script."""

from __future__ import annotations

from typing import Any

from airflow_ml_monitor.monitor.judgement import decide
from airflow_ml_monitor.monitor.performance import measure_performance
from airflow_ml_monitor.monitor.run import Monitor, Run
from airflow_ml_monitor.monitor.steps import check_contract, measure_drift, measure_quality, scan
from airflow_ml_monitor.policy.decision import Decision


def measure_and_decide(monitor: Monitor, run: Run, rows: Any = None, *, act: bool = True) -> Decision:
    """Profile, measure all there is to measure, and judge; the same rows are stored as by the steps one by one.

    rows: the window's rows of the first dataset, a path or a DataFrame; None: those of its source. Labels are joined
    with the predictions of every day, which only the source has: performance is always measured there.
    """
    today = monitor if rows is None else monitor.on(rows)
    scan(today, run)
    for step in (measure_quality, check_contract, measure_drift):
        step(today, run)
    measure_performance(monitor, run)
    return decide(monitor, run, act=act)
