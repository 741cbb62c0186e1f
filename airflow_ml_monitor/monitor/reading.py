"""What is stored, as a table: for notebooks, reports and other programs."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from airflow_ml_monitor.errors import UnknownName
from airflow_ml_monitor.keys import parse_moment
from airflow_ml_monitor.metrics.names import metric_names
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
    JSON object ('{}' for the whole), `value` is missing where `status` says why, `known_at` is when it became known;
    and `unit`: 's' (seconds), 'rows', 'column' or 'label' (of its own unit), 'nat', 'money', 'sigma', '' of a share or
    an index.
    start, end: windows that lie wholly in [start, end). url: the metrics database, or an open store; else that of
    ML_MONITOR_STORE. What else can be chosen, `MetricsStore.history` takes.
    Empty where nothing is stored of what was asked for.
    Errors: UnknownName for a monitor that the store does not hold, or a metric that there is not; SpecError without a
    database or for a naive time; StoreError if it cannot be read.
    """
    moments = {"as_of": as_of, "start": start, "end": end}
    parsed = {name: None if moment is None else parse_moment(moment) for name, moment in moments.items()}
    wanted: Wanted = {"as_of": parsed["as_of"], "start": parsed["start"], "end": parsed["end"]}
    with opened_store(url) as store:
        found = store.history(monitor, metric=metric, **wanted)
        if found.empty:
            _check_names(store, monitor, metric)
        return found


def _check_names(store: MetricsStore, monitor: str, metric: str | None) -> None:
    """UnknownName for a monitor, or a metric, that nothing answers to; stored metrics are listed."""
    if monitor not in (known := store.monitors()):
        raise UnknownName("monitor", monitor, known, field="history")
    if metric is None or metric in metric_names():
        return
    stored = store.metrics(monitor)
    if metric not in stored:
        listed = stored or {name for name in metric_names() if "." not in name}
        raise UnknownName("metric", metric, listed, field="history")
