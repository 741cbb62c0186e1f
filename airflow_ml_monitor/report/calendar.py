"""Windows as a reader names them: dates and times in the window rule's zone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.keys import Window, WindowRule, WindowUnit


def rule_of(text: str) -> WindowRule:
    """The rule that a stored text names.

    >>> rule_of("day@Etc/GMT+5+3600s").offset
    datetime.timedelta(seconds=3600)
    """
    parts = re.fullmatch(r"(day|week|month|quarter)@(.+?)(?:\+(\d+)s)?", text)
    if parts is None:
        raise SpecError(f"{text!r} is no window rule; expected e.g. 'day@UTC'", field="rule")
    return WindowRule(WindowUnit(parts[1]), parts[2], timedelta(seconds=int(parts[3] or 0)))


def upto(rule: WindowRule, last: Window, count: int) -> list[Window]:
    """So many windows that end with `last`, oldest first."""
    found = [last]
    while len(found) < count:
        found.append(rule.last_before(found[-1].start))
    return found[::-1]


def named(rule: WindowRule, window: Window) -> str:
    """A window in words: '2026-03-02', 'week of 2026-03-02', 'March 2026', 'Q1 2026'."""
    first = rule.date_of(window.start)
    if rule.unit is WindowUnit.QUARTER:
        return f"Q{(first.month + 2) // 3} {first.year}"
    if rule.unit is WindowUnit.MONTH:
        return f"{first:%B %Y}"
    return f"week of {first}" if rule.unit is WindowUnit.WEEK else str(first)


def some_named(rule: WindowRule, windows: Sequence[Window]) -> str:
    """The first three of some windows by name, and how many more there are."""
    names = [named(rule, window) for window in windows]
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def clock(rule: WindowRule, moment: datetime) -> str:
    """An instant to the minute, in the rule's zone, which it names."""
    return f"{moment.astimezone(ZoneInfo(rule.zone)):%Y-%m-%d %H:%M} {rule.zone}"
