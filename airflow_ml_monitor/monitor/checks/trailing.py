"""What a window's distances are from where that is no frozen reference but the windows before it. Light, as spec.py."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Final

from airflow_ml_monitor.errors import SpecError, UnknownName
from airflow_ml_monitor.keys import Window, WindowRule
from airflow_ml_monitor.policy.action import Action

_DAY: Final = timedelta(days=1)
_FROM: Final = Window(datetime(2026, 1, 1, tzinfo=UTC), datetime(2031, 1, 1, tzinfo=UTC))
_TRIED: Final = 12
"""So many windows of a rule are tried: all months of a year are among them."""


@dataclass(frozen=True, slots=True)
class Trailing:
    """What lately was usual: the sum of the windows before, as their profiles are stored.

    span: how long before a window they lie; those of the window's own rule that lie in it wholly. gap: how long before
    the window the span ends: with 7d yesterday's change is none of today's reference. Both are whole days.
    least_windows: of so many at least the sum must be, or distances are `too_few`; None: half of those in the span.
    without: windows in an incident that asks for one of these actions are left out, so that a broken day does not
    become usual; [] leaves out none. rule: the window rule ('day') whose windows are compared so; empty: every one.
    """

    span: timedelta
    gap: timedelta = timedelta(0)
    least_windows: int | None = None
    without: tuple[Action, ...] = (Action.INVESTIGATE_DATA,)
    rule: str = ""

    def __post_init__(self) -> None:
        for name, least in (("span", _DAY), ("gap", timedelta(0))):
            if (given := getattr(self, name)) < least or given % _DAY:
                told = f"{given} is no number of whole days{', at least one' * bool(least)}; write e.g. 28d"
                raise SpecError(told, field=f"reference.trailing.{name}")
        if self.least_windows is not None and self.least_windows < 1:
            told = f"{self.least_windows} windows are no reference; give at least 1"
            raise SpecError(told, field="reference.trailing.least_windows")

    @property
    def reach(self) -> timedelta:
        """How long before a window the oldest of its reference may begin."""
        return self.gap + self.span

    def is_of(self, rule: WindowRule) -> bool:
        """True if windows of a rule are compared with those before."""
        return self.rule in ("", str(rule), str(rule.unit))

    def needed(self, wanted: int) -> int:
        """Of so many windows in the span, how many must be there."""
        return -(-wanted // 2) if self.least_windows is None else self.least_windows


def windows_before(trailing: Trailing, rule: WindowRule, window: Window) -> list[Window]:
    """The windows that the reference of a window should be of, oldest first.

    >>> from airflow_ml_monitor.keys import WindowUnit
    >>> rule = WindowRule(WindowUnit.DAY)
    >>> today = rule.of_date(datetime(2026, 3, 10).date())
    >>> [w.start.day for w in windows_before(Trailing(3 * _DAY, gap=2 * _DAY), rule, today)]
    [5, 6, 7]
    """
    first, days = rule.date_of(window.start), rule.days
    # By the calendar: a day of 23 hours is a day.
    start, end = (days.of_date(first - back).start for back in (trailing.reach, trailing.gap))
    return list(rule.between(start, end))


def check_trailing(trailing: Trailing | None, rules: Sequence[WindowRule]) -> None:
    """SpecError where a span holds no window of a rule, or never as many as it must."""
    if trailing is None:
        return
    mine = [rule for rule in rules if trailing.is_of(rule)]
    if not mine:
        raise UnknownName("window rule", trailing.rule, map(str, rules), field="reference.trailing.rule")
    for rule in mine:
        tried = islice(rule.between(_FROM.start, _FROM.end), _TRIED)
        held = [len(windows_before(trailing, rule, window)) for window in tried]
        if not min(held):
            told = f"{trailing.span.days} days before a {rule.unit} hold no whole one at times"
            raise SpecError(
                f"{told}; give a longer span, or name the rule that it is of", field="reference.trailing.span"
            )
        if min(held) < (least := trailing.needed(min(held))):
            told = f"{trailing.span.days} days hold {min(held)} windows of a {rule.unit}, and never {least}"
            raise SpecError(f"{told}; ask for fewer, or give a longer span", field="reference.trailing.least_windows")
