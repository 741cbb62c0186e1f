"""Wasserstein distance."""

from __future__ import annotations

import math

import numpy as np

from airflow_ml_monitor.errors import Undefined
from airflow_ml_monitor.measurement import Estimate, Family
from airflow_ml_monitor.metrics import no_change
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.profile.cells import Cells, Floats
from airflow_ml_monitor.profile.dataset import Kind
from airflow_ml_monitor.profile.layout import SPECIAL
from airflow_ml_monitor.profile.views import PairView


@metric(
    Family.DRIFT,
    Subject.PAIR,
    range=(0.0, float("inf")),
    worse=Worse.UP,
    unit="sigma",
    kinds=(Kind.NUMERIC,),
    version=2,
)
def wasserstein(pair: PairView) -> Estimate:
    """How far the finite values must be moved on average to become the reference's, in its standard deviations.

    At least 0; in units of the reference's spread, so reference and current may not swap places. A shift of the mean
    by one standard deviation gives 1; one far outlier can rule both value and noise, so read it beside psi. NULL, NaN
    and ±inf are left out. Exact but for buckets in which the two distribution functions cross, where it is less.
    noise, p_value: simulated Brownian bridges, so p is at least 1/2001; both assume independent rows and a finite
    variance. Undefined if the reference has no spread. TooFew without values in the window, or with
    fewer than two in the reference.
    Vaserstein 1969; del Barrio, Giné and Matrán 1999.
    """
    pair.need(1)
    sigma = math.sqrt(pair.reference.variance)
    if sigma == 0:
        raise Undefined("the reference's values have no spread")
    if pair.reference.binning.is_grid:
        ends = _ends(pair)
        value = float(np.abs(_areas(pair, ends)).sum()) / sigma
        x, share = _spread_out(pair, ends)
    else:
        x, reference, current = pair.steps
        value = float(np.abs(np.cumsum(reference - current)[:-1]) @ np.diff(x)) / sigma
        share = (pair.reference.n * reference + pair.current.n * current) / (pair.reference.n + pair.current.n)
    nearest, spread = no_change.knots(np.cumsum(share)[:-1])
    u, heights = no_change.bridges()
    weights = np.bincount(nearest, weights=np.diff(x) / sigma * spread, minlength=len(u))
    # Not `@`: for so small a product BLAS spends more on waking its threads than on the sum.
    scale = math.sqrt(1 / pair.reference.n + 1 / pair.current.n)
    noise, p_value = no_change.judged(value, scale * np.einsum("ij,j->i", heights, weights))
    return Estimate(value, pair.current.n, p_value=p_value, noise=noise)


def _areas(pair: PairView, ends: Cells) -> Floats:
    """Between the two distribution functions, within each bucket of a grid and from each to the next.

    From a bucket's lowest value s to its highest t: t·gap(t) - s·gap(s) - (what its rows add to one mean less the
    other's); gap: one function less the other.
    """
    rows, d1 = (np.zeros((2, len(ends.bucket))) for _ in range(2))
    for i, side in enumerate((pair.reference, pair.current)):
        there = side.cells.bucket > SPECIAL
        at = np.searchsorted(ends.bucket, side.cells.bucket[there])
        rows[i, at], d1[i, at] = side.cells.count[there] / side.n, side.cells.d1[there] / side.n
    gap = np.cumsum(rows[0] - rows[1])
    gap[-1] = 0.0
    low, high = (x - pair.reference.binning.centre for x in (ends.low, ends.high))
    within = high * gap - low * np.r_[0.0, gap[:-1]] - (d1[0] - d1[1])
    return np.concatenate([within, (low[1:] - high[:-1]) * gap[:-1]])


def _spread_out(pair: PairView, ends: Cells) -> tuple[Floats, Floats]:
    """(x, share) of both sides' rows, ascending: a bucket's at its ends, so that their mean is what it was."""
    width, shift = ends.high - ends.low, pair.reference.binning.centre - ends.low
    upper = np.divide(ends.d1 / ends.count + shift, width, out=np.zeros(len(width)), where=width > 0)
    share = ends.count / ends.count.sum()
    upper = share * np.clip(upper, 0.0, 1.0)
    return np.column_stack([ends.low, ends.high]).ravel(), np.column_stack([share - upper, upper]).ravel()


def _ends(pair: PairView) -> Cells:
    """The buckets of a grid that hold numbers on either side, with both sides' rows."""
    both = pair.reference.cells + pair.current.cells
    there = both.bucket > SPECIAL
    return Cells(*(getattr(both, name)[there] for name in ("bucket", "count", "d1", "d2", "low", "high")))
