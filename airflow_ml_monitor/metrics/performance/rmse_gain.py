"""Root mean squared error gain."""

from __future__ import annotations

import math

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
def rmse_gain(rows: LabelledView) -> Estimate:
    """By how much the model's root mean squared error is below the baseline's, on the rows that have both.

    In the label's unit; above 0 the model is better. The interval joins those of both roots (as rmse's), what their
    squared errors share taken out (after Zou 2007); it assumes independent rows. It is wide rather than right on
    average where the two err alike (97–99 %), and narrow where a constant baseline meets exponential labels: 79 % with
    12 rows, 88 % with 30, 92 % with 100. n: labelled rows with a baseline. None for a single row, or where the model,
    or the baseline, makes no error. TooFew without such rows.
    """
    n = paired(rows)
    theirs2, gain = rows.total("baseline_error2") / n, rows.total("mse_gain") / n
    theirs, ours = math.sqrt(theirs2), math.sqrt(max(theirs2 - gain, 0.0))
    value = theirs - ours
    if n < 2 or not theirs or not ours:
        return Estimate(value, n)
    names = ("baseline_error4", "baseline_error2_mse_gain", "mse_gain2")
    fourth, both, second = (rows.total(name) / n for name in names)
    ours2, ours4 = ours**2, fourth - 2 * both + second
    covariance = fourth - both - theirs2 * ours2
    spreads = max(fourth - theirs2**2, 0.0), max(ours4 - ours2**2, 0.0)
    both_spread = math.sqrt(spreads[0] * spreads[1])
    correlation = min(max(covariance / both_spread, -1.0), 1.0) if both_spread else 0.0
    (less, more), (narrow, wide) = _arms(theirs2, fourth, n), _arms(ours2, ours4, n)
    # What both share moves both roots to the same side, so that arms of one side are set against each other.
    common = max(correlation, 0.0) * max((less - narrow) ** 2, (more - wide) ** 2)
    own = 1 - max(correlation, 0.0)
    against = -2 * min(correlation, 0.0)
    below = math.sqrt(common + own * (less**2 + wide**2) + against * less * wide)
    above = math.sqrt(common + own * (more**2 + narrow**2) + against * more * narrow)
    return Estimate(value, n, value - below, value + above)


def _arms(second: float, fourth: float, n: int) -> tuple[float, float]:
    """How far the limits of a root mean square lie below and above it."""
    # Of n values the kurtosis is n at most; beside large errors of the baseline, rounding may leave more.
    kurtosis = min(max(fourth / second**2, 1.0), float(n))
    low, high = interval.mean_square(second, kurtosis, n, n) or (second, second)
    root = math.sqrt(second)
    return root - math.sqrt(low), math.sqrt(high) - root
