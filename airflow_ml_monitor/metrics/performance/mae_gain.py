"""Mean absolute error gain."""

from __future__ import annotations

from airflow_ml_monitor.measurement import Estimate, Family
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.metrics.paired import paired
from airflow_ml_monitor.profile.labelled_view import LabelledView
from airflow_ml_monitor.profile.task import TaskKind


@metric(
    Family.PERFORMANCE,
    Subject.LABELLED,
    range=(-float("inf"), float("inf")),
    worse=Worse.DOWN,
    unit="label",
    tasks=(TaskKind.REGRESSION,),
)
def mae_gain(rows: LabelledView) -> Estimate:
    """By how much the model's mean absolute error is below the baseline's, on the rows that have both.

    In the label's unit; above 0 the model is better. The interval is that of the mean of paired differences (Diebold
    and Mariano 1995 for errors that are independent): Student's t, widened for skewness (Hall 1992), at the 99 % level
    with fewer than ten rows; it assumes independent rows. A constant baseline beside exponential labels is covered at
    92 % with 12 rows, 94 % with 30. n: labelled rows with a baseline. None for a single row. TooFew without such rows.
    """
    n = paired(rows)
    value, second, third = (rows.total(name) / n for name in ("mae_gain", "mae_gain2", "mae_gain3"))
    return Estimate(value, n, *(interval.moments_mean(value, second, third, n) or (None, None)))
