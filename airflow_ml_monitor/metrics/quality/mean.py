"""Mean."""

from __future__ import annotations

from airflow_ml_monitor.measurement import Estimate, Family
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.profile.dataset import Kind
from airflow_ml_monitor.profile.views import ColumnView


@metric(
    Family.QUALITY,
    Subject.COLUMN,
    range=(-float("inf"), float("inf")),
    worse=Worse.BOTH,
    unit="column",
    kinds=(Kind.NUMERIC,),
)
def mean(column: ColumnView) -> Estimate:
    """Mean of the finite values.

    In the column's unit. The interval is Student's t with Hall's correction for skewness; where the column has just
    two values (a flag), that of a share. It assumes independent rows and a finite variance, and knows no value rarer
    than the rows at hand. None for a single row. TooFew without values.
    Student 1908; Hall 1992.
    """
    column.need(1)
    return Estimate(column.mean, column.n, *(_limits(column) or (None, None)))


def _limits(column: ColumnView) -> interval.Interval | None:
    values = sorted(column.binning.values)
    if len(values) == 2 and not column.other:
        low, high = values
        share = min(max((column.mean - low) / (high - low), 0.0), 1.0)
        limits = interval.share(round(share * column.n), column.n)
        return low + limits[0] * (high - low), low + limits[1] * (high - low)
    if column.n < 2:
        return None
    return interval.mean(column.mean, column.variance, column.n, column.shape[0])
