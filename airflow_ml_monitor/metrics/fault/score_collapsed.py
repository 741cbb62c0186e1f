"""A model that gives a handful of scores."""

from __future__ import annotations

from typing import Final

import numpy as np

from airflow_ml_monitor.measurement import Estimates
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.metric import Subject, fault
from airflow_ml_monitor.profile.dataset import Kind, Role
from airflow_ml_monitor.profile.feed_view import FeedColumn
from airflow_ml_monitor.profile.layout import SPECIAL

MOST: Final = 10
"""Different values."""
FEWER: Final = 5
"""Times as many buckets as values would be expected to be filled."""


@fault(
    Subject.FEED_COLUMN,
    kinds=(Kind.NUMERIC,),
    yields_to=("all_missing", "constant"),
)
def score_collapsed(column: FeedColumn) -> Estimates:
    """Scores, or a regression's predictions, take but two to ten values, where they took many.

    1 where it is found; parameters say how many. Asked for: as many rows of the reference would fill at least five
    times as many buckets.
    """
    if column.column.role not in (Role.SCORE, Role.PREDICTION) or not column.binning.is_grid:
        return {}
    now, reference = column.current, column.reference
    cells, usual = now.cells, reference.cells
    valued = cells.bucket > SPECIAL
    is_one = cells.high[valued] == cells.low[valued]
    values = len(is_one)
    if not 2 <= values <= MOST or not is_one.all() or not reference.n:
        return {}
    share = usual.count[usual.bucket > SPECIAL] / reference.n
    expected = float((1 - (1 - share) ** now.n).sum())
    if expected < FEWER * values or np.max(share) > 0.5:
        return {}
    return {f"values={values}": interval.share_of(now.n, now.rows)}
