"""Root mean squared error."""

from __future__ import annotations

import math

from airflow_ml_monitor.measurement import Estimate, Family
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.profile.labelled_view import LabelledView
from airflow_ml_monitor.profile.task import TaskKind


@metric(
    Family.PERFORMANCE,
    Subject.LABELLED,
    range=(0.0, float("inf")),
    worse=Worse.UP,
    unit="label",
    tasks=(TaskKind.REGRESSION,),
)
def rmse(rows: LabelledView) -> Estimate:
    """Root of the mean squared error.

    At least 0, in the label's unit; ruled by the largest errors. The interval takes the errors' fourth moment and
    extrapolates the sixth; it assumes independent rows and tails not much heavier than Laplace's (92 % with 10
    rows): skewed exponential errors are covered at 75 % with 10 rows, 85 % with 30. TooFew without labels.
    """
    rows.need(1)
    second, fourth = (rows.total(name) / rows.n for name in ("error2", "error4"))
    limits = interval.mean_square(second, fourth / second**2 if second**2 > 0 else 1.0, rows.n, rows.n)
    low, high = (None, None) if limits is None else (math.sqrt(limits[0]), math.sqrt(limits[1]))
    return Estimate(math.sqrt(second), rows.n, low, high)
