"""Wasserstein distance."""

from __future__ import annotations

import math

import numpy as np

from airflow_ml_monitor.errors import Undefined
from airflow_ml_monitor.measurement import Estimate, Family
from airflow_ml_monitor.metrics import no_change
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.profile.dataset import Kind
from airflow_ml_monitor.profile.views import PairView


@metric(Family.DRIFT, Subject.PAIR, range=(0.0, float("inf")), worse=Worse.UP, unit="sigma", kinds=(Kind.NUMERIC,))
def wasserstein(pair: PairView) -> Estimate:
    """How far the finite values must be moved on average to become the reference's, in its standard deviations.

    At least 0; in units of the reference's spread, so reference and current may not swap places. A shift of the mean
    by one standard deviation gives 1; one far outlier can rule both value and noise, so read it beside psi. NULL, NaN
    and ±inf are left out. noise, p_value: simulated Brownian bridges, so p is at least 1/2001; both assume independent
    rows and a finite variance. Undefined if the reference has no spread. TooFew without values in the window, or with
    fewer than two in the reference.
    Vaserstein 1969; del Barrio, Giné and Matrán 1999.
    """
    pair.need(1)
    sigma = math.sqrt(pair.reference.variance)
    if sigma == 0:
        raise Undefined("the reference's values have no spread")
    x, reference, current = pair.steps
    gap, width = np.cumsum(reference - current)[:-1], np.diff(x) / sigma
    value = float(np.abs(gap) @ width)
    n, m = pair.reference.n, pair.current.n
    share = np.cumsum((n * reference + m * current) / (n + m))[:-1]
    nearest, spread = no_change.knots(share)
    u, heights = no_change.bridges()
    weights = np.bincount(nearest, weights=width * spread, minlength=len(u))
    # Not `@`: for so small a product BLAS spends more on waking its threads than on the sum.
    drawn = math.sqrt(1 / n + 1 / m) * np.einsum("ij,j->i", heights, weights)
    noise, p_value = no_change.judged(value, drawn)
    return Estimate(value, m, p_value=p_value, noise=noise)
