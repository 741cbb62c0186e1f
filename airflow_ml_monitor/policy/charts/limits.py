"""From a budget of false alarms a year to a limit for each component and each chart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import ndtri, stdtrit

from airflow_ml_monitor.policy.charts.baseline import Baseline
from airflow_ml_monitor.policy.charts.panel import Flags, Floats

MEMORIES: Final = (0.3, 0.1)
"""Two exponentially weighted means (EWMA; Roberts 1959): how much of one is the newest window. The one for changes that
show within days, the other for those that creep."""
RUN: Final = (1.15, 1.85)
"""Windows beyond the limit of each that come with one false alarm, on average."""
SPLIT: Final = (0.375, 0.375, 0.10, 0.15)
"""The budget's shares: the two means, one window alone, two in a row."""
RESTLESS: Final = 1.25
"""A component whose mean strays so much more than modelled must stay beyond its limit…"""
CONFIRM: Final = 3
"""…for so many windows in a row."""
_PSEUDO: Final = 8.0
_COMPONENTS: Final = 5.0
"""A part counts as having so many more components, that stray as modelled."""
_FREEDOM: Final = 10.0
"""What a component has of the others of its part, in degrees of freedom."""


@dataclass(frozen=True)
class Limits:
    """(J,) each, of scores: upper, lower (2, J) of the means; confirm: windows in a row; one: of a single window's
    score; two: of the lesser of two in a row. detectable: the shift, in standard deviations, that is found within
    `WITHIN` windows as often as not."""

    upper: Floats
    lower: Floats
    confirm: Floats
    one: Floats
    two: Floats
    detectable: Floats


WITHIN: Final = 7


def limits_of(base: Baseline, use: Flags, budget: Floats) -> Limits:
    """budget: (J,) false alarms a window that each component may raise. use: (D, J) the baseline's windows."""
    upper, lower, strays, seen = [], [], [], []
    # Of a variance estimated from windows that resemble each other (Bartlett 1935).
    freedom = base.windows * (1 - base.lag**2) / (1 + base.lag**2) + _FREEDOM
    for memory, run, split in zip(MEMORIES, RUN, SPLIT, strict=False):
        plain = memory / (2 - memory)
        modelled = plain * (1 + 2 * (1 - memory) * base.lag / (1 - (1 - memory) * base.phi))
        strays.append(_strays(base, use, memory, modelled))
        deviation = np.sqrt(modelled * strays[-1] + base.error)
        quantile = -stdtrit(freedom, np.maximum(budget * split * run, 1e-300) / 2)
        # Cornish and Fisher 1938; never narrower.
        skewness = base.skewness * (memory**3 / (1 - (1 - memory) ** 3)) / plain**1.5
        wider = (quantile**2 - 1) / 6
        upper.append(deviation * (quantile + wider * np.maximum(skewness, 0)))
        lower.append(deviation * (quantile + wider * np.maximum(-skewness, 0)))
        seen.append(np.maximum(upper[-1], lower[-1]) / (1 - (1 - memory) ** WITHIN))
    confirm = np.where(np.max(strays, axis=0) > RESTLESS, CONFIRM, 1)
    one = -ndtri(budget * SPLIT[2] / 2)
    two = -ndtri((budget * SPLIT[3] / 2) ** base.joint)
    return Limits(np.array(upper), np.array(lower), confirm, one, two, np.min(seen, axis=0))


def _strays(base: Baseline, use: Flags, memory: float, modelled: Floats) -> Floats:
    """How much more the mean varied in control than modelled; shrunk to the part's, never below 1."""
    n = len(use)
    lag = np.arange(n)[:, None] - np.arange(n)
    mean = np.where(lag >= 0, memory * (1 - memory) ** np.maximum(lag, 0), 0.0) @ base.score
    settled = slice(min(int(2 / memory), n // 3), n)
    count = use[settled].sum(axis=0)
    seen = (mean[settled] ** 2 * use[settled]).sum(axis=0) / np.maximum(count, 1)
    # The scores' own mean was taken from them: half of its error is missing.
    ratio = seen / np.maximum(modelled - base.error / 2, 0.2 * modelled)
    freedom = np.maximum(count * memory / 2, 0.5)
    found = np.empty_like(ratio)
    for one in np.unique(base.part):
        mine = base.part == one
        size = int(mine.sum())
        usual = (size * np.median(ratio[mine]) + _COMPONENTS) / (size + _COMPONENTS)
        found[mine] = (freedom[mine] * ratio[mine] + _PSEUDO * usual) / (freedom[mine] + _PSEUDO)
    more: Floats = np.maximum(found, 1.0)
    return more
