"""How a proxy (clicks, votes, complaints) has gone with performance: what its early word is worth."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from airflow_ml_monitor.errors import TooFew, Undefined
from airflow_ml_monitor.measurement import Estimate
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.profile.cells import Counts, Floats

LEAST: Final = 10
"""Windows below which nothing is said: of nine even a correlation of 0.6 may be chance."""
LAGS: Final = 5
"""Autocorrelations are summed up to a fifth of the windows (Pyper and Peterman 1998)."""


@dataclass(frozen=True, slots=True)
class Correlation:
    """estimate: the correlation; n: windows. independent: windows that would tell as much, were none like the last."""

    estimate: Estimate
    independent: float


def proxy_correlation(proxy: Sequence[float], performance: Sequence[float]) -> Correlation:
    """Pearson correlation of a proxy and a performance metric over windows, in their order.

    In [-1, 1]. The interval is Fisher's (1915), with Student's t, of as many independent windows as these amount to:
    days resemble the days before, and so two series that have nothing to do with each other seem to (Bartlett 1946,
    Pyper and Peterman 1998). Of simulated series without memory, and with one of 0.5 and 0.8 a window, it covers 94.5
    to 99 % from ten windows on. Windows that are missing between others are passed over. A correlation is no cause,
    and says nothing of kinds of change that have not happened yet.
    TooFew below LEAST windows, or where they amount to no more than four; Undefined where one side does not vary.
    """
    x, y = np.asarray(proxy, np.float64), np.asarray(performance, np.float64)
    n = len(x)
    if n < LEAST:
        raise TooFew(f"{n} final windows with both, {LEAST} needed")
    for part, name in ((x, "proxy"), (y, "performance")):
        if np.ptp(part) <= 1e-12 * np.abs(part).max():
            raise Undefined(f"the {name} was the same in all of {n} windows")
    value = float(np.clip(np.corrcoef(x, y)[0, 1], -1.0, 1.0))
    independent = _independent(x, y)
    if independent <= 4:
        raise TooFew(f"{n} final windows resemble each other so much that they tell no more than four would")
    if abs(value) > 1 - 1e-12:
        return Correlation(Estimate(value, n), independent)
    half = interval.student(independent - 2) / math.sqrt(independent - 3)
    middle = math.atanh(value)
    return Correlation(Estimate(value, n, math.tanh(middle - half), math.tanh(middle + half)), independent)


def _independent(x: Floats, y: Floats) -> float:
    """Independent windows whose correlation would vary as much: never more than there are."""
    n = len(x)
    lags = np.arange(1, n // LAGS + 1)
    # Of short series autocorrelations come out too small.
    shared = float(
        2 * (1 - lags / n) @ (_autocorrelations(x, lags) * _autocorrelations(y, lags) * (n / (n - lags)) ** 2)
    )
    return n / (1 + shared) if shared > 0 else float(n)


def _autocorrelations(x: Floats, lags: Counts) -> Floats:
    d = x - x.mean()
    found: Floats = np.array([d[lag:] @ d[:-lag] for lag in lags.tolist()]) / (d @ d)
    return found
