"""Can the metrics database be reached, and are its tables those of this release?"""

from __future__ import annotations

from collections.abc import Iterator

from airflow_ml_monitor.errors import MonitorError, StoreNotMigrated
from airflow_ml_monitor.onboarding.case import Case
from airflow_ml_monitor.onboarding.finding import Finding, error, ok
from airflow_ml_monitor.store.opening import opened_store


def check(case: Case) -> Iterator[Finding]:
    """The database of the case's URL; without one it is said that none was looked at."""
    if not case.url:
        yield ok("store", "not checked: give --url or the variable ML_MONITOR_STORE")
        return
    try:
        with opened_store(case.url) as store:
            reached = repr(store)
    except StoreNotMigrated as behind:
        yield error("store", str(behind), "python -m airflow_ml_monitor db upgrade --url …")
    except MonitorError as broken:
        yield error("store", str(broken), "check address, user, password, and that the server runs")
    else:
        yield ok("store", f"{reached} is reached, its tables are those of this release")
