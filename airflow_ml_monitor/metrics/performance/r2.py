"""Coefficient of determination."""

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
    range=(-float("inf"), 1.0),
    worse=Worse.DOWN,
    tasks=(TaskKind.REGRESSION,),
)
def r2(rows: LabelledView) -> Estimate:
    """One less the mean squared error over the labels' variance: 1 is perfect, 0 as good as the labels' mean.

    At most 1, without a unit; below 0 the labels' own mean predicts better. The interval joins those of the two mean
    squares (as rmse's) on the log scale, allowing for their correlation (Donner and Zou 2012); it assumes independent
    rows. With exponential labels it covers 87 % at 10 rows, 95 % at 30; with lognormal labels and errors (of a normal's
    deviation 0.8) 76–79 % at 10, 84 % at 30, 91 % at 100. None below four rows. Undefined if the labels do not vary.
    TooFew without labels.
    """
    rows.need(1)
    error, spread = rows.total("error2") / rows.n, rows.label_variance
    value = 1 - error / spread
    low, high = _limits(rows, error, spread) or (None, None)
    return Estimate(value, rows.n, low, high)


def _limits(rows: LabelledView, error: float, spread: float) -> interval.Interval | None:
    n = rows.n
    # The fourth moment of labels far from 0 is lost in rounding long before their variance is.
    if n < 4 or spread < 1e-6 * rows.total("truth2") / n:
        return None
    if error**2 == 0:
        return 1 - error / spread, 1 - error / spread
    tails = rows.total("error4") / n / error**2, rows.moment(0, 4) / spread**2
    errors, labels = interval.mean_square(error, tails[0], n, n), interval.mean_square(spread, tails[1], n, n - 1)
    common = (tails[0] - 1) * (tails[1] - 1)
    both = rows.moment(2, 2) / (error * spread) - 1
    correlation = min(max(both / math.sqrt(common), -1.0), 1.0) if common > 0 else 0.0
    (less, more), (narrow, wide) = _arms(error, errors), _arms(spread, labels)
    # The sample's own variance, n in the denominator, is too small by (n - 1)/n.
    ratio = error / spread * (n - 1) / n
    below = math.sqrt(max(less**2 + wide**2 - 2 * correlation * less * wide, 0.0))
    above = math.sqrt(max(more**2 + narrow**2 - 2 * correlation * more * narrow, 0.0))
    low, high = 1 - ratio * math.exp(above), 1 - ratio * math.exp(-below)
    return min(low, 1 - error / spread), max(high, 1 - error / spread)


def _arms(value: float, limits: interval.Interval | None) -> tuple[float, float]:
    """How far the limits lie from the value on the log scale; no lower limit is told from one far below."""
    low, high = limits or (value, value)
    return math.log(value / max(low, 1e-9 * value)), math.log(high / value)
