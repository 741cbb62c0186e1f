"""A watch on the delay itself: do labels come as fast as they used to, has their flow changed, or has it stopped?

A nowcast trusts the arrival curve of the last months. If labels slow down it is confidently wrong, so what arrives is
held against what that curve expects. Reverse time again: of the labels of a day that came by age u, the share that
came at u depends on the delay alone, neither on how many rows there are nor on how many are positive: a change of the
world that the model predicts is not mistaken for a change of the delay.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from scipy.special import ndtri, stdtrit

from airflow_ml_monitor.profile.cells import Counts, Floats
from airflow_ml_monitor.truth.arrivals import OF_CLASSES, Arrivals
from airflow_ml_monitor.truth.diagonals import Diagonals, Silence, diagonals_of, silence_of
from airflow_ml_monitor.truth.slowdown import Likelihood, Scope, curve_of, likelihood_of, tilt

SPANS = (7, 14, 21, 28, 40, 56)
"""Days in which a change is looked for: a strong one shows in few, a mild one needs many; one that is older than a span
is diluted in the next, so that they stand close."""
OLDER, FEWEST_OLDER = 180, 60
"""Days before a span that say what is usual."""
MOST_DAYS = 400
"""Calendar days looked at in all; the oldest say how much the signals scatter here."""
TAIL = 6e-5
"""How often a steady flow exceeds one signal's limit: 3.85 standard errors, where arrivals scatter by chance alone.
Thirty signals a day, kindred ones from day to day, then erred once in 24 simulated years."""
LEAST_CHANGE = 0.05
"""Of the factor: less does little harm to a nowcast, however many labels prove it."""
_FEWEST_EXPECTED = 50.0
_DESIGN = 1.3  # the slowdown whose likelihood ratio weighs the cells; near the best from 1.1 to 2
_INNER = 0.4377  # the mean square of a normal's inner four fifths
_PRIOR_LOOKS, _MOST_LOOKS = 5.0, 26


class Flow(StrEnum):
    """What the labels do."""

    STEADY = "steady"
    SLOWER = "slower"
    FASTER = "faster"
    STOPPED = "stopped"
    """for more days than is usual no label has come"""
    UNKNOWN = "unknown"
    """too little history to say"""


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


@dataclass(frozen=True, slots=True, eq=False)
class DelayWatch:
    """What the watch says at the end of a day.

    signals: all that could be computed. strongest: the one furthest from steady by its own limit; None without
    history. likelihood: of the factors by which labels became slower, where flagged. silence: days without labels.
    names: what labels of 0, and of 1, are called.
    """

    flow: Flow
    signals: tuple[Signal, ...]
    strongest: Signal | None
    likelihood: Likelihood | None
    silence: Silence
    today: int
    names: tuple[str, str] = OF_CLASSES

    @property
    def is_flagged(self) -> bool:
        """Whether the arrival curve is not to be trusted today."""
        return self.flow in (Flow.SLOWER, Flow.FASTER, Flow.STOPPED)

    @property
    def since(self) -> int | None:
        """The number of the first day of the change, about; None if not flagged."""
        if self.flow is Flow.STOPPED:
            return self.today - self.silence.lasting + 1
        return self.today - self.likelihood.days + 1 if self.likelihood else None

    @property
    def ratio(self) -> float | None:
        """Labels that came over those expected, in the strongest signal's span."""
        return self.strongest.actual / self.strongest.expected if self.strongest else None

    @property
    def complete_until(self) -> int:
        """The last day whose labels are known: today, unless they have stopped. Arrivals as of it are whole."""
        return self.today - self.silence.lasting

    def z(self, label: int | None = None) -> float | None:
        """The furthest z of one class, or of both together; None where it has none."""
        labels = (0, 1) if label is None else (label,)
        found = [signal.z for signal in self.signals if signal.labels == labels]
        return max(found, key=abs) if found else None

    @property
    def words(self) -> str:
        """What to tell whoever relies on the labels."""
        if self.flow is Flow.STOPPED:
            return (
                f"no labels arrived for {self.silence.lasting} days; about {self.silence.usual:.0f} a day are usual: "
                "look after their source"
            )
        if self.flow is Flow.UNKNOWN:
            return "too few labels so far to say whether they come as fast as they used to"
        if self.likelihood is None or self.strongest is None:
            return "labels come as fast as they used to"
        of, seen = self.likelihood, self.strongest
        which = "labels" if len(of.labels) == 2 else self.names[of.labels[0]]
        low, high = of.interval
        return (
            f"{which} take about {of.best:.2f} times as long ({low:.2f}–{high:.2f}) as they used to, for about "
            f"{of.days} days: {seen.actual:.0f} came in {seen.days} days where {seen.expected:.0f} were expected"
        )


def watch_delay(arrivals: Arrivals) -> DelayWatch:
    """Do labels come as fast as they used to, by all that is known at the end of the arrivals' day?

    Compared are 7 to 56 days with the 180 before them (60 at least), by class and delay stratum, so that neither the
    base rate nor the mix of strata matters. Where arrivals scatter more than chance, because customers come in groups
    or a desk has good and bad weeks, past days have shown it and the limit is as much higher. Flagged is what
    exceeds a limit that a steady flow exceeds less than once a year of daily looks, if it is at least 5 % slower or
    faster; and silence. What is slower only for new predictions shows late, or never: it looks like another base rate.
    """
    newest = min(MOST_DAYS, arrivals.today + 1)
    silence = silence_of(arrivals)
    tables = [_Past.of(table) for table in diagonals_of(arrivals, newest, silence.left_out)]
    signals = [signal for days in SPANS for signal in _signals(tables, days, newest)]
    strongest = max(signals, key=lambda signal: abs(signal.z) / signal.limit, default=None)
    found = [s for s in signals if abs(s.z) > s.limit and abs(s.factor - 1) >= LEAST_CHANGE]
    flow, likelihood = Flow.STEADY if signals else Flow.UNKNOWN, None
    if found:
        strongest = max(found, key=lambda signal: abs(signal.z) / signal.limit)
        likelihood = _likelihood(tables, newest, strongest)
        # By its likelihood, not by its sign: an old change to a faster flow leaves fewer late labels, too.
        flow = Flow.SLOWER if likelihood.best > 1 else Flow.FASTER
    if silence.lasting:
        flow = Flow.STOPPED
    return DelayWatch(flow, tuple(signals), strongest, likelihood, silence, arrivals.today, arrivals.names)


@dataclass(frozen=True, slots=True)
class _Past:
    """A table and its running sums over calendar days, so that any span costs a difference."""

    table: Diagonals
    upto: Floats
    """(3, K + 1, U): events, came, gross of all earlier days"""

    @classmethod
    def of(cls, table: Diagonals) -> _Past:
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


def _signals(tables: Sequence[_Past], days: int, newest: int) -> list[Signal]:
    """Those of one span; none while the days before it are too few."""
    if newest - days < FEWEST_OLDER:
        return []
    ends = np.arange(newest, days + FEWEST_OLDER - 1, -max(days // 2, 1))[:_MOST_LOOKS]
    usual = [_usual(table, ends - days) for table in tables]
    found = []
    for scope in Scope if days > SPANS[0] else (Scope.AWAITED,):
        sums: dict[tuple[int, ...], _Sums] = {}
        for label in sorted({past.table.label for past in tables}):
            weights = tilt(_curve(tables, label, newest - days), days, _DESIGN, scope)
            pairs = zip(tables, usual, strict=True)
            parts = [_sums(past.table, by, weights, ends) for past, by in pairs if past.table.label == label]
            sums[label,] = sum(parts[1:], parts[0])
        if len(sums) == 2:
            # A class of a dozen rare labels would carry its surprises into the sum.
            sums[0, 1] = sums[0,].where_enough() + sums[1,].where_enough()
        found += [signal for labels, of in sums.items() if (signal := _signal(days, labels, scope, of)) is not None]
    return found


def _curve(tables: Sequence[_Past], label: int, end: int) -> Floats:
    """Of all strata of a class, from the days before the end."""
    sums = [
        past.between(np.array([max(end - OLDER, 0)]), np.array([end])) for past in tables if past.table.label == label
    ]
    return curve_of(sum(part[0][0] for part in sums), sum(part[1][0] for part in sums))


@dataclass(frozen=True, slots=True)
class _Usual:
    """By end of the usual days and age: the hazard, the labels it is read from, and the variance of one of them,
    which is 0 where nothing could differ or too little is known."""

    hazard: Floats
    exposed: Floats
    variance: Floats


def _usual(past: _Past, ends: Counts) -> _Usual:
    events, exposed, gross = past.between(np.maximum(ends - OLDER, 0), ends)
    # Not clipped: where more labels are taken back than come, that is usual too.
    hazard = np.divide(events, exposed, out=np.zeros_like(events), where=exposed > 0)
    share = np.clip((gross + 0.5) / (np.maximum(exposed, 0) + 1), 0, 1)
    # All that comes by age 0 came at it, and a horizon's labels all come at once: nothing could differ there.
    usable = (exposed >= 10) & (hazard < 0.95) & (np.arange(hazard.shape[1]) > 0)
    return _Usual(hazard, exposed, np.where(usable, share * (1 - share), 0.0))


def _sums(table: Diagonals, usual: _Usual, weights: Floats, ends: Counts) -> _Sums:
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


def _likelihood(tables: Sequence[_Past], newest: int, strongest: Signal) -> Likelihood:
    """Of the factors, for one class or both, whichever explains more."""
    before = newest - max(SPANS)
    end = before if before >= FEWEST_OLDER else newest - strongest.days
    labels = sorted({past.table.label for past in tables})
    curves = {label: _curve(tables, label, end) for label in labels}
    hazards = []
    for past in tables:
        usual = _usual(past, np.array([end]))
        hazards.append(np.clip(np.where(usual.variance > 0, usual.hazard, 0.0), 0.0, 0.95)[0])
    classes = [*((label,) for label in labels), *([tuple(labels)] if len(labels) > 1 else [])]
    return likelihood_of([past.table for past in tables], hazards, curves, classes, strongest.scatter**2)
