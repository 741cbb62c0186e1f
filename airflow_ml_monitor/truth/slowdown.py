"""What a slower (or faster) flow of labels would look like, and how likely each is.

A label that would have come x days after the change comes factor × x days after it. That moves the reverse-time
hazards of every age and calendar day in its own way; atoms, such as a horizon at which silence becomes a label, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np

from airflow_ml_monitor.profile.cells import Counts, Floats
from airflow_ml_monitor.truth.diagonals import Diagonals

_SHARES: Final = np.array([0.002, 0.02, 0.06, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 0.94, 0.98, 0.998])
_ATOM = 0.08  # of all labels on one day of age: no chance
_LEAST, _MOST = 0.003, 0.97  # of a hazard whose change is weighed: beyond, one label more or less would decide
_MOST_TILT = 2.0
FACTORS: Final = np.round(np.geomspace(0.5, 3.0, 25), 3)
CHANGE_DAYS: Final = (2, 3, 5, 7, 10, 14, 20, 28, 40, 56)
"""Days since the change that are compared."""


class Scope(StrEnum):
    """Which labels changed their pace."""

    AWAITED = "all labels still awaited"
    NEW = "labels of new predictions"


@dataclass(frozen=True, slots=True, eq=False)
class Likelihood:
    """How well each factor explains what came, at its best day of change. factors, log_likelihood: (F,), the latter
    relative to no change and divided by the overdispersion. days: since the change, at the best factor. labels: the
    classes that changed.
    """

    factors: Floats
    log_likelihood: Floats
    days: int
    scope: Scope
    labels: tuple[int, ...]

    @property
    def best(self) -> float:
        return float(self.factors[np.argmax(self.log_likelihood)])

    @property
    def interval(self) -> tuple[float, float]:
        """The factors that are not contradicted at the 95 % level by the likelihood ratio, to half a step of theirs."""
        near = self.factors[self.log_likelihood >= self.log_likelihood.max() - 1.92]
        half_step = float(self.factors[1] / self.factors[0]) ** 0.5
        return float(near.min()) / half_step, float(near.max()) * half_step


def curve_of(events: Floats, came: Floats) -> Floats:
    """The share of labels that has come by age -1, 0, 1, …, (U + 1,), smooth between a dozen of its quantiles.

    Smooth, so that chance in single ages is not taken for shape: weights that follow it would be biased by about two
    standard errors. The first and the last age that have labels are kept, and single ages that have many: there a
    slower flow shows most.
    """
    hazard = np.clip(np.divide(events, came, out=np.zeros_like(events), where=came >= 10), 0, 1)
    share = np.r_[0.0, np.cumprod((1 - hazard)[:0:-1])[::-1], 1.0]
    last = int(np.searchsorted(share, 1 - 1e-9))
    at = np.minimum(np.searchsorted(share, _SHARES), last)
    before = max(int(at[0]) - 1, 0)
    atoms = np.flatnonzero(np.diff(share) >= _ATOM)
    knots = np.unique(np.r_[0, before, at, atoms, last])
    values = np.where(knots <= before, 0.0, share[knots])
    return _monotone(np.arange(len(share)), knots, values)


def _monotone(x: Counts, knots: Counts, values: Floats) -> Floats:
    """Piecewise cubic through rising values, rising itself; constant beyond the last knot. Fritsch and Butland 1984.

    Straight lines would do for the weights, but not for a likelihood: their kinks move with the factor.
    """
    width, rise = np.diff(knots).astype(np.float64), np.diff(values)
    if len(width) < 2:
        return np.interp(x, knots, values)
    slope = rise / width
    left, right = 2 * width[1:] + width[:-1], width[1:] + 2 * width[:-1]
    both = (slope[:-1] > 0) & (slope[1:] > 0)
    below, above = np.where(both, slope[:-1], 1.0), np.where(both, slope[1:], 1.0)
    inner = np.where(both, (left + right) / (left / below + right / above), 0.0)
    slopes = np.r_[slope[0], inner, slope[-1]]
    at = np.clip(np.searchsorted(knots, x, side="right") - 1, 0, len(width) - 1)
    part = np.minimum((x - knots[at]) / width[at], 1.0)
    a, b = slopes[at] * width[at], slopes[at + 1] * width[at]
    curve = values[at] + part * a + part**2 * (3 * rise[at] - 2 * a - b) + part**3 * (a + b - 2 * rise[at])
    return np.clip(np.maximum.accumulate(curve), 0.0, 1.0)


def tilt(curve: Floats, days: int, factor: float, scope: Scope, usual: Floats | None = None) -> Floats:
    """By how much the logit of each hazard changes on the days 1 … `days` after the change, (days, U).

    usual: the logits without a change, where the caller has them.
    """
    before = logits(curve, days, 1.0, scope) if usual is None else usual
    after = logits(curve, days, factor, scope)
    return np.clip(np.nan_to_num(after - before), -_MOST_TILT, _MOST_TILT)


def logits(curve: Floats, days: int, factor: float, scope: Scope) -> Floats:
    """Of the hazards after the change, as in `tilt`; NaN where it does not reach."""
    kept = np.clip(_hazard(curve, days, factor, scope), _LEAST, _MOST)
    return np.asarray(np.log(kept) - np.log1p(-kept))


def _hazard(curve: Floats, days: int, factor: float, scope: Scope) -> Floats:
    """Reverse-time hazards after the change; NaN where the scope does not reach or nothing can have come."""
    day, age = np.arange(1, days + 1)[:, None], np.arange(len(curve) - 1)[None, :]
    begun = age - day  # how old the prediction was at the end of the last day before the change
    is_pending = begun >= 0
    upto = np.where(is_pending, begun + day / factor, (age + 1) / factor - 1)
    below = np.where(is_pending, begun + (day - 1) / factor, age / factor - 1)
    ages = np.arange(-1, len(curve) - 1)
    came, earlier = np.interp(upto, ages, curve), np.interp(below, ages, curve)
    reached = (came > 1e-9) & ~(is_pending & (scope is Scope.NEW))
    return np.where(reached, 1 - earlier / np.maximum(came, 1e-9), np.nan)


def likelihood_of(
    tables: Sequence[Diagonals],
    hazards: Sequence[Floats],
    curves: Mapping[int, Floats],
    classes: Sequence[tuple[int, ...]],
    overdispersion: float,
) -> Likelihood:
    """The most likely change of the flow, and how likely other factors are.

    hazards: the usual ones of each table, (U,). curves: by label, of `curve_of`. classes: sets of labels that may have
    changed together.
    """
    found = []
    for scope in Scope:
        by_label = {label: _by_label(label, tables, hazards, curve, scope) for label, curve in curves.items()}
        for labels in classes:
            total = np.sum([by_label[label] for label in labels], axis=0) / overdispersion
            days = CHANGE_DAYS[int(np.unravel_index(np.argmax(total), total.shape)[0])]
            found.append(Likelihood(FACTORS, total.max(axis=0), days, scope, labels))
    return max(found, key=lambda one: float(one.log_likelihood.max()))


def _by_label(
    label: int, tables: Sequence[Diagonals], hazards: Sequence[Floats], curve: Floats, scope: Scope
) -> Floats:
    """Log-likelihood relative to no change, by days since the change and factor."""
    mine = [(table, hazard) for table, hazard in zip(tables, hazards, strict=True) if table.label == label]
    found = np.zeros((len(CHANGE_DAYS), len(FACTORS)))
    for i, days in enumerate(CHANGE_DAYS):
        if days >= len(mine[0][0].events):
            break
        events = np.sum([table.events[-days:] * (hazard > 0) for table, hazard in mine], axis=0)
        usual = logits(curve, days, 1.0, scope)
        for k, factor in enumerate(FACTORS):
            w = tilt(curve, days, float(factor), scope, usual)
            odds = np.expm1(w)
            none = sum(float((table.came[-days:] * np.log1p(hazard * odds)).sum()) for table, hazard in mine)
            found[i, k] = float((events * w).sum()) - none
    return found
