"""Log loss."""

from __future__ import annotations

import math

import numpy as np

from airflow_ml_monitor.measurement import Estimate, Family
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.by_class import class_losses
from airflow_ml_monitor.metrics.interval import Losses
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.metrics.quotient import quotient
from airflow_ml_monitor.profile.cells import Floats
from airflow_ml_monitor.profile.labelled_view import LabelledView, ScoredCells
from airflow_ml_monitor.profile.sums import CLIP
from airflow_ml_monitor.profile.task import TaskKind


def formula(cells: ScoredCells) -> Floats:
    """Of the cells' mean scores: what spread there is inside a cell is left out."""
    score = np.clip(cells.score, CLIP, 1 - CLIP)
    return quotient(-(cells.positives @ np.log(score) + cells.negatives @ np.log1p(-score)), cells.rows.sum(axis=-1))


def worst(rows: LabelledView) -> dict[int, float]:
    """By label, the largest loss that a row with one of the scores at hand could have. Binary."""
    lowest, highest = rows.score_ends
    return {0: -math.log(max(1 - highest, CLIP)), 1: -math.log(max(lowest, CLIP))}


@metric(
    Family.PERFORMANCE,
    Subject.LABELLED,
    range=(0.0, float("inf")),
    worse=Worse.UP,
    unit="nat",
    tasks=(TaskKind.BINARY, TaskKind.MULTICLASS),
    formula=formula,
)
def log_loss(rows: LabelledView) -> Estimate:
    """Mean negative log-likelihood of the labels under the scores.

    At least 0, in nats; scores are clipped to 1e-15. Defined with one class only.
    The interval comes from the cells' sums and squares, with a correction for skewness; a class of fewer than ten
    rows is taken as a rare event whose loss may be as large as the scores at hand allow. It assumes independent rows.
    The value is exact, from sums of its own; the formula, which must do without them, sees each row at its cell's mean
    score. TooFew without labels.
    Of several classes scores are divided by their sum; an undeclared class was given none. Undefined without scores.
    Good 1952.
    """
    rows.need(1)
    if rows.task.kind is TaskKind.MULTICLASS:
        rows.need_scores()
        limits = interval.mean_loss(class_losses(rows, "log_loss"))
        low, high = limits or (None, None)
        return Estimate(rows.total("log_loss") / rows.n, rows.n, low, high)
    limits = interval.mean_loss([Losses(*rows.losses("log_loss", label), most) for label, most in worst(rows).items()])
    low, high = limits or (None, None)
    return Estimate(rows.total("log_loss") / rows.n, rows.n, low, high)
