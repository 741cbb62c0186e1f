"""Quantiles of the percentage error."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from airflow_ml_monitor.errors import Undefined
from airflow_ml_monitor.measurement import Estimate, Estimates, Family
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.profile.cells import Counts
from airflow_ml_monitor.profile.error_grid import LADDER
from airflow_ml_monitor.profile.labelled_view import LabelledView
from airflow_ml_monitor.profile.task import TaskKind

POINTS: Final = (0.05, 0.25, 0.5, 0.75, 0.95)


@metric(
    Family.PERFORMANCE,
    Subject.LABELLED,
    range=(-LADDER[-2], LADDER[-2]),
    worse=Worse.BOTH,
    tasks=(TaskKind.REGRESSION,),
)
def percentage_error(rows: LabelledView) -> Estimates:
    """Quantiles of the signed error as a share of the label's size, 'quantile=0.05' to 'quantile=0.95'.

    Without a unit; 0.1 is a prediction ten per cent above the label. Of the labels that are not 0; straight between the
    edges of a cell, which are at most 17 % of the error apart, or 0.1 % of the label. The interval lies between the
    order statistics that the binomial law gives, whatever the distribution; it assumes independent rows, and there is
    none where fewer than about four rows are expected beyond the quantile, or an end is more than 1,000 %. n: rows
    whose label is not 0. Undefined if every label is 0, and of a quantile of more than 1,000 %. TooFew without labels.
    Thompson 1936.
    """
    rows.need(1)
    count = rows.percentage_errors
    if not (n := int(count.sum())):
        raise Undefined("every label is 0")
    upto = np.cumsum(count)
    return {f"quantile={q}": _one(upto, q, n) for q in POINTS}


def _one(upto: Counts, q: float, n: int) -> Estimate:
    ranks = interval.quantile_ranks(q, n)
    low, high = (_at(upto, rank - 0.5) for rank in ranks) if ranks else (math.nan, math.nan)
    if math.isnan(low + high):
        return Estimate(_at(upto, q * n), n)
    return Estimate(_at(upto, q * n), n, low, high)


def _at(upto: Counts, rank: float) -> float:
    """The percentage error below which so many rows lie; NaN beyond the grid's ends. upto: rows up to each cell."""
    place = int(np.searchsorted(upto, rank, side="left"))
    before = int(upto[place - 1]) if place else 0
    low, high = LADDER[place], LADDER[place + 1]
    if math.isinf(low) or math.isinf(high):
        return math.nan
    return low + (high - low) * (rank - before) / (int(upto[place]) - before)
