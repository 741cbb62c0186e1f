"""Where rows lie along the reference's principal components."""

from __future__ import annotations

import math

from scipy.special import ndtr

from airflow_ml_monitor.errors import TooFew
from airflow_ml_monitor.measurement import Estimate, Family
from airflow_ml_monitor.metrics.interval import Z
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.metrics.together import ENOUGH, Along
from airflow_ml_monitor.profile.views import DatasetPair


@metric(Family.DRIFT, Subject.DATASET_PAIR, range=(-math.inf, math.inf), worse=Worse.BOTH)
def component_mean(pair: DatasetPair) -> dict[str, Estimate]:
    """How far the window's mean moved along each leading principal component of the reference's features.

    In units of the component's standard deviation in the reference, of any sign and size. Components are those of the
    correlations of the features' u (see correlation_change), as few as hold 65 % of the variance, 8 at most; the
    largest weight of each is positive. Many columns that move a little together move one component much.
    Parameters: `component=1` the leading one, and so on. low, high: 95 %, of both sides' rows; p_value: two-sided; both
    hold for independent rows of any distribution. A missing value counts in no mean; a component of rare values, for so
    few rows, is left out.
    Undefined where fewer than two features vary, or one did not arrive. TooFew of fewer than 50 rows on either side.
    Jackson 1991.
    """
    along = Along.of(pair)
    enough = min(along.rows) >= ENOUGH * (along.peaks + 1)
    found = {}
    for number, (value, error) in enumerate(zip(along.shift.tolist(), along.error.tolist(), strict=True), 1):
        if not enough[number - 1]:
            continue
        p_value = 2 * ndtr(-abs(value) / error) if error else 1.0
        interval = (value - Z * error, value + Z * error)
        found[f"component={number}"] = Estimate(value, round(along.rows[1]), *interval, float(p_value))
    if not found:
        raise TooFew("too few rows for means along components of rare values")
    return found
