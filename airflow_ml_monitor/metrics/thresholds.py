"""A metric of decisions, had other thresholds decided."""

from __future__ import annotations

import math
from collections.abc import Callable

from airflow_ml_monitor.errors import Undefined
from airflow_ml_monitor.measurement import Estimate, Estimates
from airflow_ml_monitor.profile.labelled_view import LabelledView


def at_thresholds(rows: LabelledView, metric: Callable[[LabelledView], Estimate | Estimates]) -> Estimates:
    """The metric at each of the task's thresholds; NaN where it is undefined. TooFew without labels."""
    rows.need(1)
    if not rows.task.thresholds:
        raise Undefined("the task names no thresholds besides its own; declare task.thresholds")
    return {f"threshold={threshold}": _at(rows.at(threshold), metric) for threshold in rows.task.thresholds}


def _at(rows: LabelledView, metric: Callable[[LabelledView], Estimate | Estimates]) -> Estimate:
    try:
        found = metric(rows)
    except Undefined:
        return Estimate(math.nan, 0)
    assert isinstance(found, Estimate)  # of a binary task
    return found
