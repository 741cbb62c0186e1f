"""How far the window's data is from the reference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_ml_monitor.operators.step import MonitorStep

if TYPE_CHECKING:
    from airflow_ml_monitor.monitor.lineage import Lineage
    from airflow_ml_monitor.monitor.run import Monitor, Run


class DriftOperator(MonitorStep):
    """Measure every drift metric from the stored profile; scans only if there is none.

    Drift never fails the task: it is measured here and judged by DecideOperator."""

    def measure(self, monitor: Monitor, run: Run) -> dict[str, Any]:
        from airflow_ml_monitor.monitor.steps import measure_drift

        return measure_drift(monitor, run).document()

    def lineage(self, monitor: Monitor, run: Run | None) -> Lineage:
        from airflow_ml_monitor.monitor.lineage import Flow, lineage_of

        return lineage_of(monitor, run, Flow(reads=("profile",)))
