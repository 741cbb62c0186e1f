"""Share of outliers."""

from __future__ import annotations

from typing import Final

from scipy.special import betainc

from airflow_ml_monitor.errors import TooFew, Undefined
from airflow_ml_monitor.keys import WHOLE
from airflow_ml_monitor.measurement import Estimate, Family
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.metrics.together import SHAPELESS
from airflow_ml_monitor.profile.kernel.outlying import beyond, usual_share
from airflow_ml_monitor.profile.views import DatasetPair

BEYOND: Final = 0.001
"""Share of the reference's rows that lie so far out."""
LEAST_REFERENCE: Final = 1000
"""Reference rows of which one lies there."""


@metric(Family.QUALITY, Subject.DATASET_PAIR, range=(0.0, 1.0), worse=Worse.UP)
def outlier_share(pair: DatasetPair) -> Estimate:
    """Share of rows whose features, taken together, lie beyond all but 0.1 % of the reference's rows.

    In [0, 1]. A row's distance is Mahalanobis', of the features' u (bounded: no value of one column is enough), so that
    each value may be ordinary and the combination not. It sees what breaks correlations, not a hole between two groups,
    and it is no defence: who knows the reference can craft rows within its shape. Scores and predictions have no part;
    missing values and columns bring rows nearer, so that a flood of them is none of outliers.
    noise: the share that the reference itself has there, 0.1 % or, where many of its rows are alike, less. The interval
    (Wilson 1927, Clopper and Pearson 1934 for few) holds that share's own error too (Zou and Donner 2008); p_value: of
    so many rows or more out there, were the window's drawn with the reference's (Przyborowski and Wilenski 1940). Both
    assume independent rows.
    Undefined where fewer than two features vary. TooFew without rows, or with fewer than 1,000 in the reference.
    Mahalanobis 1936.
    """
    shape, n = pair.layout.ellipsoid, sum(pair.current.traces.distances.values())
    if shape is None:
        raise Undefined(SHAPELESS)
    if not shape.columns:
        raise Undefined("fewer than two features vary in the reference: there are no combinations")
    if shape.rows < LEAST_REFERENCE:
        raise TooFew(f"{shape.rows} rows in the reference, {LEAST_REFERENCE} needed to know what 1 in 1,000 is")
    if not n and pair.current.rows.get(WHOLE):
        raise Undefined(
            "how far out the rows lie was not looked at: an older release profiled them, or second_moments is off"
        )
    if not n:
        raise TooFew("no rows")
    bucket, usual = beyond(shape, pair.reference.traces.distances, BEYOND)
    noise = float(usual_share(usual, shape.rows))
    limits = interval.share(usual, shape.rows)
    if pair.is_reference:
        return Estimate(noise, n, *limits, p_value=1.0, noise=noise)
    outliers = sum(rows for at, rows in pair.current.traces.distances.items() if at >= bucket)
    value = outliers / n
    low, high = interval.added((value, interval.share(outliers, n)), (-noise, (-limits[1], -limits[0])))
    p_value = float(betainc(outliers, usual + 1, n / (n + shape.rows))) if outliers else 1.0
    return Estimate(value, n, max(low + noise, 0.0), min(high + noise, 1.0), p_value, noise)
