"""What is stored, as a table: for notebooks, reports and other programs."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from airflow_ml_monitor.keys import parse_moment
from airflow_ml_monitor.store.opening import opened_store
from airflow_ml_monitor.store.records import Wanted
from airflow_ml_monitor.store.repository import MetricsStore

if TYPE_CHECKING:
    import pandas


def history(
    monitor: str,
    as_of: datetime | str | None = None,
    *,
    metric: str | None = None,
    start: datetime | str | None = None,
    end: datetime | str | None = None,
    url: str | MetricsStore | None = None,
) -> pandas.DataFrame:
    """The measurements of a monitor ('namespace/name') as known now, or as they were known at `as_of`.

    One row a measurement, oldest window first; the columns are those of the view `measurements_current`: `slice` is a
    JSON object ('{}' for the whole), `value` is missing where `status` says why, `known_at` is when it became known.
    start, end: windows that lie wholly in [start, end). url: the metrics database, or an open store; else that of
    ML_MONITOR_STORE. What else can be chosen, `MetricsStore.history` takes.
    Errors: SpecError without a database or for a naive time; StoreError if it cannot be read.
    """
    moments = {"as_of": as_of, "start": start, "end": end}
    parsed = {name: None if moment is None else parse_moment(moment) for name, moment in moments.items()}
    wanted: Wanted = {"as_of": parsed["as_of"], "start": parsed["start"], "end": parsed["end"]}
    with opened_store(url) as store:
        return store.history(monitor, metric=metric, **wanted)
