"""A feature that is another one at serving than in training."""

from __future__ import annotations

from typing import Final

from airflow_ml_monitor.measurement import Estimate, Estimates
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.metric import Subject, fault
from airflow_ml_monitor.profile.skew import SkewedColumn

LEAST_ROWS: Final = 30
"""Of the window that found their partner."""
LEAST: Final = 0.01
"""Of the rows: replays recompute from sources that were corrected meanwhile, and a few values always differ."""


@fault(Subject.SKEWED_COLUMN)
def training_serving_skew(column: SkewedColumn) -> Estimates:
    """The same row has another value of a feature when training computes it: the two codes, or sources, disagree.

    Value: share of the rows, of those joined by key with the dataset's `replay`, whose value differs; a missing value
    differs from every other. Numbers within a millionth of the larger one are the same, categories by their text,
    times by their moment, to the millisecond. Named where the whole interval is above 1 %, however it was before.
    TooFew where fewer than 30 rows found a partner; failed where the replay lacks the column, or has it as another
    type.
    """
    differing, joined = column.differing(LEAST_ROWS), column.skew.joined
    low, high = interval.share(differing, joined)
    return {"": Estimate(differing / joined, joined, low, high)} if low > LEAST else {}
