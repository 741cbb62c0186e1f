"""When one component changed, and how: at once, little by little, as last year, or in an outlying window alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np

from airflow_ml_monitor.errors import Undefined
from airflow_ml_monitor.policy.charts.panel import Floats

COVERED: Final = 0.95
"""How likely the first changed window lies in its interval."""
SURE: Final = 0.8
"""A shape is told if it is so likely."""
SIZES: Final = (1.0, 3.0, 10.0, 30.0)
"""Standard deviations of the normal priors of a change's size, each as likely."""
ODDS_OF_OUTLIER: Final = 0.03
"""Against the other shapes: scores have longer tails than the normal distribution."""
ODDS_OF_SEASON: Final = 10.0
"""Against the other shapes: years repeat themselves more often than two changes fall on one date by chance."""
REPEATS: Final = 0.3
"""A change that repeats last year's is 1 ± so many times as large."""
SEASON_ERROR: Final = 0.2
SEASON_LAG: Final = 0.8
"""Variance of what last year's smoothed scores are off, about that of means of a week; its autocorrelation."""
STRAY: Final = 2.0
"""Windows by which a season comes earlier or later, or is blurred."""
OFFSET: Final = 1.0
"""Variance of last year's usual level against this year's."""


class Shape(StrEnum):
    OUTLIER = "outlier"
    SUDDEN = "sudden"
    GRADUAL = "gradual"
    RECURRING = "recurring"
    UNCLEAR = "unclear"


_ROWS: Final = {Shape.SUDDEN: slice(0, 1), Shape.GRADUAL: slice(1, 2), Shape.OUTLIER: slice(2, 4)}
"""Whose `_moves` they are."""
ADVICE: Final[Mapping[Shape, str]] = {
    Shape.OUTLIER: "One or two windows stood out and it is over: look at their data, and change nothing.",
    Shape.SUDDEN: "It moved at once and stayed: ask whether a pipe broke or was changed, and if not, rebuild.",
    Shape.GRADUAL: "It moves little by little: refit the model on recent data.",
    Shape.RECURRING: "It moved so a year ago too: compare with a reference of the same season.",
    Shape.UNCLEAR: "Too few windows tell how it moved: look again when more have come.",
}
"""What to do about it."""


@dataclass(frozen=True, slots=True)
class Change:
    """at: index of the most likely first changed window; first, last: its 95 % interval, both included.

    size: in standard deviations, signed, in the newest window; an outlier's in its own.
    """

    at: int
    first: int
    last: int
    shape: Shape
    size: float


def change_of(score: Floats, lag: float, noise: float = 0.0, season: Floats | None = None) -> Change:
    """The most likely change of a component that alarmed.

    score: (T,) of mean 0 and standard deviation 1 while in control, roughly normal, NaN where a window is missing; the
    oldest, in control, first. lag: its correlation with the next window's, in control, within ±1. noise: variance of
    the baseline's own error, the same in all windows. season: (T,) the same windows' scores a year before, smoothed.

    Each shape is fitted from each window on, sizes averaged out. The interval averages over lasting shapes, as a slow
    change looks like a late sudden one. (Limits by χ² of the likelihood ratio cover 84 % where the change is small.)
    A season is a wave: a large jump that repeats is mostly told as sudden, as last year's is smoothed.
    Raises `Undefined` if fewer than two windows have a score.
    Hinkley 1970, Smith 1975 (posterior of the date), Tsay 1988 (steps and outliers beside autoregressive errors),
    Kass and Raftery 1995 (between shapes), Bai 1997.
    """
    seen = np.flatnonzero(np.isfinite(score))
    if len(seen) < 2:
        raise Undefined(f"{len(seen)} of {len(score)} windows have a score; to tell when it changed takes two or more")
    y, apart = score[seen], np.abs(seen[:, None] - seen)
    chance = lag**apart + noise
    evidence, size = _fits(y, _moves(len(score))[..., seen], chance, SIZES)
    evidence[:, 0] = -np.inf  # The oldest window is in control.
    odds = {shape: _mean(evidence[rows]) for shape, rows in _ROWS.items()}
    odds[Shape.OUTLIER] += float(np.log(ODDS_OF_OUTLIER))
    odds[Shape.UNCLEAR] = float(_fits(y, 0 * y, chance, SIZES)[0])  # It did not move.
    if season is not None and np.isfinite(season).any():
        before = np.interp(seen, np.flatnonzero(np.isfinite(season)), season[np.isfinite(season)])
        stray = STRAY * np.gradient(before, seen)
        wide = chance + OFFSET + SEASON_LAG**apart * (SEASON_ERROR + np.outer(stray, stray))
        favour = float(np.log(ODDS_OF_SEASON))
        odds[Shape.RECURRING] = float(_fits(y - before, before, wide, (REPEATS,))[0]) + favour
        # What a wider error explains without last year is no season.
        odds[Shape.UNCLEAR] = max(odds[Shape.UNCLEAR], float(_fits(y, 0 * y, wide, SIZES)[0]) + favour)
    return _told(evidence, size, odds)


def _told(evidence: Floats, size: Floats, odds: dict[Shape, float]) -> Change:
    """The most likely shape, if it is likely enough; its date, its size."""
    shape = max(odds, key=lambda each: odds[each])
    if odds[shape] - np.logaddexp.reduce([*odds.values()]) < np.log(SURE):
        shape = Shape.UNCLEAR
    possible = [Shape.OUTLIER] if shape is Shape.OUTLIER else [Shape.SUDDEN, Shape.GRADUAL]
    likely, most = np.zeros_like(evidence), max(odds[each] for each in possible)
    for rows, share in ((_ROWS[each], odds[each] - most) for each in possible):
        likely[rows] = np.exp(evidence[rows] - np.logaddexp.reduce(evidence[rows], axis=None) + share)
    first, last = _shortest(likely.sum(axis=0))
    mine = _ROWS.get(shape, slice(None))  # What cannot be an outlier's has no weight there.
    at = min(max(int(likely[mine].sum(axis=0).argmax()), first), last)
    return Change(at, first, last, shape, float((likely[mine] * size[mine]).sum() / likely[mine].sum()))


def _moves(count: int) -> Floats:
    """(4, T, T): a step, a ramp until now, outliers of one and of two windows, from each window on, 1 at most."""
    first, now = np.arange(count)[:, None], np.arange(count)
    ramp = np.maximum(now - first + 1, 0) / (count - first)
    return np.array([now >= first, ramp, now == first, (now == first) | (now == first + 1)], np.float64)


def _fits(y: Floats, moves: Floats, chance: Floats, sizes: tuple[float, ...]) -> tuple[Floats, Floats]:
    """(log evidence, size) of each of (…, T) moves; chance: covariance of the errors."""
    weight = np.linalg.inv(chance)
    known, told = ((moves @ weight) * moves).sum(axis=-1), moves @ (weight @ y)
    prior = np.square(sizes).reshape(-1, *[1] * known.ndim)
    shrunk = prior / (1 + prior * known)
    gain = (shrunk * told**2 - np.log1p(prior * known)) / 2
    total = np.logaddexp.reduce(gain, axis=0)
    evidence = total - np.log(len(sizes)) - (y @ weight @ y + np.linalg.slogdet(chance)[1]) / 2
    return evidence, (np.exp(gain - total) * shrunk * told).sum(axis=0)


def _mean(evidence: Floats) -> float:
    """The log of the mean evidence of equally likely moves."""
    return float(np.logaddexp.reduce(evidence, axis=None) - np.log(evidence.size))


def _shortest(weight: Floats) -> tuple[int, int]:
    """The first and last of the fewest neighbours that hold `COVERED` of the weight."""
    total = np.append(0.0, np.cumsum(weight)) / weight.sum()
    end = np.searchsorted(total, total[:-1] + COVERED - 1e-12)
    length = np.where(end < len(total), end - np.arange(len(weight)), len(total))
    first = int(length.argmin())
    return first, int(end[first]) - 1
