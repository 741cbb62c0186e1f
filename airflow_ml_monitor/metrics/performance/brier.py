"""Brier score."""

from __future__ import annotations

from airflow_ml_monitor.measurement import Estimate, Family
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.by_class import class_losses
from airflow_ml_monitor.metrics.interval import Losses
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.metrics.quotient import quotient
from airflow_ml_monitor.profile.cells import Floats
from airflow_ml_monitor.profile.labelled_view import LabelledView, ScoredCells
from airflow_ml_monitor.profile.task import TaskKind


def formula(cells: ScoredCells) -> Floats:
    """Of the cells' mean scores: what spread there is inside a cell is left out."""
    gaps = cells.positives @ (1 - cells.score) ** 2 + cells.negatives @ cells.score**2
    return quotient(gaps, cells.rows.sum(axis=-1))


def worst(rows: LabelledView) -> dict[int, float]:
    """By label, the largest loss that a row with one of the scores at hand could have. Binary."""
    lowest, highest = rows.score_ends
    return {0: highest**2, 1: (1 - lowest) ** 2}


@metric(
    Family.PERFORMANCE,
    Subject.LABELLED,
    range=(0.0, 2.0),
    worse=Worse.UP,
    unit="",
    tasks=(TaskKind.BINARY, TaskKind.MULTICLASS),
    formula=formula,
)
def brier(rows: LabelledView) -> Estimate:
    """Mean squared gap between score and label.

    In [0, 1]; a constant score of 0.5 gives 0.25. Defined with one class only.
    The interval comes from the cells' sums and squares, with a correction for skewness; a class of fewer than ten
    rows is taken as a rare event whose loss may be as large as the scores at hand allow. It assumes independent rows.
    The value is exact, from sums of its own; the formula, which must do without them, sees each row at its cell's mean
    score. TooFew without labels.
    Of several classes it is the sum of the squares over them, in [0, 2] (scikit-learn's, and Brier's own), of scores
    divided by their sum; an undeclared class was given none. Undefined without scores.
    Brier 1950.
    """
    rows.need(1)
    if rows.task.kind is TaskKind.MULTICLASS:
        rows.need_scores()
        limits = interval.mean_loss(class_losses(rows, "brier"))
        low, high = limits or (None, None)
        return Estimate(rows.total("brier") / rows.n, rows.n, low, None if high is None else min(high, 2.0))
    limits = interval.mean_loss([Losses(*rows.losses("brier", label), most) for label, most in worst(rows).items()])
    low, high = limits or (None, None)
    return Estimate(rows.total("brier") / rows.n, rows.n, low, None if high is None else min(high, 1.0))
