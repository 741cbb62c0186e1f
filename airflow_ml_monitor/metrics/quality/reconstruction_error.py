"""What of the rows lies outside the reference's principal components."""

from __future__ import annotations

import math

from scipy.special import ndtr

from airflow_ml_monitor.measurement import Estimate, Family
from airflow_ml_monitor.metrics.interval import Z
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.metrics.together import Along
from airflow_ml_monitor.profile.views import DatasetPair


@metric(Family.QUALITY, Subject.DATASET_PAIR, range=(0.0, 1.0), worse=Worse.BOTH)
def reconstruction_error(pair: DatasetPair) -> Estimate:
    """Share of the features' variance outside the leading principal components of the reference.

    In [0, 1]. It grows where columns that went together no longer do, and falls where they do so more. Components are
    those of component_mean; a missing value is left out. From covariances alone, about the window's own mean: that the
    mean itself moved is component_mean.
    noise: the reference's own share, corrected for its rows having shaped the components (Lawley 1956): what to expect
    of new rows. low, high: 95 %; p_value: of a difference from the reference's, two-sided; both of independent rows,
    whose scatter is known from a part of them.
    Undefined where fewer than two features vary, or one did not arrive. TooFew of fewer than 50 rows on either side.
    Jackson and Mudholkar 1979.
    """
    along = Along.of(pair)
    usual, value = (min(max(share, 0.0), 1.0) for share in along.outside)
    if pair.is_reference:
        value = usual
    half = Z * math.sqrt(along.rest / along.rows[1])
    error = math.sqrt(along.rest * (1 / along.rows[0] + 1 / along.rows[1]) + along.rest_doubt**2)
    p_value = 2 * ndtr(-abs(value - usual) / error) if error else float(value == usual)
    limits = (max(value - half, 0.0), min(value + half, 1.0))
    return Estimate(value, round(along.rows[1]), *limits, float(p_value), usual)
