"""How much rows vary along the reference's principal components."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import ndtr

from airflow_ml_monitor.errors import TooFew
from airflow_ml_monitor.measurement import Estimate, Family
from airflow_ml_monitor.metrics.interval import Z
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.metrics.together import ENOUGH, Along
from airflow_ml_monitor.profile.views import DatasetPair


@metric(Family.DRIFT, Subject.DATASET_PAIR, range=(-math.inf, math.inf), worse=Worse.BOTH)
def component_variance(pair: DatasetPair) -> dict[str, Estimate]:
    """How the variance along each leading principal component of the reference's features changed, as a logarithm.

    In units of ln(variance / the reference's), of any sign and size: 0 is no change, 0.1 about 10 % more. Where columns
    go less together than they did, the leading components lose variance, though no column's own has changed. Components
    are those of component_mean, their variances those of covariances between columns: a missing value is left out.
    The reference's own is corrected for its rows having shaped the components (Lawley 1956).
    Parameters: `component=1` the leading one, and so on. low, high: 95 %; p_value: two-sided; both of independent rows,
    whose kurtosis along each component is known from a part of them; one of rare values, for so few rows, is left out.
    Undefined where fewer than two features vary, or one did not arrive. TooFew of fewer than 50 rows on either side.
    Jackson 1991.
    """
    along = Along.of(pair)
    errors = np.sqrt(along.peaks * (1 / along.rows[0] + 1 / along.rows[1]) + along.doubt**2)
    # A square along the component has about the kurtosis' square.
    enough = min(along.rows) >= ENOUGH * (along.peaks + 1) ** 2
    found = {}
    for number, (ratio, error) in enumerate(zip(along.ratio.tolist(), errors.tolist(), strict=True), 1):
        if ratio > 0 and enough[number - 1]:
            value = math.log(ratio)
            p_value = 2 * ndtr(-abs(value) / error) if error else float(not value)
            interval = (value - Z * error, value + Z * error)
            found[f"component={number}"] = Estimate(value, round(along.rows[1]), *interval, float(p_value))
    if not found:
        raise TooFew("too few rows for variances along components, or the features do not vary")
    return found
