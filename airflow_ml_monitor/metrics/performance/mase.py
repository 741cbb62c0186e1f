"""Mean absolute scaled error."""

from __future__ import annotations

from airflow_ml_monitor.errors import Undefined
from airflow_ml_monitor.measurement import Estimate, Family
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.metrics.performance.mae import mean_error
from airflow_ml_monitor.profile.labelled_view import LabelledView
from airflow_ml_monitor.profile.task import TaskKind


@metric(Family.PERFORMANCE, Subject.LABELLED, range=(0.0, float("inf")), worse=Worse.UP, tasks=(TaskKind.REGRESSION,))
def mase(rows: LabelledView) -> Estimate:
    """Mean absolute error over that of the naive forecast in the training data, task.naive_error.

    At least 0, without a unit: below 1 the model errs less than the last value (or that of a season ago) did in
    training. The interval is that of the mean absolute error; the scale is taken as known. TooFew without labels.
    Undefined where the scale is not declared.
    Hyndman and Koehler 2006.
    """
    rows.need(1)
    scale = rows.task.naive_error
    if scale is None:
        raise Undefined("its scale is not declared; give task.naive_error, the naive forecast's error in training")
    found = mean_error(rows)
    if found.low is None or found.high is None:
        return Estimate(found.value / scale, found.n)
    return Estimate(found.value / scale, found.n, found.low / scale, found.high / scale)
