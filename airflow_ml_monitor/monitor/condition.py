"""Does what is stored fulfil a condition? For DAGs that wait for another's monitor."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from airflow_ml_monitor.keys import WHOLE, Window
from airflow_ml_monitor.measurement import Measurement, Status
from airflow_ml_monitor.policy.rule import Bounds
from airflow_ml_monitor.store.repository import MetricsStore


@dataclass(frozen=True, slots=True)
class Condition:
    """What is waited for: a decision that asks for one of some actions, or what became of a metric.

    Of the metric's current values in the whole window (of each parameter and model version) all must fulfil: their
    status is `status`; each lies within the bounds; its interval, high - low in the metric's unit, is at most `width`.
    """

    actions: tuple[str, ...] = ()
    metric: str = ""
    column: str = ""
    status: str = Status.OK
    bounds: Bounds | None = None
    width: float | None = None


def holds(store: MetricsStore, monitor: str, window: Window, condition: Condition) -> bool:
    """True if what is stored about a window fulfils a condition; False where nothing is."""
    if condition.actions:
        return decided(store, monitor, window, condition.actions)
    found = [
        r.measurement
        for r in store.current(monitor, start=window.start, end=window.end, metrics={condition.metric})
        if r.measurement.column == condition.column and r.measurement.slice == WHOLE and r.head.window == window
    ]
    return bool(found) and all(_fulfils(one, condition) for one in found if one.metric == condition.metric)


def decided(store: MetricsStore, monitor: str, window: Window, actions: Collection[str]) -> bool:
    """True if the newest decision made by a run about a window asks for one of some actions."""
    mine = [d for d in store.decisions(monitor) if d.evidence.get("window") == str(window)]
    return bool(mine) and mine[-1].action in actions


def _fulfils(measurement: Measurement, condition: Condition) -> bool:
    estimate = measurement.estimate
    if measurement.status != condition.status:
        return False
    if condition.bounds is not None:
        low, high = condition.bounds.limits(None)
        if estimate is None or (low is not None and estimate.value < low):
            return False
        if high is not None and estimate.value > high:
            return False
    if condition.width is None:
        return True
    # An estimate without an interval is not one of width 0.
    if estimate is None or estimate.low is None or estimate.high is None:
        return False
    return estimate.high - estimate.low <= condition.width
