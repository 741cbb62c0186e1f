"""What metrics of correlations share: Fisher's z of pairs, how it moved, and the largest move of any."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import ndtr

from airflow_ml_monitor.errors import TooFew
from airflow_ml_monitor.measurement import Estimate
from airflow_ml_monitor.metrics.interval import Z
from airflow_ml_monitor.metrics.together import ENOUGH
from airflow_ml_monitor.profile.cells import Floats

MOST: Final = 190
"""Pairs that are told one by one: all of 20 columns; of more the reference's strongest."""
_FULL: Final = 0.999
"""Fisher's z of 1 is endless; of columns that say the same it is that of this."""
_LEAST_VARIANCE: Final = 0.1
"""Of what a row adds to Fisher's z: of columns that say the same it has none, and any rounding would be a change."""


@dataclass(frozen=True, eq=False)
class CorrelationPairs:
    """Correlations of P pairs in the reference and in a window; arrays of shape (P,), NaN where there is none.

    names: what each pair is called. before, now: correlations. m, n: rows behind each, of the reference and of the
    window. variance: of what a row adds to Fisher's z. kurtosis: of the one column times that of the other.
    """

    names: Sequence[str]
    before: Floats
    now: Floats
    m: Floats
    n: Floats
    variance: Floats
    kurtosis: Floats

    def changes(self, rows: int) -> dict[str, Estimate]:
        """'': the largest change of any pair; and each one's own, of those that are the strongest in the reference.

        rows: of the window. TooFew if no pair has enough.
        """
        change = _z(self.now) - _z(self.before)
        variance = np.maximum(self.variance, _LEAST_VARIANCE)
        with np.errstate(invalid="ignore", divide="ignore"):
            error = np.sqrt(variance / (self.n - 3) + variance / (self.m - 3))
            enough = np.minimum(self.n, self.m) >= np.maximum(ENOUGH * self.kurtosis, 4)
        told = np.isfinite(change) & np.isfinite(error) & enough
        if not told.any():
            lacking = f"none of {len(self.names)} pairs has rows enough in which both vary"
            raise TooFew(f"{lacking}; take a longer window, or a larger reference")
        found = {"": _largest(change[told], error[told], rows)}
        for i in self._strongest():
            if told[i]:
                half, p_value = Z * error[i], 2 * ndtr(-abs(change[i]) / error[i])
                value = float(change[i])
                interval = (float(value - half), float(value + half))
                found[self.names[i]] = Estimate(value, int(self.n[i]), *interval, float(p_value))
        return found

    def _strongest(self) -> list[int]:
        """The pairs that are told one by one, in their order; by the reference alone, so always the same."""
        strength = np.nan_to_num(np.abs(self.before))
        found: list[int] = np.sort(np.argsort(-strength, kind="stable")[:MOST]).tolist()
        return found


def _z(r: Floats) -> Floats:
    return np.arctanh(np.clip(r, -_FULL, _FULL))


def _largest(change: Floats, error: Floats, n: int) -> Estimate:
    """The largest change of any pair; the p-value is that of the change that is the least likely by itself."""
    least = 2 * ndtr(-np.max(np.abs(change) / error))
    p_value = -math.expm1(len(change) * math.log1p(-min(float(least), 1 - 1e-12)))
    # The mean of a maximum is the integral of the chance that it is beyond.
    grid = np.linspace(0, 6 * float(error.max()), 300)
    within = np.prod(1 - 2 * ndtr(-grid[:, None] / error), axis=1)
    return Estimate(float(np.abs(change).max()), n, None, None, p_value, float(np.trapezoid(1 - within, grid)))
