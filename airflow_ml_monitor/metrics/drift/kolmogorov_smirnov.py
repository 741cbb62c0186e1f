"""Kolmogorov-Smirnov distance."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import kolmogorov

from airflow_ml_monitor.measurement import Estimate, Family
from airflow_ml_monitor.metrics import no_change
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.profile.dataset import Kind
from airflow_ml_monitor.profile.views import PairView


@metric(Family.DRIFT, Subject.PAIR, range=(0.0, 1.0), worse=Worse.UP, kinds=(Kind.NUMERIC,), symmetric=True)
def kolmogorov_smirnov(pair: PairView) -> Estimate:
    """Largest gap between the two distribution functions of the finite values.

    In [0, 1]. NULL, NaN and ±inf are left out: completeness and valid_share see them. Read at the buckets' borders:
    off by no more than the largest share of rows in one bucket, by 1e-4 for smooth columns, by nothing for few values.
    noise, p_value: Kolmogorov's law; for a column of few values simulated bridges at its values, so p is at least
    1/2001 there. On a grid p is conservative for columns with many ties. Assumes independent rows. TooFew without
    values on either side.
    Kolmogorov 1933; Smirnov 1939.
    """
    pair.need(1)
    x, reference, current = pair.steps
    value = float(min(np.abs(np.cumsum(reference) - np.cumsum(current)).max(), 1.0))
    n, m = pair.reference.n, pair.current.n
    scale = math.sqrt(1 / n + 1 / m)
    if pair.reference.binning.is_grid or len(x) < 2:
        noise = math.sqrt(math.pi / 2) * math.log(2) * scale if len(x) > 1 else 0.0
        return Estimate(value, m, p_value=float(kolmogorov(value / scale)), noise=noise)
    share = np.cumsum((n * reference + m * current) / (n + m))[:-1]
    nearest, spread = no_change.knots(share)
    drawn = scale * (no_change.bridges()[1][:, nearest] * spread).max(axis=1)
    noise, p_value = no_change.judged(value, drawn)
    return Estimate(value, m, p_value=p_value, noise=noise)
