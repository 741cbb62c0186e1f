"""Standard deviation."""

from __future__ import annotations

import math

from airflow_ml_monitor.measurement import Estimate, Family
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.profile.dataset import Kind
from airflow_ml_monitor.profile.views import ColumnView


@metric(
    Family.QUALITY, Subject.COLUMN, range=(0.0, float("inf")), worse=Worse.BOTH, unit="column", kinds=(Kind.NUMERIC,)
)
def standard_deviation(column: ColumnView) -> Estimate:
    """Standard deviation of the finite values, n - 1 in the denominator.

    At least 0, in the column's unit. The interval takes the fourth moment from the cells (their means and variances)
    and extrapolates the sixth; it assumes independent rows and tails not much heavier than Laplace's: exponential
    data is covered at 85 % with 10 rows, 92 % with 30, 94 % with 100. TooFew with fewer than two values.
    Bonett 2006; Hall 1992.
    """
    column.need(2)
    limits = interval.mean_square(column.variance, column.shape[1], column.n, column.n - 1)
    low, high = (None, None) if limits is None else (math.sqrt(limits[0]), math.sqrt(limits[1]))
    return Estimate(math.sqrt(column.variance), column.n, low, high)
