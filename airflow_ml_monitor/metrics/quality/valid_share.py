"""Share of valid values."""

from __future__ import annotations

from airflow_ml_monitor.errors import TooFew
from airflow_ml_monitor.measurement import Estimate, Family
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.profile.dataset import Kind
from airflow_ml_monitor.profile.views import ColumnView


@metric(
    Family.QUALITY,
    Subject.COLUMN,
    range=(0.0, 1.0),
    worse=Worse.DOWN,
    kinds=(Kind.NUMERIC, Kind.CATEGORICAL, Kind.BOOLEAN, Kind.DATETIME),
)
def valid_share(column: ColumnView) -> Estimate:
    """Share of rows that are neither NULL nor NaN nor ±inf.

    In [0, 1]; never above completeness. The interval (Wilson 1927, Clopper and Pearson 1934 for few) assumes
    independent rows. TooFew without rows.
    """
    if not column.rows:
        raise TooFew("no rows")
    return interval.share_of(column.n, column.rows)
