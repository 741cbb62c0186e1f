"""When rows came: whole windows of a feed, with how many rows and how late the newest one was."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from airflow_ml_monitor.keys import Window, WindowRule

WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True, slots=True)
class FeedWindow:
    """One window. last: when the last step that has rows begins; None without rows."""

    window: Window
    weekday: str
    rows: int
    last: datetime | None


@dataclass(frozen=True, slots=True)
class Feed:
    """The whole windows of a feed, without gaps: one in which nothing came has no rows.

    step: how long a step is; times are known to so much.
    """

    rule: WindowRule
    event_time: str
    windows: tuple[FeedWindow, ...]
    step: timedelta

    @classmethod
    def of(cls, steps: Iterable[tuple[datetime, int]], rule: WindowRule, event_time: str, step: timedelta) -> Feed:
        """From (when it begins, rows) of each step with rows; without the first and last window, which may be cut."""
        ordered = sorted(steps)
        if not ordered:
            return cls(rule, event_time, (), step)
        rows: dict[Window, int] = {}
        last: dict[Window, datetime] = {}
        window = rule.containing(ordered[0][0])
        for at, count in ordered:
            if not window.contains(at):
                window = rule.containing(at)
            rows[window] = rows.get(window, 0) + count
            last[window] = at
        first, final = min(rows), max(rows)
        between = rule.between(first.end, final.start)
        found = (FeedWindow(w, weekday(rule, w), rows.get(w, 0), last.get(w)) for w in between)
        return cls(rule, event_time, tuple(found), step)


def weekday(rule: WindowRule, window: Window) -> str:
    """The weekday on which a window begins, by the clock of its rule."""
    return WEEKDAYS[rule.date_of(window.start).weekday()]
