"""How soon the watch on the delay notices that labels slowed down or stopped, and how often it errs."""

from __future__ import annotations

from dataclasses import dataclass

from late.worlds import watched

from airflow_ml_monitor.simulate.label_delays import WorldKind
from airflow_ml_monitor.simulate.late_labels import Concept, LabelFaults, Outage, Slowdown
from airflow_ml_monitor.truth.delay_watch import Flow, watch_delay

HISTORY = 300
"""Days before the first look, or before the change."""
LOOKED = 14
"""Days after the change within which it should be noticed."""
APART = 14
"""Days without a flag after which the next one is another story."""


@dataclass(frozen=True)
class Noticed:
    """days: from the change to the first flag, None if none within LOOKED. factor: as estimated on that day."""

    days: int | None
    factor: float | None
    since: int | None


def noticed(kind: WorldKind, seed: int, slowdown: Slowdown, *, looked: int = LOOKED) -> Noticed:
    """A look a day after the change; slowdown.day is the first slow one."""
    first = slowdown.day
    world = watched(kind, seed, first + looked, LabelFaults(slowdown=slowdown)).arrivals(first + looked - 1)
    for day in range(first, first + looked):
        watch = watch_delay(world.as_of(day))
        if watch.is_flagged:
            likely = watch.likelihood
            return Noticed(day - first + 1, likely.best if likely else None, watch.since)
    return Noticed(None, None, None)


def false_flags(kind: WorldKind, seed: int, *, days: int = 365, corrected: float = 0.0) -> int:
    """Stories of flags in so many daily looks in which the delay never changes; the model's world does, half-way."""
    faults = LabelFaults(concept=Concept(HISTORY + days // 2), corrected=corrected)
    world = watched(kind, seed, HISTORY + days, faults).arrivals(HISTORY + days - 1)
    stories, last = 0, -APART - 1
    for day in range(HISTORY, HISTORY + days):
        if watch_delay(world.as_of(day)).is_flagged:
            stories += day - last > APART
            last = day
    return stories


def outage_told(kind: WorldKind, seed: int, outage: Outage) -> tuple[int | None, int]:
    """(days until labels are said to have stopped, days with any flag in the 60 days after they came back)."""
    end = outage.day + outage.days
    world = watched(kind, seed, end + 61, LabelFaults(outage=outage)).arrivals(end + 60)
    told = None
    for day in range(outage.day, end):
        if watch_delay(world.as_of(day)).flow is Flow.STOPPED:
            told = day - outage.day + 1
            break
    return told, sum(watch_delay(world.as_of(day)).is_flagged for day in range(end, end + 61))


SLOWDOWNS = {
    "1.2, all awaited": Slowdown(HISTORY, 1.2),
    "1.5, all awaited": Slowdown(HISTORY, 1.5),
    "1.2, positives awaited": Slowdown(HISTORY, 1.2, labels=(1,)),
    "1.5, positives awaited": Slowdown(HISTORY, 1.5, labels=(1,)),
    "1.5, new predictions alone": Slowdown(HISTORY, 1.5, is_pending_slowed=False),
}
