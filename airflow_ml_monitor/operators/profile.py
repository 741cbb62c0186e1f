"""Scan the window's data once, into a stored profile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_ml_monitor.operators.step import MonitorStep

if TYPE_CHECKING:
    from airflow_ml_monitor.monitor.lineage import Lineage
    from airflow_ml_monitor.monitor.run import Monitor, Run


class ProfileOperator(MonitorStep):
    """Profile every dataset of the monitor in the run's window.

    Freezes the reference first if there is none. Data that arrives broken (a column missing, no rows, no file) is kept
    in the profile as a fault; the task succeeds. Returns rows and faults by dataset."""

    def measure(self, monitor: Monitor, run: Run) -> dict[str, Any]:
        from airflow_ml_monitor.monitor.steps import scan

        return scan(monitor, run)

    def lineage(self, monitor: Monitor, run: Run | None) -> Lineage:
        from airflow_ml_monitor.monitor.lineage import Flow, lineage_of

        return lineage_of(monitor, run, Flow(writes=("profile",)))
