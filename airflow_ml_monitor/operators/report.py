"""The window's page, written to a file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow_ml_monitor.operators.step import MonitorStep

if TYPE_CHECKING:
    from airflow_ml_monitor.monitor.lineage import Lineage
    from airflow_ml_monitor.monitor.run import Monitor, Run


class ReportOperator(MonitorStep):
    """Write the page of the run's window, as known by the run; put it after the decision. Returns the path.

    path: templated, e.g. '/reports/{{ ds }}.html'; its folder is made. The same knowledge gives the same bytes.
    Needs Matplotlib: pip install airflow-ml-monitor[report].
    """

    template_fields: Sequence[str] = (*MonitorStep.template_fields, "path")

    def __init__(self, *, path: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.path = path

    def measure(self, monitor: Monitor, run: Run) -> str:
        from pathlib import Path

        from airflow_ml_monitor.report.page import report

        day = run.rule.date_of(run.window.start)
        text = report(monitor.store, monitor.key, day=day, as_of=run.known_at, rule=str(run.rule))
        Path(self.path).parent.mkdir(parents=True, exist_ok=True)
        Path(self.path).write_text(text, encoding="utf-8")
        return self.path

    def lineage(self, monitor: Monitor, run: Run | None) -> Lineage:
        from airflow_ml_monitor.monitor.lineage import lineage_of_store

        return lineage_of_store(monitor, ["measurement", "decision"], [], self.path)
