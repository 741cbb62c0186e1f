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
from typing import Final

import numpy as np

from airflow_ml_monitor.truth.arrivals import OF_CLASSES, Arrivals
from airflow_ml_monitor.truth.diagonals import Silence, diagonals_of, silence_of
from airflow_ml_monitor.truth.signals import FEWEST_OLDER, SPANS, Past, Signal, curve_before, signals_of, usual_of
from airflow_ml_monitor.truth.slowdown import Likelihood, likelihood_of

MOST_DAYS: Final = 400
"""Calendar days looked at in all; the oldest say how much the signals scatter here."""
LEAST_CHANGE: Final = 0.05
"""Of the factor: less does little harm to a nowcast, however many labels prove it."""


class Flow(StrEnum):
    """What the labels do."""

    STEADY = "steady"
    SLOWER = "slower"
    FASTER = "faster"
    STOPPED = "stopped"
    """for more days than is usual no label has come"""
    UNKNOWN = "unknown"
    """too little history to say"""


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
    tables = [Past.of(table) for table in diagonals_of(arrivals, newest, silence.left_out)]
    signals = [signal for days in SPANS for signal in signals_of(tables, days, newest)]
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


def _likelihood(tables: Sequence[Past], newest: int, strongest: Signal) -> Likelihood:
    """Of the factors, for one class or both, whichever explains more."""
    before = newest - max(SPANS)
    end = before if before >= FEWEST_OLDER else newest - strongest.days
    labels = sorted({past.table.label for past in tables})
    curves = {label: curve_before(tables, label, end) for label in labels}
    hazards = []
    for past in tables:
        usual = usual_of(past, np.array([end]))
        hazards.append(np.clip(np.where(usual.variance > 0, usual.hazard, 0.0), 0.0, 0.95)[0])
    classes = [*((label,) for label in labels), *([tuple(labels)] if len(labels) > 1 else [])]
    return likelihood_of([past.table for past in tables], hazards, curves, classes, strongest.scatter**2)
