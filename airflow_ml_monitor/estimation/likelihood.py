"""The likelihood of what is seen of labels, arrived and awaited, and its mode: one small regression, many at a time.

A cell's rows are positive with probability p, logit p = offset + X δ, δ normal about 0. Of each row is seen one of
three states (shown as negative, shown as positive, awaited), whose probabilities given the final label come from the
arrival curve; so Σ n_k ln(p A_k + (1 - p) B_k). Fitted by Fisher scoring.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from airflow_ml_monitor.profile.cells import Counts, Floats

NEGATIVE, POSITIVE, AWAITED = 0, 1, 2
"""The states: two as which a label is shown, and awaited."""
LEAST = 1e-9
"""No state is impossible: one row that should not be there must not make the likelihood 0."""
_LARGEST_STEP = 2.0
_STEPS, _STEPS_OF_A_DRAW, _PRECISION = 40, 2, 1e-5


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """Rows by group of days and cell, and what their states mean.

    counts: rows of the three states, (3, N, C). chances: P(state | final label, stratum) by state, label, group and
    stratum, (D, 3, 2, N, S), D = 1 or one for each draw. stratum: of each cell, (C,).
    """

    counts: Floats
    chances: Floats
    stratum: Counts

    def over(self, overdispersion: float) -> Seen:
        """Rows that tell as much as so many times fewer."""
        return Seen(self.counts / overdispersion, self.chances, self.stratum)

    def by_cell(self, label: int, state: int) -> Floats:
        """P(state | final label) for each cell, (D, N, C)."""
        return self.chances[:, state, label][..., self.stratum]


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """Modes of D posteriors: effect (D, K), information (D, K, K), the covariance's inverse; log evidence, (D,)."""

    effect: Floats
    information: Floats
    evidence: Floats

    def noise(self, rng: np.random.Generator) -> Floats:
        """One draw of the effect's error from each posterior, normal (Laplace), (D, K)."""
        root = np.linalg.cholesky(self.information)
        normal = rng.standard_normal((*self.effect.shape, 1))
        return np.asarray(np.linalg.solve(np.swapaxes(root, 1, 2), normal)[..., 0], np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class _State:
    """One state's part of the likelihood, its chance being negative + p · gain, (D, N, C).

    counts, rows: in the state, and in all, (N, C).
    """

    counts: Floats
    rows: Floats
    negative: Floats
    gain: Floats

    @classmethod
    def of(cls, seen: Seen, state: int) -> _State:
        negative = seen.by_cell(0, state)
        return cls(seen.counts[state], seen.counts.sum(axis=0), negative, seen.by_cell(1, state) - negative)

    def log_chance(self, p: Floats) -> Floats:
        """Σ n ln P(state), (D,)."""
        chance = np.maximum(self.negative + p[:, None] * self.gain, LEAST)
        return np.asarray(np.einsum("gc,dgc->d", self.counts, np.log(chance)), np.float64)

    def slopes(self, p: Floats) -> tuple[Floats, Floats]:
        """First derivative of Σ n ln P(state) by p, and the information about p, both (D, C)."""
        ratio = self.gain / np.maximum(self.negative + p[:, None] * self.gain, LEAST)
        information = np.einsum("gc,dgc,dgc->dc", self.rows, ratio, self.gain)
        return np.einsum("gc,dgc->dc", self.counts, ratio), information


@dataclass(frozen=True, slots=True, eq=False)
class _OneClass(_State):
    """A state that only one label can have: all of it depends on p as p itself does, or as 1 - p."""

    label: int
    total: Floats
    expected: Floats
    level: Floats

    @classmethod
    def only(cls, state: _State, label: int) -> _OneClass:
        chance = state.gain if label == 1 else state.negative
        expected = np.einsum("gc,dgc->dc", state.rows, chance)
        level = np.einsum("gc,dgc->d", state.counts, np.log(np.maximum(chance, LEAST)))
        total = state.counts.sum(axis=0)
        return cls(state.counts, state.rows, state.negative, state.gain, label, total, expected, level)

    def log_chance(self, p: Floats) -> Floats:
        share = np.maximum(p if self.label == 1 else 1 - p, LEAST)
        return np.asarray(self.level + np.log(share) @ self.total, np.float64)

    def slopes(self, p: Floats) -> tuple[Floats, Floats]:
        share = np.maximum(p if self.label == 1 else 1 - p, LEAST)
        return (self.total if self.label == 1 else -self.total) / share, self.expected / share


def _states(seen: Seen) -> list[_State]:
    found: list[_State] = []
    for state in (NEGATIVE, POSITIVE, AWAITED):
        general = _State.of(seen, state)
        if not general.negative.any():
            found.append(_OneClass.only(general, 1))
        elif not (general.negative + general.gain).any():
            found.append(_OneClass.only(general, 0))
        else:
            found.append(general)
    return found


@dataclass(frozen=True, slots=True, eq=False)
class _Posterior:
    """D posteriors of the effects; arrays as in `fit`."""

    states: list[_State]
    offset: Floats
    design: Floats
    precision: Floats

    def logarithm(self, effect: Floats) -> Floats:
        p = expit(self.offset + effect @ self.design.T)
        total = sum((state.log_chance(p) for state in self.states), -0.5 * (self.precision * effect**2).sum(axis=1))
        return np.asarray(total, np.float64)

    def curved(self, effect: Floats, squares: Floats) -> tuple[Floats, Floats]:
        """Gradient (D, K) and information (D, K, K). squares: x xᵀ of each cell, (C, K²)."""
        p = expit(self.offset + effect @ self.design.T)
        steep = p * (1 - p)
        parts = [state.slopes(p) for state in self.states]
        slope = steep * np.add.reduce([part for part, _ in parts])
        information = steep * steep * np.add.reduce([part for _, part in parts])
        size = effect.shape[1]
        bend = (information @ squares).reshape(len(effect), size, size)
        bend[:, np.arange(size), np.arange(size)] += self.precision
        return slope @ self.design - self.precision * effect, bend


def fit(seen: Seen, offset: Floats, design: Floats, precision: Floats, start: Floats | None = None) -> Fit:
    """The posterior's mode for each of D offsets, chances or priors (what is given once holds for all).

    offset: (D, C). design: X, (C, K). precision: of the prior of each effect, (D, K). start: (D, K); with a start near
    the mode two steps are taken, as many as a draw needs, and the evidence is not told (0).
    """
    draws = max(len(offset), len(seen.chances), len(precision))
    offset, precision = (np.broadcast_to(part, (draws, part.shape[1])) for part in (offset, precision))
    squares = (design[:, :, None] * design[:, None, :]).reshape(len(design), -1)
    posterior = _Posterior(_states(seen), offset, design, precision)
    if start is not None:
        effect = np.broadcast_to(start, precision.shape)
        for _ in range(_STEPS_OF_A_DRAW):
            gradient, bend = posterior.curved(effect, squares)
            effect = effect + _step(bend, gradient)
        return Fit(effect, bend, np.zeros(draws))
    effect = _climbed(posterior, squares)
    _, bend = posterior.curved(effect, squares)
    evidence = posterior.logarithm(effect) + 0.5 * (np.log(precision).sum(axis=1) - np.linalg.slogdet(bend)[1])
    return Fit(effect, bend, evidence)


def _climbed(posterior: _Posterior, squares: Floats) -> Floats:
    """From no effect at all, with steps that are halved where they lead down."""
    effect = np.zeros(posterior.precision.shape)
    value = posterior.logarithm(effect)
    for _ in range(_STEPS):
        gradient, bend = posterior.curved(effect, squares)
        step = _step(bend, gradient)
        for _ in range(20):
            found = posterior.logarithm(effect + step)
            worse = found < value - 1e-9
            if not worse.any():
                break
            step = np.where(worse[:, None], step / 2, step)
        effect, value = effect + step, found
        if np.abs(step).max(initial=0.0) < _PRECISION:
            break
    return effect


def _step(bend: Floats, gradient: Floats) -> Floats:
    step = np.linalg.solve(bend, gradient[..., None])[..., 0]
    largest = np.abs(step).max(axis=1, keepdims=True)
    return np.asarray(step * np.minimum(1.0, _LARGEST_STEP / np.maximum(largest, LEAST)), np.float64)
