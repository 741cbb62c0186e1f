"""Months beside days on one monitor: what a committee reads, and what wakes somebody up.

Why: a day tells that something broke; a month has the rows to tell that a model is slowly getting worse. Each rule of
windows has its own measurements, series and alarms; the incidents are the monitor's. Why two DAGs: each runs when its
windows end, the months on the first by the calendar of the windows' zone and not after thirty days. Where a month and
a day end together, either may come first. A month is scanned whole once it is over, so a day that was mended on the
20th is right in it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from airflow_ml_monitor import MonitorSpec, WindowRule, WindowUnit, monitoring_dag

START = datetime(2026, 1, 1, tzinfo=UTC)
credit = MonitorSpec.from_yaml("credit.yaml")
calendar = replace(credit, name="credit_calendar", windows=(WindowRule(WindowUnit.DAY), WindowRule(WindowUnit.MONTH)))

each_day = monitoring_dag(calendar, START, dag_id="monitor_credit_days", rule="day")
each_month = monitoring_dag(calendar, START, dag_id="monitor_credit_months", rule="month")
