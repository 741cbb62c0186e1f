"""What lately was usual, beside what the model was trained on; and quarters, made of days that are stored already.

Why a trailing reference: a model that was trained in spring sees autumn's applicants, and every distance from its
training data says so, day after day. Whoever delivers the data asks another question: is today as the last four weeks
were? `trailing` answers that for the distances (psi, wasserstein, …), from stored profiles, without a scan. The frozen
reference still cuts the buckets, and charts, quality, performance and the contract stay measured from it: what has been
moving for a month is no news to psi here, and charts remember since when.
Why a gap: with a week between, a change does not become its own reference before somebody has seen it.
Why a broken day does not become usual: days in an incident that asks to investigate are left out, unless somebody
calls it false. `reference_windows` tells of each day how many the sum is of, which, and why others are not; with too
few there is no distance, and the reason stands in its place. A day that is mended later revises those whose reference
it is in. Why only of days: a quarter is held against the training data.
Why an added quarter: its ninety days have been read, and counts add up. Nothing is scanned when it ends; a day of it
that was never measured is named, and the quarter has no number until it is. Repeated keys were looked for within each
day.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG

from airflow_ml_monitor import MonitorOperator, MonitorSpec, Trailing, WindowRule, WindowUnit

START = datetime(2026, 1, 1, tzinfo=UTC)
credit = MonitorSpec.from_yaml("credit.yaml")
lately = replace(
    credit,
    name="credit_lately",
    windows=(WindowRule(WindowUnit.DAY), WindowRule(WindowUnit.QUARTER, added=True)),
    reference=replace(credit.reference, trailing=Trailing(span=timedelta(days=28), gap=timedelta(days=7), rule="day")),
)

with DAG("watch_credit_lately", schedule="@daily", start_date=START, catchup=False, max_active_runs=1):
    MonitorOperator(task_id="watch", spec=lately, rule="day")

with DAG("watch_credit_quarters", schedule="0 0 1 1,4,7,10 *", start_date=START, catchup=False, max_active_runs=1):
    MonitorOperator(task_id="watch", spec=lately, rule="quarter")
