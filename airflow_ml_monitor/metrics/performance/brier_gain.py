"""Brier score gain."""

from __future__ import annotations

from airflow_ml_monitor.measurement import Estimate, Family
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.metrics.paired import score_gain
from airflow_ml_monitor.metrics.performance import brier
from airflow_ml_monitor.profile.labelled_view import LabelledView
from airflow_ml_monitor.profile.task import TaskKind


@metric(
    Family.PERFORMANCE,
    Subject.LABELLED,
    range=(-1.0, 1.0),
    worse=Worse.DOWN,
    tasks=(TaskKind.BINARY,),
)
def brier_gain(rows: LabelledView) -> Estimate:
    """By how much the model's Brier score is below the baseline's, on the rows that have both.

    From -1 to 1, without a unit; above 0 the model is better. The interval is that of the mean of paired differences
    (Diebold and Mariano 1995 for losses that are independent), with a correction for skewness (Hall 1992); a class of
    fewer than ten rows is taken as a rare event whose gain may be as large as the loss of the scores at hand allows. It
    assumes independent rows. n: labelled rows with a baseline. Undefined where the baseline is a class and no score.
    TooFew without such rows.
    """
    return score_gain(rows, "brier", brier.worst, most=1.0)
