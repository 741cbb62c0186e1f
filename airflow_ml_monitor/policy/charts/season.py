"""The yearly wave of each component, from what little of a year is known: better unsure than blind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from airflow_ml_monitor.policy.charts.panel import YEAR, Counts, Flags, Floats

SIZES: Final = (0.0, 0.02, 0.05, 0.12, 0.3, 0.7)
"""Amplitudes that a component's wave may have, in its unit."""
NO_WAVE: Final = 0.9
"""How often a component has none, where nothing is known of its group; counts as `PSEUDO` components."""
PSEUDO: Final = 15.0
ROUNDS: Final = 20


@dataclass(frozen=True)
class Season:
    """Of J components: beta (J, H) of the harmonics, covariance (J, H, H)."""

    beta: Floats
    covariance: Floats

    @classmethod
    def none(cls, size: int) -> Season:
        h = harmonics(np.zeros(1)).shape[1]
        return cls(np.zeros((size, h)), np.zeros((size, h, h)))

    def value(self, day: Floats) -> Floats:
        """(D, J): the wave on these days."""
        found: Floats = harmonics(day) @ self.beta.T
        return found

    def doubt(self, day: float, known: Floats) -> Floats:
        """(J,): variance of the wave on a day against its mean on the days of a baseline."""
        away = harmonics(np.array([day]))[0] - harmonics(known).mean(axis=0)
        found: Floats = np.einsum("h,jhk,k->j", away, self.covariance, away)
        return found


def harmonics(day: Floats) -> Floats:
    """(D, 4): once and, half as large, twice a year."""
    turn = 2 * np.pi * day / YEAR
    return np.column_stack([np.cos(turn), np.sin(turn), np.cos(2 * turn) / 2, np.sin(2 * turn) / 2])


def learnt(day: Floats, value: Floats, variance: Floats, use: Flags, group: Counts) -> Season:
    """By ridge, averaged over the prior's sizes: weights of evidence, shared in a group.

    value: (D, J) less its calendar pattern; variance: (J,) of one day, memory included; use: (D, J) in control.
    Hoerl and Kennard 1970; the sizes' prior by EM.
    """
    h = harmonics(day)
    count = np.maximum(use.sum(axis=0), 1).astype(float)
    y = np.where(use, value, 0.0)
    y = np.where(use, y - y.sum(axis=0) / count, 0.0)
    middle = (use.T @ h) / count[:, None]
    products = (use.T @ (h[:, :, None] * h[:, None, :]).reshape(len(h), -1)).reshape(-1, h.shape[1], h.shape[1])
    gram = (products - count[:, None, None] * middle[:, :, None] * middle[:, None, :]) / variance[:, None, None]
    moment = (y.T @ h) / variance[:, None]
    identity = np.eye(h.shape[1])
    evidence, betas, spreads = [np.zeros(len(count))], [np.zeros_like(moment)], [np.zeros_like(gram)]
    for size in SIZES[1:]:
        inverse = np.linalg.inv(gram + identity / size**2)
        beta = np.einsum("jhk,jk->jh", inverse, moment)
        _, logdet = np.linalg.slogdet(identity + size**2 * gram)
        evidence.append((np.einsum("jh,jh->j", beta, moment) - logdet) / 2)
        betas.append(beta)
        spreads.append(inverse)
    weights = _weights(np.array(evidence).T, group)
    beta = np.einsum("ja,ajh->jh", weights, np.array(betas))
    apart = np.array(betas) - beta
    spread = np.einsum("ja,ajhk->jhk", weights, np.array(spreads))
    spread += np.einsum("ja,ajh,ajk->jhk", weights, apart, apart)
    return Season(beta, spread)


def _weights(evidence: Floats, group: Counts) -> Floats:
    """(J, sizes): how likely each size is, with the group's as prior."""
    likelihood = np.exp(evidence - evidence.max(axis=1, keepdims=True))
    prior = np.array([NO_WAVE, *[(1 - NO_WAVE) / (len(SIZES) - 1)] * (len(SIZES) - 1)])
    found: Floats = np.empty_like(likelihood)
    for one in np.unique(group):
        mine = likelihood[group == one]
        common = prior
        for _ in range(ROUNDS):
            own = mine * common
            own /= own.sum(axis=1, keepdims=True)
            common = (own.sum(axis=0) + PSEUDO * prior) / (len(mine) + PSEUDO)
        found[group == one] = own
    return found
