"""Jensen-Shannon distance."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from scipy.special import rel_entr

from airflow_ml_monitor.errors import TooFew
from airflow_ml_monitor.measurement import Estimate, Family
from airflow_ml_monitor.metrics import no_change
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.profile.cells import Floats
from airflow_ml_monitor.profile.dataset import Kind
from airflow_ml_monitor.profile.views import PairView

BINS: Final = 10
"""Those of PSI, so that the two can be read together."""


def _distance(reference: Floats, current: Floats) -> Floats:
    a = reference / reference.sum(axis=-1, keepdims=True)
    b = current / current.sum(axis=-1, keepdims=True)
    middle = (a + b) / 2
    divergence = (rel_entr(a, middle) + rel_entr(b, middle)).sum(axis=-1) / (2 * math.log(2))
    distance: Floats = np.sqrt(np.clip(divergence, 0.0, 1.0))
    return distance


@metric(
    Family.DRIFT,
    Subject.PAIR,
    range=(0.0, 1.0),
    worse=Worse.UP,
    kinds=(Kind.NUMERIC, Kind.CATEGORICAL, Kind.BOOLEAN),
)
def jensen_shannon(pair: PairView) -> Estimate:
    """Root of the Jensen-Shannon divergence, in bits, over ten bins of equal reference share or the categories.

    In [0, 1]; 1 where nothing is shared. NULL, NaN, ±inf and `other` are bins of their own. The bins are the
    reference's: for a numeric column the value changes when reference and current swap places, for categories it does
    not. noise, p_value: the divergence is (1/n + 1/m)/(8 ln 2) times chi-square, or the bins are redrawn where one
    expects fewer than ten rows; both assume independent rows. TooFew without rows on either side.
    Lin 1991; Endres and Schindelin 2003.
    """
    reference, current = pair.shares(BINS)
    n, m = int(reference.sum()), int(current.sum())
    if not n or not m:
        raise TooFew(f"{n} rows in the reference and {m} in the window; both need some")
    value = float(_distance(reference.astype(float), current.astype(float)))
    if not no_change.well_filled(reference, current):
        noise, p_value = no_change.redrawn(_distance, reference, current)
    else:
        unit, df = (1 / n + 1 / m) / (8 * math.log(2)), len(reference) - 1
        noise = math.sqrt(unit) * no_change.chi_mean(df)
        p_value = no_change.chi_square_tail(value**2 / unit, df)
    return Estimate(value, m, p_value=p_value, noise=noise)
