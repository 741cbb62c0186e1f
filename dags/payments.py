"""What decisions are worth: a model that blocks card payments, judged in euros, by customer, and at other thresholds.

Why a rule on `profit`: from day 5 on somebody steals large sums in a way that looks like any payment. One fraud in
eight is such a one, so the recall falls by less than its rule allows; each costs a thousand euros, and the model, which
earned half a euro a payment, loses some.
Why weights: from day 7 on a change in the shop makes payments of regular customers look strange. One payment in sixteen
is theirs, so the specificity stands; by what they buy in a month it falls by a third.
Why `thresholds`: payments with a score of 0.8 or more are called the same night. The regulars' are among them, and the
share that is called outgrows the night shift, whatever the threshold is that blocks.

The first task lands the day: its payments with their scores, and the disputes about those of the day before. So the DAG
needs nothing else: backfill 2026-01-01 to 2026-01-10 and read the decisions of 7 and 9 January.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from airflow.sdk import dag, get_current_context, task

from airflow_ml_monitor import MonitorSpec, monitor_tasks

if TYPE_CHECKING:
    import pandas as pd

payments = MonitorSpec.from_yaml("payments.yaml")
START, STOLEN_FROM, STRANGE_FROM = date(2026, 1, 1), 5, 7
ROWS, FRAUD, REGULARS, LARGE = 1500, 0.04, 0.06, 8


def _paid(day: int) -> pd.DataFrame:
    """One day's payments, with which of them were fraud: how far each is from its customer's habits, and how large."""
    import numpy as np
    import pandas as pd

    random = np.random.default_rng([int(day < 0), abs(day)])
    is_fraud, is_regular = random.random(ROWS) < FRAUD, random.random(ROWS) < REGULARS
    habit, euros = 4 * is_fraud + random.normal(size=ROWS), random.lognormal(3.5, 0.8, ROWS)
    if day >= STOLEN_FROM:
        is_fraud[:LARGE], habit[:LARGE], euros[:LARGE] = (
            True,
            random.normal(size=LARGE),
            random.normal(1000, 100, LARGE),
        )
    if day >= STRANGE_FROM:
        habit[is_regular & ~is_fraud] += 4
    at = pd.Timestamp(START, tz="UTC") + timedelta(days=day) + pd.to_timedelta(random.integers(0, 86_400, ROWS), "s")
    return pd.DataFrame(
        {
            "payment_id": [f"{day}-{i}" for i in range(ROWS)],
            "paid_at": at.as_unit("us"),
            "habit": habit,
            "euros": euros.round(2),
            "monthly": np.where(is_regular, 30, random.integers(1, 5, ROWS)),
            "is_fraud": is_fraud.astype(int),
        }
    )


def _scored(rows: pd.DataFrame) -> pd.DataFrame:
    """The model: the chance of fraud by Bayes' rule, from how far frauds used to be from the customer's habits."""
    import numpy as np

    odds = FRAUD / (1 - FRAUD) * np.exp(4 * rows["habit"] - 8)
    return rows.assign(score=odds / (1 + odds))


@task
def land() -> int:
    """What a real bank would bring: the day's payments, scored; the disputes about those of the day before."""
    import credit_model
    import pandas as pd
    from credit_model import write

    from airflow_ml_monitor.hooks.run_window import resolve_window

    data, start = credit_model.HOME / "data", resolve_window(get_current_context(), payments.rule()).start
    day = (start.date() - START).days
    if not (data / "payments_reference.parquet").exists():
        write(_scored(pd.concat([_paid(past) for past in range(-10, 0)])), data / "payments_reference.parquet")
    scored = _scored(_paid(day)).drop(columns="is_fraud")
    write(scored, data / "payments" / f"{start.date()}.parquet")
    known = _paid(day - 1)[["payment_id", "is_fraud"]].assign(known_at=pd.Timestamp(start + timedelta(hours=6)))
    write(known, data / "disputes" / f"{start.date()}.parquet")
    return len(scored)


@dag(schedule="@daily", start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False, max_active_runs=1)
def watch_payments() -> None:
    land() >> monitor_tasks(payments)


watch_payments()
