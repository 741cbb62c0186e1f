"""What is usual of each component, learnt from its windows in control."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from airflow_ml_monitor.policy.charts import tails
from airflow_ml_monitor.policy.charts.panel import Counts, Flags, Floats

CLIP: Final = 3.5
"""Residuals are clipped so many robust standard deviations out."""
CLIP_SCORE: Final = 3.0
"""So far out at most a window's score counts in a mean: one strange window cannot carry it alone."""
LEAST_SPREAD: Final = 0.8
LEAST_SIGNAL: Final = 0.3
"""A calendar pattern is kept if this share of what is seen of it is no noise…"""
SEEN: Final = 3
"""…and each of its places was seen so often."""
LUMPY: Final = 0.4
"""Components of a group part where this share of their variance is between windows."""
LARGE: Final = 1.64
MARGIN: Final = 0.07
"""Large scores follow each other oftener than those that are seen tell."""
_PSEUDO: Final = 5.0
_ROUNDS: Final = 3
_NOTHING: Final = 1e-300


@dataclass(frozen=True)
class Baseline:
    """Of J components, (J,) each unless said.

    centre; pattern (phases, J) of the calendar; between: variance between windows; sampling: mean variance of rows
    drawn; windows: those behind it; lag: correlation of neighbouring residuals, phi: by how much it fades from lag to
    lag; error: variance of the centre, daily: of one window's expectation, in the residual's; largest: |z| in control;
    part: components that are shrunk towards each other; scores: z to what a normal would show; score (D, J): those of
    the baseline, mean 0 and spread 1, from score_mean and score_sd; skewness: theirs; joint: see `_joint`.
    """

    centre: Floats
    pattern: Floats
    between: Floats
    sampling: Floats
    windows: Floats
    lag: Floats
    phi: Floats
    error: Floats
    daily: Floats
    largest: Floats
    part: Counts
    scores: tails.Scores
    score: Floats
    score_mean: Floats
    score_sd: Floats
    skewness: Floats
    joint: Floats

    @property
    def variance(self) -> Floats:
        """Of one window's value."""
        return self.between + self.sampling

    @property
    def long_run(self) -> Floats:
        """By how much memory multiplies the variance of a mean of many windows."""
        found: Floats = 1 + 2 * self.lag / (1 - self.phi)
        return found

    def residual(self, value: Floats, phase: Counts) -> Floats:
        """(D, J) in the value's unit."""
        found: Floats = value - self.centre - self.pattern[phase]
        return found

    def z(self, residual: Floats, variance: Floats) -> Floats:
        """The residual in its standard deviations."""
        found: Floats = residual / np.sqrt((self.between + variance) * (1 + self.daily))
        return found

    def standard(self, score: Floats) -> Floats:
        """Scores as they enter a mean: clipped, mean 0, spread 1 in control."""
        found: Floats = (np.clip(score, -CLIP_SCORE, CLIP_SCORE) - self.score_mean) / self.score_sd
        return found


def fit(value: Floats, variance: Floats, phase: Counts, phases: int, use: Flags, group: Counts) -> Baseline:
    """The baseline of the windows in use: (D, J) values with their sampling variances.

    Between-window variance by moments (Laney 2002), memory by Kendall's correction (1954), calendar by empirical Bayes.
    """
    windows = use.sum(axis=0).astype(float)
    known = np.where(use, variance, 1.0)
    # Of what was never seen nothing is known, which is no reason to be sure.
    sampling = np.where(windows > 0, np.where(use, variance, 0.0).sum(axis=0) / np.maximum(windows, 1), 1.0)
    centre, pattern, signal, between, residual, clipped = _levels(value, known, sampling, phase, phases, use)
    part = group * 2 + (between > LUMPY * (between + sampling))
    between = _overdispersed(between, sampling, np.maximum(windows - 1 - (phases - 1) * signal, 2.0), part)
    scale = np.sqrt(between + known)
    z = residual / scale
    lag, phi = _memory(clipped / scale, use, part, between / np.maximum(between + sampling, _NOTHING))
    error = (1 + 2 * lag / (1 - phi)) / np.maximum(windows, 1)
    scores = tails.Scores.of(tails.fitted(z, use, part))
    score = np.where(use, np.clip(scores(z), -CLIP_SCORE, CLIP_SCORE), 0.0)
    n = np.maximum(windows, 1)
    mean = score.sum(axis=0) / n
    away = np.where(use, score - mean, 0.0)
    spread = np.maximum(np.sqrt((away**2).sum(axis=0) / np.maximum(windows - 1, 1)), LEAST_SPREAD)
    return Baseline(
        centre=centre,
        pattern=pattern,
        between=between,
        sampling=sampling,
        windows=windows,
        lag=lag,
        phi=phi,
        error=error,
        daily=error + (phases - 1) * signal / n,
        largest=np.abs(z * use).max(axis=0),
        part=part,
        scores=scores,
        score=away / spread,
        score_mean=mean,
        score_sd=spread,
        skewness=shrunk((away**3).sum(axis=0) / n / spread**3, 6 / n, part),
        joint=_joint(score, use, lag, part),
    )


def _levels(
    value: Floats, variance: Floats, sampling: Floats, phase: Counts, phases: int, use: Flags
) -> tuple[Floats, Floats, Floats, Floats, Floats, Floats]:
    """(centre, pattern, its signal, variance between windows, residuals, the same clipped), each by the others."""
    windows = use.sum(axis=0)
    centre = np.where(use, value, 0.0).sum(axis=0) / np.maximum(windows, 1)
    pattern: Floats = np.zeros((phases, len(centre)))
    signal: Floats = np.zeros(len(centre))
    between = np.zeros(len(centre))
    residual = clipped = np.where(use, value - centre, 0.0)
    for _ in range(_ROUNDS):
        weight = np.where(use, 1 / np.maximum(between + variance, _NOTHING), 0.0)
        weight /= np.maximum(weight.sum(axis=0), _NOTHING)
        most = _most(residual, use, windows)
        centre = centre + (weight * np.clip(residual, -most, most)).sum(axis=0)
        residual = np.where(use, value - centre - pattern[phase], 0.0)
        inner = np.clip(residual, -most, most) + pattern[phase] * use
        pattern, signal = _pattern(inner, weight, phase, phases, use)
        residual = np.where(use, value - centre - pattern[phase], 0.0)
        freedom = np.maximum(windows - 1 - (phases - 1) * signal, 2.0)
        clipped = np.clip(residual, -most, most)
        between = np.maximum((clipped**2).sum(axis=0) / freedom - sampling, 0.0)
    return centre, pattern, signal, between, residual, clipped


def _most(residual: Floats, use: Flags, count: Counts) -> Floats:
    """(J,): how far out a residual may count: `CLIP` standard deviations, by the median or half the plain one."""
    half = np.clip(count // 2, 0, len(use) - 1)
    size = np.partition(np.where(use, np.abs(residual), np.inf), np.unique(half), axis=0)
    middle = np.take_along_axis(size, half[None, :], axis=0)[0]
    plain = np.sqrt((residual**2).sum(axis=0) / np.maximum(count - 1, 1))
    found: Floats = CLIP * np.maximum(1.48 * np.where(np.isfinite(middle), middle, 0.0), plain / 2)
    return found


def _pattern(residual: Floats, weight: Floats, phase: Counts, phases: int, use: Flags) -> tuple[Floats, Floats]:
    """((phases, J) effects, (J,) share of them that is no noise); 0 if that is little, or a place was rarely seen."""
    if phases == 1:
        return np.zeros((1, residual.shape[1])), np.zeros(residual.shape[1])
    where = np.eye(phases)[phase]
    seen, mass = where.T @ use, where.T @ weight
    mean = (where.T @ (weight * residual)) / np.maximum(mass, _NOTHING)
    mean -= (mass * mean).sum(axis=0) / np.maximum(mass.sum(axis=0), _NOTHING)
    inside = ((residual - mean[phase]) * use) ** 2
    freedom = np.maximum(use.sum(axis=0) - phases, 1)
    noise = inside.sum(axis=0) / freedom * (1 / np.maximum(seen, 1)).mean(axis=0) * (phases - 1) / phases
    signal = np.clip(1 - noise / np.maximum((mean**2).mean(axis=0), _NOTHING), 0.0, 1.0)
    signal = np.where((signal >= LEAST_SIGNAL) & (seen.min(axis=0) >= SEEN), signal, 0.0)
    return signal * mean, signal


def _overdispersed(between: Floats, sampling: Floats, freedom: Floats, part: Counts) -> Floats:
    """Not below what the part's usual ratio of seen to sampling variance says, with a few pseudo-windows."""
    ratio = (between + sampling) / np.maximum(sampling, _NOTHING)
    found = between.copy()
    for one in np.unique(part):
        mine = part == one
        usual = np.median(ratio[mine])
        likely = (freedom[mine] * ratio[mine] + _PSEUDO * usual) / (freedom[mine] + _PSEUDO)
        found[mine] = np.maximum(between[mine], (np.maximum(likely, 1.0) - 1) * sampling[mine])
    return found


def _memory(z: Floats, use: Flags, part: Counts, share: Floats) -> tuple[Floats, Floats]:
    """(correlation with the next window, its fading): of an AR(1) that is so large a share of the variance."""
    pairs, windows = use[1:] & use[:-1], use.sum(axis=0)
    n = np.maximum(pairs.sum(axis=0), 1)
    mean_square = (z**2).sum(axis=0) / np.maximum(windows, 1)
    raw = (z[1:] * z[:-1] * pairs).sum(axis=0) / np.maximum(mean_square * n, _NOTHING)
    raw = np.clip(raw + (1 + 3 * raw) / np.maximum(windows, 4), -0.5, 0.95)
    lag = np.clip(shrunk(raw, (1 - raw**2) ** 2 / n, part), 0.0, 0.95)
    return lag, np.clip(lag / np.maximum(share, 0.05), 0.0, 0.9)


def _joint(score: Floats, use: Flags, lag: Floats, part: Counts) -> Floats:
    """η: two large scores in a row are as likely as one to the power 1/η: ½ where none depends on the other, 1 for the
    same twice. Of normal ones (1 + lag)/2; more where the part's pairs show more. Ledford and Tawn 1996."""
    found = (1 + lag) / 2 + MARGIN
    pairs = use[1:] & use[:-1]
    for one in np.unique(part):
        mine = part == one
        far = np.where(use[:, mine], np.sign(score[:, mine]) * (np.abs(score[:, mine]) > LARGE), 0)
        single = (np.abs(far).sum() + 1) / (2 * max(int(use[:, mine].sum()), 1) + 2)
        both = ((far[1:] * far[:-1] > 0).sum() + 1) / (2 * max(int(pairs[:, mine].sum()), 1) + 1 / single**2)
        found[mine] += max(float(np.log(single) / np.log(both) - found[mine].mean()), 0.0)
    return np.clip(found, 0.5, 1.0)


def shrunk(value: Floats, variance: Floats, part: Counts) -> Floats:
    """Each towards its part's mean, as far as its own error makes likely."""
    found = value.copy()
    for one in np.unique(part):
        mine = part == one
        x, noise = value[mine], np.broadcast_to(variance, value.shape)[mine]
        between = max(float(np.var(x) - np.mean(noise)), 0.02 * float(np.mean(noise)))
        found[mine] = np.mean(x) + (x - np.mean(x)) * between / (between + noise)
    return found
