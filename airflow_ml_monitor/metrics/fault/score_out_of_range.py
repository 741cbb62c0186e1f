"""Probabilities that are none."""

from __future__ import annotations

from typing import Final

import numpy as np

from airflow_ml_monitor.measurement import Estimates
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.metric import Subject, fault
from airflow_ml_monitor.profile.dataset import Kind, Role
from airflow_ml_monitor.profile.feed_view import FeedColumn
from airflow_ml_monitor.profile.mixture import Alter

ROUNDING: Final = 1e-6
"""So far beyond 0 and 1 a sum of probabilities may round."""
LEAST: Final = 0.01
"""Of the window's rows must be beyond."""

KNOWN: Final[dict[str, Alter]] = {
    "times=100": lambda s: 100 * s,
    "to=logits": lambda s: np.log(s) - np.log1p(-s),
    "to=ln": lambda s: np.log(s),
}


@fault(
    Subject.FEED_COLUMN,
    kinds=(Kind.NUMERIC,),
    yields_to=("all_missing", "constant", "swapped", "default_flood"),
)
def score_out_of_range(column: FeedColumn) -> Estimates:
    """Scores that were in [0, 1] are not: percentages or logits, where parameters say so.

    The share of rows. Asked for: all of the reference's scores in [0, 1], at least 1 % of the window's beyond, and so
    many that chance does not explain them.
    """
    reference, now = column.reference, column.current
    if column.column.role is not Role.SCORE or not reference.n or not now.n:
        return {}
    low, high = reference.extremes
    if low < -ROUNDING or high > 1 + ROUNDING:
        return {}
    cells = now.cells
    beyond = int(cells.count[(cells.low > 1 + ROUNDING) | (cells.high < -ROUNDING)].sum())
    # None of the reference's: one in ten of them at most, by chance below 1e-9 where nine are found.
    if beyond < max(LEAST * now.rows, 9) or reference.n < now.n / 10:
        return {}
    for usual in column.usuals:
        fits = {name: usual.altered(alter) for name, alter in KNOWN.items()}
        name = min(fits, key=lambda one: fits[one].rest)
        if fits[name].explains():
            return {name: fits[name].estimate(column.current)}
    return {"": interval.share_of(beyond, now.rows)}
