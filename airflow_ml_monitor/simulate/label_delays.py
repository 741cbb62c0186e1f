"""Who is scored in the four worlds of late labels, and how long each label takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


class WorldKind(StrEnum):
    """How labels are late."""

    REVIEW = "review queue"
    """people look at every case; high scores go to the slow, careful desks"""
    FRAUD = "fraud"
    """a chargeback after nine days (median); a transaction counts as good after 40 to 60"""
    CHURN = "churn"
    """who has not left after 60 days has stayed: every negative comes on one day"""
    LOAN = "loan"
    """payments come early; a default is not known before day 30"""


@dataclass(frozen=True, slots=True)
class World:
    """centre, spread: of the normal logit of the score, which is calibrated. horizon: days; every delay is shorter,
    or, where silence is negative, the negatives' delay. draw: (label, scale of each row, random) → delays in days."""

    centre: float
    spread: float
    threshold: float
    horizon: int
    shares: tuple[float, ...]
    """of each delay stratum among the rows"""
    scales: tuple[float, ...]
    """of the delays in each stratum"""
    draw: Callable[[int, Floats, np.random.Generator], Floats]
    is_by_score: bool = False
    """strata are bands of the score, the first the lowest"""
    is_silence_negative: bool = False

    def strata(self, logit: Floats, uniform: Floats) -> Counts:
        """The delay stratum of each row: by its score, or drawn."""
        edges = np.cumsum(self.shares)[:-1]
        if self.is_by_score:
            edges, uniform = self.centre + self.spread * ndtri(edges), logit
        return np.searchsorted(edges, uniform, side="right").astype(np.int64)

    def delays(self, label: int, stratum: Counts, random: np.random.Generator) -> Floats:
        """The delay of each row if its label were `label`; drawn again where it is not below the horizon."""
        scale = np.array(self.scales)[stratum]
        found = self.draw(label, scale, random)
        if self.is_silence_negative and label == 0:
            return found
        while (late := np.flatnonzero(found >= self.horizon)).size:
            found[late] = self.draw(label, scale[late], random)
        return found


def _review(label: int, scale: Floats, random: np.random.Generator) -> Floats:
    return random.gamma(1.5, scale / 1.5)


def _fraud(label: int, scale: Floats, random: np.random.Generator) -> Floats:
    if label == 1:
        return np.asarray(scale * np.exp(np.log(9.0) + 0.7 * random.standard_normal(len(scale))))
    return 40 + 20 * random.random(len(scale))


def _churn(label: int, scale: Floats, random: np.random.Generator) -> Floats:
    if label == 1:
        # Even over the 60 days where the scale is 1; the law that a slower flow changes least.
        return np.asarray(60 * random.random(len(scale)) ** (1 / scale))
    return np.full(len(scale), 60.0)


def _loan(label: int, scale: Floats, random: np.random.Generator) -> Floats:
    if label == 1:
        return 30 + random.gamma(2.0, 8.0 * scale)
    return random.gamma(2.0, 15.0 * scale)


WORLDS = MappingProxyType(
    {
        WorldKind.REVIEW: World(
            -0.8, 1.4, 0.5, 90, (0.4, 0.3, 0.2, 0.1), (9.0, 20.0, 34.0, 44.0), _review, is_by_score=True
        ),
        WorldKind.FRAUD: World(-3.6, 1.5, 0.25, 90, (0.5, 0.3, 0.2), (0.85, 1.0, 1.4), _fraud),
        WorldKind.CHURN: World(-1.4, 1.2, 0.4, 60, (0.5, 0.3, 0.2), (1.0, 0.9, 1.15), _churn, is_silence_negative=True),
        WorldKind.LOAN: World(-1.5, 1.2, 0.4, 100, (0.5, 0.3, 0.2), (0.9, 1.0, 1.2), _loan),
    }
)
"""Medians and shares of the issue's worlds; scales differ by stratum by up to a half."""
