"""What faults of a label source see: labels by the day on which they became known, and whether they are of anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Final

import numpy as np

from airflow_ml_monitor.keys import Window
from airflow_ml_monitor.profile.cells import Floats
from airflow_ml_monitor.profile.label_source import LabelSource

LOOKBACK: Final = 56
"""Days before that say what is usual: eight of every weekday."""


@dataclass(frozen=True)
class LabelFeedView:
    """One label source in a run's window, as known at the run.

    first: when the first day of predictions begins that the monitor knows. arrived: (labelled keys, orphans among them)
    by the calendar day on which their first label became known.
    """

    labels: LabelSource
    window: Window
    first: datetime
    arrived: Mapping[Window, tuple[int, int]]

    @property
    def judged_from(self) -> datetime:
        """From when on an orphan is no label of a prediction that was made before the first."""
        return self.first + self.labels.horizon

    @cached_property
    def days(self) -> tuple[Window, ...]:
        """The days up to the window's end, of those that are judged; days without labels among them, oldest first."""
        found = [day for day in self.arrived if day.start >= self.judged_from and day.end <= self.window.end]
        return tuple(sorted(found))

    @property
    def width(self) -> int:
        """Of the days, so many are the window's."""
        return sum(day.start >= self.window.start for day in self.days)

    @property
    def labelled(self) -> int:
        """Keys whose first label became known in the window."""
        return sum(keys for day, (keys, _) in self.arrived.items() if self.window.start <= day.start < self.window.end)

    @cached_property
    def counts(self) -> tuple[Floats, Floats]:
        """(labelled keys, orphans) by day."""
        found = np.array([self.arrived[day] for day in self.days], np.float64).reshape(-1, 2)
        return found[:, 0], found[:, 1]
