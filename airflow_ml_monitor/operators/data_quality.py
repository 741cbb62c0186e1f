"""How sound the window's data is: our own metrics, and the contract's rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_ml_monitor.measurement import Family
from airflow_ml_monitor.operators.step import MonitorStep

if TYPE_CHECKING:
    from airflow_ml_monitor.monitor.lineage import Lineage
    from airflow_ml_monitor.monitor.run import Monitor, Run


class DataQualityOperator(MonitorStep):
    """Measure quality from the stored profile, and check the contract by it, or else with Great Expectations.

    At most 100,000 rows go through Great Expectations; the stored result names the cap. A rule passes, fails, or could
    not be evaluated: three outcomes, none of which fails the task.
    """

    def measure(self, monitor: Monitor, run: Run) -> dict[str, Any]:
        from airflow_ml_monitor.monitor.steps import check_contract, measure_quality

        quality = measure_quality(monitor, run)
        return {"quality": quality.document(), "contract": check_contract(monitor, run).document()}

    def lineage(self, monitor: Monitor, run: Run | None) -> Lineage:
        from airflow_ml_monitor.monitor.lineage import FAULTS, Flow, lineage_of

        return lineage_of(monitor, run, Flow(reads=("profile",), asserts=(Family.CONTRACT, *FAULTS)))
