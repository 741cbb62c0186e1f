"""Calibration in the large."""

from __future__ import annotations

import numpy as np

from airflow_ml_monitor.measurement import Estimate, Family
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.metrics.quotient import quotient
from airflow_ml_monitor.metrics.rate_gap import rate_gap
from airflow_ml_monitor.profile.cells import Floats
from airflow_ml_monitor.profile.labelled_view import LabelledView, ScoredCells
from airflow_ml_monitor.profile.task import TaskKind
from airflow_ml_monitor.profile.totals_view import TotalsView


def formula(cells: ScoredCells) -> Floats:
    """(Sum of scores - positives) / rows."""
    rows = cells.rows
    return quotient(rows @ cells.score - cells.positives.sum(axis=-1), rows.sum(axis=-1))


def of_totals(rows: TotalsView) -> Estimate:
    """Mean score - positives / rows."""
    return rate_gap(rows, rows.mean_score)


@metric(
    Family.PERFORMANCE,
    Subject.LABELLED,
    range=(-1.0, 1.0),
    worse=Worse.BOTH,
    tasks=(TaskKind.BINARY,),
    formula=formula,
    of_totals=of_totals,
)
def calibration_in_the_large(rows: LabelledView) -> Estimate:
    """Mean score less the share of positive labels: how far predicted and realised labels differ on average.

    From -1 to 1, without a unit; 0 is right on average, above 0 the scores are too high. The interval is paired, of the
    rows' own gaps: Student's t (1908), widened for skewness (Hall 1992); where a class has fewer than ten rows it is
    taken as rare events (as brier's). It assumes independent rows. TooFew without labels.
    Of totals which gap is whose is not known: the interval is the label rate's, scores taken as given.
    Cox 1958.
    """
    rows.need(1)
    value = float(formula(rows.scored))
    limits = interval.mean_gap(_losses(rows, 0), _losses(rows, 1)) or (-1.0, 1.0)
    return Estimate(value, rows.n, max(limits[0], -1.0), min(limits[1], 1.0))


def _losses(rows: LabelledView, label: int) -> interval.Losses:
    """The gaps of one class, as sizes: scores of negatives, what is missing to 1 of positives."""
    pick = (rows.label == label) & (rows.count > 0)
    count, score, squares = rows.count[pick], rows.sums["score"][pick], rows.sums["brier"][pick]
    total = np.maximum(count - score if label else score, 0.0)
    middle = total / count
    within = np.maximum(squares / count - middle**2, 0.0)
    cubes = float((count * (middle**3 + 3 * middle * within)).sum())
    mean = rows.scored.score
    largest = float(1 - mean.min() if label else mean.max())
    return interval.Losses(int(count.sum()), float(total.sum()), float(squares.sum()), cubes, largest)
