"""Relative mean absolute error."""

from __future__ import annotations

from airflow_ml_monitor.errors import Undefined
from airflow_ml_monitor.measurement import Estimate, Family
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.metrics.paired import paired
from airflow_ml_monitor.profile.labelled_view import LabelledView
from airflow_ml_monitor.profile.task import TaskKind


@metric(
    Family.PERFORMANCE,
    Subject.LABELLED,
    range=(0.0, float("inf")),
    worse=Worse.UP,
    tasks=(TaskKind.REGRESSION,),
)
def relative_mae(rows: LabelledView) -> Estimate:
    """The model's mean absolute error over the baseline's, on the rows that have both.

    At least 0, without a unit; below 1 the model is better. With the naive forecast as the baseline it is the mean
    absolute scaled error, scaled by the errors of the very rows that are forecast. The interval is t on the log scale,
    its variance that of a ratio of paired means (delta method); it assumes independent rows: lognormal labels (of a
    normal's deviation 0.8) beside a constant baseline are covered at 91–92 % with 12 to 30 rows. n: labelled rows with
    a baseline. None for a single row. Undefined if the baseline makes no error. TooFew without such rows.
    Hyndman and Koehler 2006.
    """
    n = paired(rows)
    theirs, theirs2 = rows.total("baseline_error_abs"), rows.total("baseline_error2")
    less, less2, both = (rows.total(name) for name in ("mae_gain", "mae_gain2", "mse_gain"))
    if not theirs:
        raise Undefined("the baseline makes no error")
    value = max(1 - less / theirs, 0.0)
    if n < 2:
        return Estimate(value, n)
    if not value:
        return Estimate(value, n, value, value)
    # Of |e| - value * |b| with |e| = |b| - gain; the sum of |b| * gain is half of what both gains' squares add up to.
    squares = (less / theirs) ** 2 * theirs2 - less / theirs * (both + less2) + less2
    variance = n / (n - 1) * max(squares, 0.0) / theirs**2
    return Estimate(value, n, *interval.on_log(value, variance, n - 1))
