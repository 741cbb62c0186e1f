"""Share of unseen values."""

from __future__ import annotations

from airflow_ml_monitor.errors import Undefined
from airflow_ml_monitor.measurement import Estimate, Family
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.profile.dataset import Kind
from airflow_ml_monitor.profile.views import ColumnView


@metric(
    Family.QUALITY,
    Subject.COLUMN,
    range=(0.0, 1.0),
    worse=Worse.UP,
    kinds=(Kind.NUMERIC, Kind.CATEGORICAL, Kind.BOOLEAN),
)
def unseen_share(column: ColumnView) -> Estimate:
    """Share of the rows with a value whose value has no bucket: unseen in the reference, or too rare there.

    In [0, 1]; the reference itself may be above 0. The interval (Wilson 1927, Clopper and Pearson 1934 for few)
    assumes independent rows. Undefined on a grid, where every number has a bucket. TooFew without values.
    """
    if column.binning.is_grid:
        raise Undefined("the column is cut by a grid, in which every number has a bucket")
    column.need(1)
    return interval.share_of(column.other, column.n)
