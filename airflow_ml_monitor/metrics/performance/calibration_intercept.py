"""Calibration intercept."""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy.special import expit, logit

from airflow_ml_monitor.errors import Undefined
from airflow_ml_monitor.measurement import Estimate, Family
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.metrics.performance.calibration_slope import log_odds
from airflow_ml_monitor.metrics.quotient import quotient
from airflow_ml_monitor.profile.cells import Floats
from airflow_ml_monitor.profile.labelled_view import LabelledView, ScoredCells
from airflow_ml_monitor.profile.task import TaskKind

STEPS: Final = 60


def shift(cells: ScoredCells, positives: Floats) -> Floats:
    """What must be added to all log odds for the scores to sum to so many positives; NaN unless some rows are left.

    By Newton, kept inside a bracket that halves: the sum grows with the shift, and the shift lies between those that
    the lowest and the highest score would need alone.
    """
    x, total = log_odds(cells), cells.rows.sum(axis=-1)
    weight, share = quotient(cells.rows, total[..., None]), quotient(positives, total)
    possible = (share > 0) & (share < 1)
    middle = logit(np.where(possible, share, 0.5))
    low, high = middle - x.max(initial=0.0), middle - x.min(initial=0.0)
    found = (low + high) / 2
    for _ in range(STEPS):
        chance = expit(x + found[..., None])
        reached, slope = (weight * chance).sum(axis=-1), (weight * chance * (1 - chance)).sum(axis=-1)
        low, high = np.where(reached <= share, found, low), np.where(reached >= share, found, high)
        step = found + quotient(share - reached, slope)
        after = np.where((step >= low) & (step <= high), step, (low + high) / 2)
        moved, found = np.abs(after - found), after
        if not (possible & (moved > 1e-12 * (1 + np.abs(found)))).any():
            break
    result: Floats = np.where(possible, found, np.nan)
    return result


def formula(cells: ScoredCells) -> Floats:
    """The shift to the positives that there are."""
    return shift(cells, cells.positives.sum(axis=-1))


@metric(
    Family.PERFORMANCE,
    Subject.LABELLED,
    range=(-float("inf"), float("inf")),
    worse=Worse.BOTH,
    tasks=(TaskKind.BINARY,),
    formula=formula,
)
def calibration_intercept(rows: LabelledView) -> Estimate:
    """What is missing to the log odds of all scores alike: 0 is right, above 0 the scores are too low.

    Without a unit; 0.69 stands for odds twice as high as scored. calibration_in_the_large says the same in points of
    the label rate, which for rare labels are few. Scores are clipped to 0.000001; rows of a bucket count at their mean
    score. The interval is t with the smaller class's rows and Huber's (1967) variance; where a class is small it is
    joined with the shifts to both limits of the label rate. It assumes independent rows. n: labelled rows. Undefined
    with one class only. TooFew without labels.
    Cox 1958; Miller, Hui and Tierney 1991.
    """
    rows.need(1)
    cells = rows.scored
    value = float(formula(cells))
    if np.isnan(value):
        raise Undefined("only one class among the labels")
    chance = expit(log_odds(cells) + value)
    positives, negatives = int(cells.positives.sum()), int(cells.negatives.sum())
    information = float(cells.rows @ (chance * (1 - chance)))
    gaps = float(cells.positives @ (1 - chance) ** 2 + cells.negatives @ chance**2)
    smaller = min(positives, negatives)
    half = interval.student(smaller - 1) * gaps**0.5 / information
    limits = interval.outer((value - half, value + half), _few(cells, positives, rows.n))
    return Estimate(value, rows.n, *(limits or (None, None)))


def _few(cells: ScoredCells, positives: int, n: int) -> interval.Interval | None:
    """The shifts to the limits of the label rate, where a class is small."""
    if min(positives, n - positives) >= interval.RARE_SHARE:
        return None
    low, high = (float(shift(cells, np.array(limit * n))) for limit in interval.share(positives, n))
    return low, high
