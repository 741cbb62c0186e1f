"""Does what is stored fulfil a condition? For DAGs that wait for another's monitor."""

from __future__ import annotations

from collections.abc import Collection

from airflow_ml_monitor.keys import WHOLE, Window
from airflow_ml_monitor.measurement import Status
from airflow_ml_monitor.policy.rule import Bounds
from airflow_ml_monitor.store.repository import MetricsStore


def decided(store: MetricsStore, monitor: str, window: Window, actions: Collection[str]) -> bool:
    """True if the newest decision made by a run about a window asks for one of some actions."""
    mine = [d for d in store.decisions(monitor) if d.evidence.get("window") == str(window)]
    return bool(mine) and mine[-1].action in actions


def measured(
    store: MetricsStore, monitor: str, window: Window, metric: str, column: str, bounds: Bounds | None
) -> bool:
    """True if a metric of the whole window has a value, and all its values lie within the bounds."""
    found = [
        r.measurement
        for r in store.current(monitor, start=window.start, end=window.end, metrics={metric})
        if r.measurement.metric == metric and r.measurement.column == column and r.measurement.slice == WHOLE
    ]
    low, high = bounds.limits(None) if bounds else (None, None)
    values = [m.estimate.value for m in found if m.status is Status.OK and m.estimate is not None]
    within = [(low is None or value >= low) and (high is None or value <= high) for value in values]
    return len(values) == len(found) > 0 and all(within)
