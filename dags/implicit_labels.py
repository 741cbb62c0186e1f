"""Labels of which only one kind is ever reported: chargebacks, churn, failures. Silence is the other kind, in the end.

Why a mode and not a zero for every row: nobody writes a file of customers who did not complain, and a zero written
before the horizon would be wrong for all those who still will. With `mode: implicit` a prediction without an event
becomes a negative when the horizon of its day has passed; until then no window is judged, as the labels at hand are
positives alone. An event that comes later still is a correction: the numbers are restated, an alarm may be taken back.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from airflow.sdk import dag, get_current_context, task
from credit_model import HOME, OUTCOMES

from airflow_ml_monitor import MonitorSpec, monitor_tasks
from airflow_ml_monitor.profile.label_source import LabelMode

EVENTS = HOME / "data" / "defaults"
credit = MonitorSpec.from_yaml("credit.yaml")
reported = replace(
    credit,
    name="credit_defaults",
    labels=(replace(credit.labels[0], source=f"{EVENTS}/*.parquet", mode=LabelMode.IMPLICIT),),
)


@task
def report_defaults() -> int:
    """What a collections department would send: the day's defaults, and no word of anyone else."""
    import credit_model as model
    import pandas as pd

    from airflow_ml_monitor.hooks.run_window import resolve_window

    day = resolve_window(get_current_context(), reported.rule()).start.date()
    outcomes = pd.read_parquet(OUTCOMES / f"{day}.parquet")
    events = outcomes[outcomes["defaulted"] == 1]
    model.write(events, EVENTS / f"{day}.parquet")
    return len(events)


@dag(schedule="@daily", start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False, max_active_runs=1)
def watch_defaults() -> None:
    report_defaults() >> monitor_tasks(reported, compact=True)


watch_defaults()
