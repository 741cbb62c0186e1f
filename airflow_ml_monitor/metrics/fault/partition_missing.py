"""A category whose rows are missing."""

from __future__ import annotations

from typing import Final

import numpy as np

from airflow_ml_monitor.measurement import Estimate, Estimates
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.metric import Subject, fault
from airflow_ml_monitor.profile.dataset import Kind
from airflow_ml_monitor.profile.feed_view import FeedColumn
from airflow_ml_monitor.profile.layout import NULL, OTHER

FEWEST: Final = 5
"""Windows before, most of which had the category."""
EXPECTED: Final = 25.0
"""Rows that it should have by its share: all are missing with a chance of 1e-11."""
REST: Final = 0.25
"""Share of what is missing that may have come as another value: then it is renamed, or rows lost their value."""


@fault(Subject.FEED_COLUMN, kinds=(Kind.CATEGORICAL, Kind.BOOLEAN))
def partition_missing(column: FeedColumn) -> Estimates:
    """No row of a category arrived, and fewer rows in all: a part of the load is missing.

    Value: share of the window's rows that is missing, by the category's share in the windows before; parameters:
    'value=<category>'. Asked for: five windows before, most of which had it, one of them of the same weekday; 25 rows
    that should be there; and that unseen or missing values do not take its place. Once most of the windows before lack
    it, it is gone for good.
    """
    names, now, before = column.binning.labels, column.current.cells, [view.cells for view in column.before]
    rows = now.rows
    before = [cells for cells in before if cells.rows]
    if not rows or len(before) < FEWEST or not column.feed.alike:
        return {}
    others = sum(max(now.at(b) / rows - _median([c.at(b) / c.rows for c in before]), 0.0) for b in (NULL, OTHER))
    found = {}
    for bucket, name in enumerate(names):
        shares = [cells.at(bucket) / cells.rows for cells in before]
        share = _median(shares)
        # Of the rows that are there, what the whole would be.
        if now.at(bucket) or not 0 < share < 1 or rows * share / (1 - share) < EXPECTED or others > REST * share:
            continue
        is_fewer = column.feed.rows < column.feed.usual_rows * (1 - share / 2)
        if is_fewer and sum(each > 0 for each in shares) > len(shares) / 2:
            events, every = sum(cells.at(bucket) for cells in before), sum(cells.rows for cells in before)
            low, high = interval.share(events, every)
            found[f"value={name}"] = Estimate(share, rows, min(low, share), max(high, share))
    return found


def _median(values: list[float]) -> float:
    return float(np.median(values))
