"""Jensen-Shannon distance."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import rel_entr

from airflow_ml_monitor.measurement import Estimate, Family
from airflow_ml_monitor.metrics import no_change
from airflow_ml_monitor.metrics.drift.psi import BINS
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.profile.cells import Floats
from airflow_ml_monitor.profile.dataset import Kind
from airflow_ml_monitor.profile.views import PairView


def distance(reference: Floats, current: Floats) -> Floats:
    """Of two arrays of counts, over the last axis; both have some."""
    a = reference / reference.sum(axis=-1, keepdims=True)
    b = current / current.sum(axis=-1, keepdims=True)
    middle = (a + b) / 2
    divergence = (rel_entr(a, middle) + rel_entr(b, middle)).sum(axis=-1) / (2 * math.log(2))
    found: Floats = np.sqrt(np.clip(divergence, 0.0, 1.0))
    return found


def by_chance(value: float, unit: float, df: int) -> tuple[float, float]:
    """(noise, p-value) of a distance between well filled bins, as no_change.compared asks for it."""
    unit /= 8 * math.log(2)
    return math.sqrt(unit) * no_change.chi_mean(df), no_change.chi_square_tail(value**2 / unit, df)


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
    not. Of the square, categories that are joined in `other` hide at most the mean of its two shares.
    noise, p_value: the divergence is (1/n + 1/m)/(8 ln 2) times chi-square, or the bins are redrawn where one
    expects fewer than ten rows; both assume independent rows. TooFew without rows on either side.
    Lin 1991; Endres and Schindelin 2003.
    """
    return no_change.compared(pair, BINS, distance, by_chance)
