"""Labels that do not say when they became known: a table that is overwritten, a file without a date.

Why it works at all: without `label_time` a label counts as known from the run that first sees it, so from now on the
history is right to the day, as long as the DAG runs. What is lost: the past. Labels that lay there before the first run
are all "known" on that day, whenever they came; performance as of an older day is what was first seen by then, and not
what could have been seen; and a backfill is refused in words, as it would give every old day the knowledge of today.
So add a column of arrival to the source where you can, e.g. the load time that most warehouses keep anyway.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from airflow_ml_monitor import MonitorSpec, monitoring_dag

credit = MonitorSpec.from_yaml("credit.yaml")
undated = replace(credit, name="credit_undated", labels=(replace(credit.labels[0], label_time=None),))

monitor_credit_undated = monitoring_dag(undated, datetime(2026, 1, 1, tzinfo=UTC))
