"""Signed components of a column's change."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import ndtr

from airflow_ml_monitor.errors import TooFew
from airflow_ml_monitor.measurement import Estimate, Family
from airflow_ml_monitor.metrics.components import Cut, Flags, components
from airflow_ml_monitor.metrics.interval import Z
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.profile.cells import Counts
from airflow_ml_monitor.profile.dataset import Kind
from airflow_ml_monitor.profile.layout import OTHER, SPECIAL
from airflow_ml_monitor.profile.views import PairView


@metric(
    Family.DRIFT,
    Subject.PAIR,
    range=(-math.inf, math.inf),
    worse=Worse.BOTH,
    kinds=(Kind.NUMERIC, Kind.CATEGORICAL, Kind.BOOLEAN, Kind.DATETIME),
)
def shift(pair: PairView) -> dict[str, Estimate]:
    """How a column moved against the reference, in signed parts, each about 0 ± √(1/n + 1/m) without change.

    Of numbers: `location`, `scale`, `skewness`: means of the first three orthonormal polynomials of the reference's
    mid-rank; in standard deviations (a normal column moved by 0.2 of its own has a location of 0.195), and `outside`
    its range. Of categories, each with 0.5 % of the reference: `category=…`; `rare`: the other ones known. Of all:
    `missing` (NaN and ±inf too), `other` (unseen, or too rare to be kept). Shares as differences of 2·asin √share
    (Cohen's h, 1988). In standard deviations' or h's unit, of any sign and size.
    low, high: 95 %, from the window's rows. p_value: two-sided, of independent rows. TooFew without rows on either
    side. What charts watch; a distance says how far, not in which direction.
    """
    bucket, reference, current = pair.aligned
    n, m = int(current.sum()), int(reference.sum())
    if not n or not m:
        raise TooFew(f"{m} rows in the reference and {n} in the window; both need some")
    cut = _cut(pair, bucket, reference)
    found = components(cut, reference.astype(float), current.astype(float))
    valued = float(reference[cut.ordered].sum())
    return {
        name: _estimate(float(value), int(rows), m if name in cut.shares else valued)
        for name, (value, rows) in found.items()
        if rows > 0
    }


def _cut(pair: PairView, bucket: Counts, reference: Counts) -> Cut:
    """The column's cells; both sides' buckets, in their order."""
    binning, valued = pair.reference.binning, bucket > SPECIAL
    shares = {"missing": ~valued & (bucket != OTHER)}
    if pair.reference.kind not in (Kind.NUMERIC, Kind.DATETIME):
        known = {name: i for i, b in enumerate(bucket) if valued[i] and (name := binning.labels[int(b)])}
        return Cut.of_categories({**shares, "other": bucket == OTHER}, known, reference.astype(float))
    shares["outside" if binning.is_grid else "other"] = (
        _outside(bucket, reference) if binning.is_grid else bucket == OTHER
    )
    return Cut(shares, np.flatnonzero(valued))


def _outside(bucket: Counts, reference: Counts) -> Flags:
    """The buckets beyond the outermost that the reference has."""
    own = bucket[(bucket > SPECIAL) & (reference > 0)]
    if not len(own):
        return np.zeros(len(bucket), bool)
    beyond: Flags = (bucket > SPECIAL) & ((bucket < own.min()) | (bucket > own.max()))
    return beyond


def _estimate(value: float, n: int, m: float) -> Estimate:
    half = Z / math.sqrt(n)
    p_value = 2 * ndtr(-abs(value) / math.sqrt(1 / n + 1 / m))
    return Estimate(value, n, value - half, value + half, float(p_value))
