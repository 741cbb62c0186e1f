"""Monitoring that starts when the data is there, and measures the window that the data is of.

Why: predictions are done when they are done; a clock starts too early or too late. A run that an asset starts has
neither a date nor an interval, so the producer names the window in the event's extra, and the monitor measures that:
a day that is delivered late, or twice, is measured as the day it is. Without the extra it would be the newest day that
is over, which is right only while nothing is late.
One thing to know: Airflow starts one run for all events that have come since the last one. A run measures one window,
the newest, and its log names how many there were; so deliver one day after the other, or start the monitor by hand for
a day that was passed over.

To try it, trigger `deliver_predictions` with {"window_start": "2026-01-05T00:00Z", "window_end": "2026-01-06T00:00Z"}.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from airflow.sdk import Asset, dag, get_current_context, task

from airflow_ml_monitor import MonitorSpec, monitoring_dag

START = datetime(2026, 1, 1, tzinfo=UTC)
PREDICTIONS = Asset("credit_predictions")
delivered = replace(MonitorSpec.from_yaml("credit.yaml"), name="credit_delivered")


@task(outlets=[PREDICTIONS])
def deliver() -> dict[str, str]:
    """Where the task that writes the day's predictions would stand; here they lie there already."""
    from airflow_ml_monitor.hooks.run_window import resolve_window

    context: Any = get_current_context()
    window = resolve_window(context, delivered.rule())
    named = {"window_start": window.start.isoformat(), "window_end": window.end.isoformat()}
    context["outlet_events"][PREDICTIONS].extra = named
    return named


@dag(schedule="@daily", start_date=START, catchup=False)
def deliver_predictions() -> None:
    deliver()


deliver_predictions()
monitor_credit_delivered = monitoring_dag(delivered, START, schedule=[PREDICTIONS])
