"""What distances come to by chance alone: two samples of one distribution, of the sizes at hand.

For drift's noise floors and p-values. Seeds are fixed, so a rerun writes the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Final

import numpy as np
from scipy.special import chdtrc, gammaln

from airflow_ml_monitor.errors import TooFew
from airflow_ml_monitor.measurement import Estimate
from airflow_ml_monitor.profile.cells import Counts, Floats
from airflow_ml_monitor.profile.views import PairView

DRAWS: Final = 999
WELL_FILLED: Final = 10
"""Expected rows in the emptiest bin from which chi-square serves; below, the bins are drawn again and again."""
BRIDGES: Final = 2000
KNOTS: Final = 256


Distance = Callable[[Floats, Floats], Floats]
"""Of two arrays of counts, over the last axis."""


ByChance = Callable[[float, float, int], tuple[float, float]]
"""(noise, p-value) of a value where the bins are well filled, from it, 1/n + 1/m and the degrees of freedom."""


def compared(pair: PairView, bins: int, distance: Distance, by_chance: ByChance) -> Estimate:
    """A distance between both sides' bins, with what it comes to by chance. TooFew without rows on either side."""
    reference, current = pair.shares(bins)
    n, m = int(reference.sum()), int(current.sum())
    if not n or not m:
        raise TooFew(f"{n} rows in the reference and {m} in the window; both need some")
    return compared_counts(reference, current, distance, by_chance)


def compared_counts(reference: Counts, current: Counts, distance: Distance, by_chance: ByChance) -> Estimate:
    """The same of rows by bin; each bin has rows on one side at least, and each side has some."""
    n, m = int(reference.sum()), int(current.sum())
    value = float(distance(reference.astype(float), current.astype(float)))
    if well_filled(reference, current):
        noise, p_value = by_chance(value, 1 / n + 1 / m, len(reference) - 1)
    else:
        noise, p_value = redrawn(distance, reference, current)
    return Estimate(value, m, p_value=p_value, noise=noise)


def redrawn(distance: Distance, reference: Counts, current: Counts) -> tuple[float, float]:
    """(mean distance, p-value) of both sides' bins drawn anew from their pooled shares."""
    draws = DRAWS if len(reference) <= 200 else DRAWS // 5
    rng = np.random.default_rng(20151)
    n, m = int(reference.sum()), int(current.sum())
    shares = (reference + current) / (n + m)
    drawn = distance(rng.multinomial(n, shares, draws).astype(float), rng.multinomial(m, shares, draws).astype(float))
    seen = distance(reference.astype(float), current.astype(float))
    return float(drawn.mean()), float((1 + np.sum(drawn >= seen - 1e-12)) / (1 + draws))


def well_filled(reference: Counts, current: Counts) -> bool:
    """True if chi-square may be trusted: enough rows expected in every bin of the smaller side."""
    n, m = reference.sum(), current.sum()
    return bool((reference + current).min() * (min(n, m) / (n + m)) >= WELL_FILLED)


def chi_square_tail(value: float, df: int) -> float:
    """P(chi-square of df ≥ value); 1 without degrees of freedom."""
    return float(chdtrc(df, max(value, 0.0))) if df > 0 else 1.0


def chi_mean(df: int) -> float:
    """The mean of the root of a chi-square."""
    return float(np.sqrt(2) * np.exp(gammaln((df + 1) / 2) - gammaln(df / 2))) if df > 0 else 0.0


@cache
def bridges() -> tuple[Floats, Floats]:
    """(u, |B(u)| over √(u(1 - u))) of simulated Brownian bridges on [0, 1], a row each; knots dense at both ends.

    A bridge is the limit of the gap between two distribution functions, over √(1/n + 1/m).
    """
    u = np.sin(np.pi * np.arange(1, KNOTS) / (2 * KNOTS)) ** 2
    steps = np.diff(u, prepend=0.0, append=1.0)
    walk = np.cumsum(np.random.default_rng(18270).standard_normal((BRIDGES, KNOTS)) * np.sqrt(steps), axis=1)
    bridge = walk[:, :-1] - u * walk[:, -1:]
    return u, np.abs(bridge) / np.sqrt(u * (1 - u))


def knots(share: Floats) -> tuple[Counts, Floats]:
    """(nearest knot of the bridges, standard deviation of a bridge) at each cumulative share."""
    nearest = np.rint(2 * KNOTS / np.pi * np.arcsin(np.sqrt(np.clip(share, 0.0, 1.0)))).astype(np.int64) - 1
    return np.clip(nearest, 0, KNOTS - 2), np.sqrt(np.clip(share * (1 - share), 0.0, None))


def judged(value: float, drawn: Floats) -> tuple[float, float]:
    """(mean, p-value) of a value among draws of it under no change."""
    return float(drawn.mean()), float((1 + np.sum(drawn >= value)) / (1 + len(drawn)))
