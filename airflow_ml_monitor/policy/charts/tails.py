"""How far a component strays by habit: a mixture of Student distributions, learnt from its own days and its group's."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtri, stdtr

from airflow_ml_monitor.policy.charts.panel import Counts, Flags, Floats

FREEDOM: Final = (2.0, 2.5, 3.0, 4.0, 6.0, 10.0, 20.0, 100.0)
"""Degrees of freedom of the parts."""
WINSOR: Final = 3.5
"""Every part is scaled so that the mean of min(z², 3.5²) is 1, as residuals are when clipped there."""
ROUNDS: Final = 30
USUAL: Final = (0.02, 0.03, 0.05, 0.10, 0.20, 0.25, 0.20, 0.15)
"""How often each part is a component's, where nothing is known of its group; counts as `PSEUDO` components."""
PSEUDO: Final = 4.0
DOUBT: Final = 0.003
"""What is added of the part with 4 degrees of freedom."""

_EDGES: Final = np.array([0, 2, 2.5, 3, 3.5, 4, 5, 6, 8, 11, 16, 25, 50, np.inf])
_STEPS: Final = 20
_GRID: Final = np.expm1(np.arange(0, 5.3 * _STEPS) / _STEPS)
"""Up to 200 standard deviations, about 0.05 apart near 0."""


@cache
def _scales() -> Floats:
    def excess(scale: float, nu: float) -> float:
        x = (np.arange(4000) + 0.5) / 4000 * WINSOR
        # E min(z², c²) = ∫ 2 x P(|z| > x) dx up to c.
        return float(np.sum(2 * x * 2 * stdtr(nu, -x / scale)) * WINSOR / 4000 - 1)

    return np.array([brentq(excess, 0.2, 2.0, args=(nu,)) for nu in FREEDOM])


def two_sided(z: Floats) -> Floats:
    """(…, parts): P(|Z| > |z|) under each part."""
    found: Floats = 2 * stdtr(np.array(FREEDOM), -np.abs(z)[..., None] / _scales())
    return found


@cache
def _table() -> Floats:
    return two_sided(_GRID).T


@cache
def _of_bins() -> Floats:
    """(bins, parts): the log probability of |z| in each bin; the body is one: it tells little of the tail."""
    inside = two_sided(_EDGES[:-1])
    return np.log(inside - np.vstack([inside[1:], np.zeros(len(FREEDOM))]))


def fitted(z: Floats, use: Flags, group: Counts) -> Floats:
    """(J, parts): how likely each part is a component's, by its own residuals and by its group's.

    z: (D, J) standardised residuals; use: (D, J), True where they are in control.
    """
    size, bins = z.shape[1], len(_of_bins())
    flat = (np.arange(size) * bins + np.searchsorted(_EDGES[1:-1], np.abs(z), side="right"))[use]
    likelihood = np.bincount(flat, minlength=size * bins).reshape(size, bins) @ _of_bins()
    likelihood = np.exp(likelihood - likelihood.max(axis=1, keepdims=True))
    found = np.empty((size, len(FREEDOM)))
    for one in np.unique(group):
        mine = likelihood[group == one]
        common = np.array(USUAL)
        for _ in range(ROUNDS):
            own = mine * common
            own /= own.sum(axis=1, keepdims=True)
            common = (own.sum(axis=0) + PSEUDO * np.array(USUAL)) / (len(mine) + PSEUDO)
        found[group == one] = own
    return found


@dataclass(frozen=True)
class Scores:
    """(J, grid): what a standard normal would show where a component shows |z|: as far out by its own habit."""

    table: Floats

    @classmethod
    def of(cls, weights: Floats) -> Scores:
        """Of mixtures (J, parts), to each of which a little of the heavy part is added: none is trusted wholly."""
        mixed = (1 - DOUBT) * weights
        mixed[:, FREEDOM.index(4.0)] += DOUBT
        return cls(-ndtri(mixed @ _table() / 2))

    def __call__(self, z: Floats) -> Floats:
        """(D, J) of standardised residuals (D, J); 0 where there is none."""
        size = np.minimum(np.abs(z), _GRID[-1])
        place = np.log1p(size) * _STEPS
        low = np.minimum(place.astype(np.int64), len(_GRID) - 2)
        column = np.arange(z.shape[1])
        below, above = self.table[column, low], self.table[column, low + 1]
        found: Floats = np.sign(z) * (below + (above - below) * (place - low))
        return found
