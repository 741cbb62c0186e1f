"""Performance is measured again when labels have come, and not when a clock strikes.

Why: labels of a review queue or of a partner come in bursts, hours or weeks apart. A daily run finds nothing new on
most days and is late on the others. Here the triggerer watches the label files; when they hold labels or corrections of
which the monitor does not know, the asset changes and the DAG runs: it measures every day that they touch, however old,
among those that the daily monitor has seen. Where the files have not changed the watcher reads none of them.
Why beside the daily monitor and not instead of it: a day whose predictions or labels did not come must be noticed too,
and nobody tells an asset of what did not happen. So the daily run decides, on what is measured by then.
Two things to know: the triggerer must see the files (a shared disk); and labels are told up to `poke_interval` seconds
after they landed.
"""

from __future__ import annotations

from datetime import UTC, datetime

from airflow.sdk import Asset, AssetWatcher, dag

from airflow_ml_monitor import MonitorSpec, PerformanceOperator
from airflow_ml_monitor.triggers.labels_arrived import LabelsArrivedTrigger

credit = MonitorSpec.from_yaml("credit.yaml")
watcher = AssetWatcher(name="credit_labels_arrived", trigger=LabelsArrivedTrigger(credit, poke_interval=300))
LABELS = Asset("credit_labels", watchers=[watcher])


@dag(schedule=[LABELS], start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False, max_active_runs=1)
def measure_what_arrived() -> None:
    PerformanceOperator(task_id="performance", spec=credit)


measure_what_arrived()
