"""Realised performance of every window that is due."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_ml_monitor.operators.step import MonitorStep

if TYPE_CHECKING:
    from airflow_ml_monitor.monitor.lineage import Lineage
    from airflow_ml_monitor.monitor.run import Monitor, Run


class PerformanceOperator(MonitorStep):
    """Bring the label ledger up to date, then measure every window that is due: touched by labels, or awaiting them.

    A window whose labels are awaited is estimated, or has rows of status `immature` with the reason and no value; what
    the labels at hand come to is `naive.<metric>`."""

    def measure(self, monitor: Monitor, run: Run) -> dict[str, Any]:
        from airflow_ml_monitor.monitor.performance import measure_performance

        return measure_performance(monitor, run).document()

    def lineage(self, monitor: Monitor, run: Run | None) -> Lineage:
        from airflow_ml_monitor.monitor.lineage import Flow, lineage_of

        return lineage_of(monitor, run, Flow(writes=("label_entry", "measurement"), labels=True))
