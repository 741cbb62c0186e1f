"""Windows, window rules and slices: what a number is about. Light: no numpy."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from airflow_ml_monitor.errors import SpecError

Slice = tuple[tuple[str, str], ...]
"""((column, value), …); () is the whole."""

WHOLE: Slice = ()


def utc(moment: datetime) -> datetime:
    """The same instant in UTC; rejects naive times.

    >>> utc(datetime(2026, 1, 1, 1, tzinfo=ZoneInfo("Europe/Berlin")))
    datetime.datetime(2026, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)
    """
    if moment.tzinfo is None:
        raise SpecError(f"{moment.isoformat()} has no time zone; give an offset, e.g. {moment.isoformat()}+00:00")
    return moment.astimezone(UTC)


def check_zone(zone: str, field: str) -> None:
    """SpecError unless a time zone has this name."""
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise SpecError(f"unknown time zone {zone!r}; use an IANA name such as 'Europe/Berlin'", field=field) from error


def parse_moment(text: str | datetime) -> datetime:
    """An ISO 8601 text or a datetime, as UTC; rejects naive times."""
    return utc(datetime.fromisoformat(text) if isinstance(text, str) else text)


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """A half-open span of event time [start, end), in UTC.

    >>> Window(datetime(2026, 1, 2, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))
    Traceback (most recent call last):
    ...
    airflow_ml_monitor.errors.SpecError: the window ends at 2026-01-02T00:00:00+00:00, not after its start
    """

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        object.__setattr__(self, "start", utc(self.start))
        object.__setattr__(self, "end", utc(self.end))
        if self.end <= self.start:
            raise SpecError(f"the window ends at {self.end.isoformat()}, not after its start")

    def __str__(self) -> str:
        return f"{self.start.isoformat()}/{self.end.isoformat()}"

    def contains(self, moment: datetime) -> bool:
        return self.start <= moment < self.end


EVER = Window(datetime(1900, 1, 1, tzinfo=UTC), datetime(2262, 1, 1, tzinfo=UTC))
"""All rows, whatever their event time: the window of a reference that names none."""


def overlaps(window: Window, others: Collection[Window]) -> bool:
    """True if a window shares an instant with any of the others."""
    return any(other.start < window.end and window.start < other.end for other in others)


class WindowUnit(StrEnum):
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"


@dataclass(frozen=True, slots=True)
class WindowRule:
    """Calendar windows in a zone: days, weeks from Monday, months, quarters; 23 and 25 hour days included.

    offset: how long after local midnight (Monday, the first of the month) a window starts. added: a window is the sum
    of its days as they were profiled, and is not scanned.

    >>> rule = WindowRule(WindowUnit.DAY, "Europe/Berlin")
    >>> w = rule.containing(datetime(2026, 3, 29, 12, tzinfo=UTC))        # the clocks go forward
    >>> (w.end - w.start).total_seconds() / 3600
    23.0
    """

    unit: WindowUnit
    zone: str = "UTC"
    offset: timedelta = timedelta(0)
    added: bool = False

    def __post_init__(self) -> None:
        if self.added and self.unit is WindowUnit.DAY:
            raise SpecError("a day is not added up from days; leave it out", field="windows.added")
        if not timedelta(0) <= self.offset < timedelta(days=1):
            raise SpecError(f"{self.offset} is not in [0, 24 h)", field="windows.offset")
        check_zone(self.zone, "windows.zone")

    def __str__(self) -> str:
        shift = f"+{int(self.offset.total_seconds())}s" if self.offset else ""
        return f"{self.unit}@{self.zone}{shift}"

    @property
    def days(self) -> WindowRule:
        """The rule of the calendar days that this rule's windows are made of."""
        return WindowRule(WindowUnit.DAY, self.zone, self.offset)

    def _instant(self, day: date) -> datetime:
        # Wall-clock arithmetic: offset 6 h is 06:00 by the clock on the wall, also on a 23-hour day.
        local = datetime.combine(day, time(0)) + self.offset
        return local.replace(tzinfo=ZoneInfo(self.zone)).astimezone(UTC)

    def _first_day(self, day: date) -> date:
        if self.unit is WindowUnit.WEEK:
            return day - timedelta(days=day.weekday())
        if self.unit is WindowUnit.QUARTER:
            return day.replace(month=day.month - (day.month - 1) % 3, day=1)
        return day.replace(day=1) if self.unit is WindowUnit.MONTH else day

    def _next_day(self, first: date) -> date:
        if self.unit in (WindowUnit.MONTH, WindowUnit.QUARTER):
            return self._first_day(first + timedelta(days=32 if self.unit is WindowUnit.MONTH else 100))
        return first + timedelta(days=7 if self.unit is WindowUnit.WEEK else 1)

    def date_of(self, moment: datetime) -> date:
        """The calendar day in which an instant lies: of a window's start its first day."""
        return (utc(moment).astimezone(ZoneInfo(self.zone)).replace(tzinfo=None) - self.offset).date()

    def of_date(self, day: date) -> Window:
        """The window in which a calendar day lies."""
        return self.containing(self._instant(day))

    def containing(self, moment: datetime) -> Window:
        """The window in which an instant lies."""
        first = self._first_day(self.date_of(moment))
        return Window(self._instant(first), self._instant(self._next_day(first)))

    def between(self, start: datetime, end: datetime) -> Iterator[Window]:
        """The windows that lie wholly in [start, end), oldest first."""
        window = self.containing(start)
        if window.start < utc(start):
            window = self.containing(window.end)
        while window.end <= utc(end):
            yield window
            window = self.containing(window.end)

    def last_before(self, moment: datetime) -> Window:
        """The newest window that is over at an instant."""
        return self.containing(self.containing(moment).start - timedelta(microseconds=1))
