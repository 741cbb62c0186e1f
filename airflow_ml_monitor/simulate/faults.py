"""What goes wrong in a simulated world, and when. Light: no numpy."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from airflow_ml_monitor.errors import SpecError, UnknownName


class FaultKind(StrEnum):
    """What changes. What a monitor should conclude stands behind it."""

    SHIFT = "shift"
    """for good: other applicants, the same relation: nothing to retrain"""
    FEED = "feed"
    """for FEED_DAYS days: a unit changes and a column is gone: investigate the data, do not retrain"""
    CONCEPT = "concept"
    """for good: the same applicants, another relation, seen in labels only: retrain"""


FEED_DAYS = 3


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault and its first day; day 0 is the first day of the world."""

    kind: FaultKind
    day: int

    def __post_init__(self) -> None:
        if self.day < 0:
            raise SpecError(f"{self.kind}@{self.day} begins before day 0; use a day from 0 on", field="faults")

    def __str__(self) -> str:
        return f"{self.kind}@{self.day}"

    def is_active(self, day: int) -> bool:
        """Whether the fault changes this day."""
        return day >= self.day and (self.kind is not FaultKind.FEED or day < self.day + FEED_DAYS)


Faults = tuple[Fault, ...]

DEFAULT_FAULTS: Faults = (
    Fault(FaultKind.SHIFT, 20),
    Fault(FaultKind.FEED, 35),
    Fault(FaultKind.CONCEPT, 50),
)


def parse_faults(text: str) -> Faults:
    """Faults from 'none' or from a list such as 'feed@40,concept@70', ordered by day.

    Errors: SpecError for what is not kind@day, UnknownName for an unknown kind, SpecError for a lasting fault
    (shift, concept) that begins twice.

    >>> [str(fault) for fault in parse_faults("feed@40, shift@20")]
    ['shift@20', 'feed@40']
    >>> parse_faults("none")
    ()
    """
    if text.strip() == "none":
        return ()
    faults = sorted((_parse_fault(part.strip()) for part in text.split(",")), key=lambda fault: fault.day)
    for kind in (FaultKind.SHIFT, FaultKind.CONCEPT):
        if sum(fault.kind is kind for fault in faults) > 1:
            raise SpecError(f"{kind} lasts for good and cannot begin twice; keep one of them", field="faults")
    return tuple(faults)


def _parse_fault(text: str) -> Fault:
    found = re.fullmatch(r"(\w+)@(\d{1,6})", text, flags=re.ASCII)
    if found is None:
        raise SpecError(f"{text!r} is no fault; write kind@day, e.g. 'feed@40,concept@70', or 'none'", field="faults")
    kind, day = found.groups()
    if kind not in set(FaultKind):
        raise UnknownName("fault", kind, FaultKind, field="faults")
    return Fault(FaultKind(kind), int(day))


def faults_within(faults: Faults, days: int) -> Faults:
    """Those faults that begin before a world of so many days ends; for defaults and short worlds."""
    return tuple(fault for fault in faults if fault.day < days)
