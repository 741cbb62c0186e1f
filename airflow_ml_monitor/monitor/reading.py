"""What is stored, as a table: for notebooks, reports and other programs."""

from __future__ import annotations

import os
from datetime import datetime
from typing import TYPE_CHECKING, Final

from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.keys import parse_moment
from airflow_ml_monitor.store.records import Wanted
from airflow_ml_monitor.store.repository import MetricsStore

if TYPE_CHECKING:
    import pandas

VARIABLE: Final = "ML_MONITOR_STORE"
"""The environment variable that holds the metrics database's SQLAlchemy URL."""


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
    if isinstance(url, MetricsStore):
        return url.history(monitor, metric=metric, **wanted)
    place = url or os.environ.get(VARIABLE)
    if not place:
        raise SpecError(f"no metrics database; give its SQLAlchemy URL, or set {VARIABLE}", field="url")
    store = MetricsStore(place)
    try:
        store.check()
        return store.history(monitor, metric=metric, **wanted)
    finally:
        store.dispose()
