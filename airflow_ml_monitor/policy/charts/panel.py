"""What charts look at: many components over the same windows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np

Floats = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
Flags = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]
Counts = np.ndarray[tuple[int, ...], np.dtype[np.int64]]

SHAPE: Final = 0
SHARE: Final = 1
RARE: Final = 2
"""Groups of components that behave alike: moments of ranks, and performance; shares; shares of few rows."""
YEAR: Final = 365.25


@dataclass(frozen=True)
class Panel:
    """T windows × J components, in the order of time.

    day: (T,) the windows' starts, in days since 1970. phase: (T,) which of `phases` places in the calendar's cycle a
    window has: its weekday, or its hour of the week. value: (T, J), NaN where there is none, or none that may be
    judged. variance: (T, J) of sampling alone. group: (J,). least: (J,) the smallest move that matters, in the value's
    unit. side: (J,) +1 or -1 where only a rise or a fall is an alarm, 0 for both. weight: (J,) > 0, what it has of the
    budget. trusted: so many first windows are known to be in control. fresh: (T, J) from here on it is another thing,
    and what was usual before says nothing; without rows: nowhere. accepted: (T,) it was said before this window that
    what stands in alarm is usual; without rows: never. share: (T,) of the budget what the panel has; without rows: all.
    """

    day: Floats
    phase: Counts
    value: Floats
    variance: Floats
    group: Counts
    least: Floats
    side: Counts
    weight: Floats
    phases: int = 7
    trusted: int = 0
    fresh: Flags = field(default_factory=lambda: np.zeros((0, 0), bool))
    accepted: Flags = field(default_factory=lambda: np.zeros(0, bool))
    share: Floats = field(default_factory=lambda: np.zeros(0))

    @property
    def step(self) -> float:
        """Days from one window to the next, as a rule."""
        return float(np.median(np.diff(self.day))) if len(self.day) > 1 else 1.0

    def budget(self, false_alarms: float, window: int) -> Floats:
        """(J,): what each component may spend in a window of so many false alarms a year."""
        share = self.share[window] if len(self.share) else 1.0
        found: Floats = false_alarms * share * self.weight / self.weight.sum() * self.step / YEAR
        return found
