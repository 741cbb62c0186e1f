"""The applications watched before the scores that are made of them: which of two alarms is the cause?

Why two monitors: whoever owns the feed should hear of a broken feed, also where nothing was scored, and without the
model's rules in the way. Why `upstream`: the monitor of the scores says whose data it is made of. While the
applications have an incident, it explains what the scores show: they wait, name it, and nobody retrains on a broken
feed. To hold back the scoring as well, put a MeasurementSensor on the applications (see `waiting_consumer.py`) before
it. Why `compact`: two groups of six tasks would hide that there are two monitors.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from airflow.sdk import dag
from credit_model import APPLICATIONS

from airflow_ml_monitor import MonitorSpec, Policy, Reference, monitor_tasks

credit = MonitorSpec.from_yaml("credit.yaml")
raw = tuple(column for column in credit.dataset().columns if column.role == "feature")
applications = replace(
    credit,
    name="applications",
    datasets=(
        replace(
            credit.dataset(),
            name="applications",
            source=f"{APPLICATIONS}/*.parquet",
            columns=raw,
            slice_by=(),
        ),
    ),
    labels=(),
    reference=Reference(credit.reference.source),
    policy=Policy(rules=tuple(rule for rule in credit.policy.rules if rule.action != "retrain")),
)
scores = replace(credit, name="credit_scores", upstream=(applications.key,))


@dag(schedule="@daily", start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False, max_active_runs=1)
def watch_upstream_first() -> None:
    monitor_tasks(applications, compact=True) >> monitor_tasks(scores, compact=True)


watch_upstream_first()
