"""Loans that are withdrawn before it is known how they turned out, and defaults that are reported more than once.

Why `censored` and not silence: a loan that is withdrawn, or sold, can no longer default. Counted as awaited it would
keep its window from ever being complete; counted as repaid, as silence is with `mode: implicit`, it would make the
model look better the more loans are sold. A row without a label whose column `closed` is true says that none will come:
such predictions leave the coverage, their share is stored as `censored_rows`, and what is said of a window says of
which rows it is. `bounds.<metric>` is what it can be over all of them, whatever became of those that left.
Why `several: any`: a default is reported by the branch and again by the collectors, and now and then cleared meanwhile.
As corrections the last report would count and the others be told as repeated labels; as events one is enough.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from airflow.sdk import dag, get_current_context, task
from credit_model import HOME, OUTCOMES

from airflow_ml_monitor import MonitorSpec, monitor_tasks
from airflow_ml_monitor.profile.label_source import LabelMode, Several

REPORTS = HOME / "data" / "reports"
credit = MonitorSpec.from_yaml("credit.yaml")
events = replace(
    credit.labels[0],
    source=f"{REPORTS}/*.parquet",
    mode=LabelMode.IMPLICIT,
    several=Several.ANY,
    censored="closed",
)
reported = replace(credit, name="credit_reports", labels=(events,))


@task
def report() -> int:
    """What is reported of a day: each default, and an hour later that it is cleared; one in ten new loans withdrawn."""
    import credit_model as model
    import pandas as pd

    from airflow_ml_monitor.hooks.run_window import resolve_window

    day = resolve_window(get_current_context(), reported.rule()).start.date()
    outcomes = pd.read_parquet(OUTCOMES / f"{day}.parquet").astype({"defaulted": "float64"})
    defaults = outcomes[outcomes["defaulted"] == 1].assign(closed=False)
    cleared = defaults.assign(defaulted=0.0, known_at=defaults["known_at"] + pd.Timedelta(hours=1))
    loans = pd.read_parquet(model.PREDICTIONS / f"{day}.parquet").iloc[::10]
    withdrawn = loans[["application_id"]].assign(defaulted=float("nan"), known_at=loans["scored_at"], closed=True)
    found = pd.concat([defaults, cleared, withdrawn])
    model.write(found, REPORTS / f"{day}.parquet")
    return len(found)


@dag(schedule="@daily", start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False, max_active_runs=1)
def watch_reports() -> None:
    report() >> monitor_tasks(reported, compact=True)


watch_reports()
