"""Signals that labels come later, or sooner, than they used to: arrivals in a span of days against those before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import ndtri, stdtrit

from airflow_ml_monitor.profile.cells import Counts, Floats
from airflow_ml_monitor.truth.diagonals import Diagonals
from airflow_ml_monitor.truth.slowdown import Scope, curve_of, tilt

SPANS: Final = (7, 14, 21, 28, 40, 56)
"""Days in which a change is looked for: a strong one shows in few, a mild one needs many; one that is older than a span
is diluted in the next, so that they stand close."""
OLDER: Final = 180
FEWEST_OLDER: Final = 60
"""Days before a span that say what is usual: at most, and at least."""
TAIL: Final = 6e-5
"""How often a steady flow exceeds one signal's limit: 3.85 standard errors, where arrivals scatter by chance alone.
Thirty signals a day, kindred ones from day to day, then erred once in 24 simulated years."""
_FEWEST_EXPECTED: Final = 50.0
_DESIGN: Final = 1.3  # the slowdown whose likelihood ratio weighs the cells; near the best from 1.1 to 2
_INNER: Final = 0.4377  # the mean square of a normal's inner four fifths
_PRIOR_LOOKS: Final = 5.0
_MOST_LOOKS: Final = 26


@dataclass(frozen=True, slots=True)
class Signal:
    """Actual against expected arrivals in one span of days. labels: the class, or both. scope: what may have changed.

    z: in standard errors, above 0 where labels come later than they used to; about normal when nothing changed.
    scatter: of the same statistic on past days, at least 1; z has been divided by it. limit: of |z|. actual,
    expected: labels in the span at the ages that count. factor: of the delay, as far as this signal tells.
    """

    days: int
    labels: tuple[int, ...]
    scope: Scope
    z: float
    scatter: float
    limit: float
    actual: float
    expected: float
    factor: float


@dataclass(frozen=True, slots=True)
class Past:
    """A table and its running sums over calendar days, so that any span costs a difference."""

    table: Diagonals
    upto: Floats
    """(3, K + 1, U): events, came, gross of all earlier days"""

    @classmethod
    def of(cls, table: Diagonals) -> Past:
        parts = np.stack([table.events, table.came, table.gross])
        return cls(table, np.concatenate([np.zeros_like(parts[:, :1]), np.cumsum(parts, axis=1)], axis=1))

    def between(self, begins: Counts, ends: Counts) -> Floats:
        """Sums of events, came and gross over the days of each span, (3, spans, U)."""
        return self.upto[:, ends] - self.upto[:, begins]


@dataclass(frozen=True, slots=True)
class _Sums:
    """Of a signal, by look (today's first): the score, its variance, its information, labels come and expected."""

    score: Floats
    variance: Floats
    information: Floats
    actual: Floats
    expected: Floats

    def where_enough(self) -> _Sums:
        """Nothing where too few labels are expected."""
        enough = self.expected >= _FEWEST_EXPECTED
        return _Sums(*(getattr(self, name) * enough for name in _Sums.__slots__))

    def __add__(self, other: _Sums) -> _Sums:
        return _Sums(*(getattr(self, name) + getattr(other, name) for name in _Sums.__slots__))


def signals_of(tables: Sequence[Past], days: int, newest: int) -> list[Signal]:
    """Those of one span; none while the days before it are too few."""
    if newest - days < FEWEST_OLDER:
        return []
    ends = np.arange(newest, days + FEWEST_OLDER - 1, -max(days // 2, 1))[:_MOST_LOOKS]
    usual = [usual_of(table, ends - days) for table in tables]
    found = []
    for scope in Scope if days > SPANS[0] else (Scope.AWAITED,):
        sums: dict[tuple[int, ...], _Sums] = {}
        for label in sorted({past.table.label for past in tables}):
            weights = tilt(curve_before(tables, label, newest - days), days, _DESIGN, scope)
            pairs = zip(tables, usual, strict=True)
            parts = [_sums(past.table, by, weights, ends) for past, by in pairs if past.table.label == label]
            sums[label,] = sum(parts[1:], parts[0])
        if len(sums) == 2:
            # A class of a dozen rare labels would carry its surprises into the sum.
            sums[0, 1] = sums[0,].where_enough() + sums[1,].where_enough()
        found += [signal for labels, of in sums.items() if (signal := _signal(days, labels, scope, of)) is not None]
    return found


def curve_before(tables: Sequence[Past], label: int, end: int) -> Floats:
    """Of all strata of a class, from the days before the end."""
    sums = [
        past.between(np.array([max(end - OLDER, 0)]), np.array([end])) for past in tables if past.table.label == label
    ]
    return curve_of(sum(part[0][0] for part in sums), sum(part[1][0] for part in sums))


@dataclass(frozen=True, slots=True)
class Usual:
    """By end of the usual days and age: the hazard, the labels it is read from, and the variance of one of them,
    which is 0 where nothing could differ or too little is known."""

    hazard: Floats
    exposed: Floats
    variance: Floats


def usual_of(past: Past, ends: Counts) -> Usual:
    """What is usual in the days before each end."""
    events, exposed, gross = past.between(np.maximum(ends - OLDER, 0), ends)
    # Not clipped: where more labels are taken back than come, that is usual too.
    hazard = np.divide(events, exposed, out=np.zeros_like(events), where=exposed > 0)
    share = np.clip((gross + 0.5) / (np.maximum(exposed, 0) + 1), 0, 1)
    # All that comes by age 0 came at it, and a horizon's labels all come at once: nothing could differ there.
    usable = (exposed >= 10) & (hazard < 0.95) & (np.arange(hazard.shape[1]) > 0)
    return Usual(hazard, exposed, np.where(usable, share * (1 - share), 0.0))


def _sums(table: Diagonals, usual: Usual, weights: Floats, ends: Counts) -> _Sums:
    """Of one class and stratum; ends: the looks' days, exclusive, as rows of the table."""
    days = len(weights)
    rows = ends[:, None] - days + np.arange(days)
    events, came, usable = table.events[rows], table.came[rows], usual.variance > 0
    weighted_events, weighted, squared = (
        np.einsum("ldu,du->lu", part, by) for part, by in ((events, weights), (came, weights), (came, weights**2))
    )
    counted = weights != 0
    actual, exposed_now = (np.einsum("ldu,du->lu", part, counted) for part in (events, came))
    information = (squared * usual.variance).sum(axis=1)
    # The usual hazards are estimates too, each shared by all days of its age.
    of_usual = (weighted**2 * usual.variance / np.maximum(usual.exposed, 10)).sum(axis=1)
    return _Sums(
        (usable * (weighted_events - weighted * usual.hazard)).sum(axis=1),
        information + of_usual,
        information,
        (usable * actual).sum(axis=1),
        (usable * exposed_now * usual.hazard).sum(axis=1),
    )


def _signal(days: int, labels: tuple[int, ...], scope: Scope, of: _Sums) -> Signal | None:
    enough = (of.expected >= _FEWEST_EXPECTED) & (of.variance > 0)
    if not enough[0]:
        return None
    z = of.score / np.sqrt(np.maximum(of.variance, 1e-9))
    # Past looks overlap by half, and those that overlap with today's would hide what they should help to find.
    past = np.sort(np.abs(z[2:][enough[2:]]))
    blocks = len(past) / 2
    inner = past[: max(int(np.ceil(0.8 * len(past))), 1)]
    spread = float((inner**2).mean()) / _INNER if len(past) else 1.0
    scatter = max(1.0, float(np.sqrt((blocks * spread + _PRIOR_LOOKS) / (blocks + _PRIOR_LOOKS))))
    normal, student = -float(ndtri(TAIL)), -float(stdtrit(blocks + _PRIOR_LOOKS, TAIL))
    # Where past days did not scatter, nothing had to be estimated.
    limit = normal + (student - normal) * (1 - scatter**-2)
    factor = _DESIGN ** float(np.clip(of.score[0] / of.information[0], -20, 20))
    found = (float(z[0]) / scatter, scatter, limit, float(of.actual[0]), float(of.expected[0]), factor)
    return Signal(days, labels, scope, *found)
