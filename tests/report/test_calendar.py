"""Windows as a reader names them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.keys import WindowRule, WindowUnit
from airflow_ml_monitor.report.calendar import named, rule_of, upto

RULES = [
    WindowRule(unit, zone, timedelta(hours=hours))
    for unit in WindowUnit
    for zone in ("UTC", "America/New_York", "Asia/Tokyo", "Etc/GMT+5")
    for hours in (0, 6, 23)
]


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_a_rule_is_read_as_it_was_written(rule: WindowRule) -> None:
    assert rule_of(str(rule)) == rule


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_every_day_lies_in_the_window_that_bears_its_date(rule: WindowRule) -> None:
    """Through a change of the clocks: New York puts them forward on 8 March 2026."""
    for number in range(40):
        day = date(2026, 2, 20) + timedelta(days=number)
        window = rule.of_date(day)
        following = rule.containing(window.end)
        assert rule.date_of(window.start) <= day < rule.date_of(following.start)


@pytest.mark.parametrize(
    ("unit", "name"),
    [("day", "2026-03-08"), ("week", "week of 2026-03-02"), ("month", "March 2026"), ("quarter", "Q1 2026")],
)
def test_a_window_is_named_after_its_first_day_where_the_rule_is_at_home(unit: str, name: str) -> None:
    rule = WindowRule(WindowUnit(unit), "America/New_York")
    assert named(rule, rule.containing(datetime(2026, 3, 9, 3, 30, tzinfo=UTC))) == name


def test_windows_up_to_the_last_are_neighbours_and_end_with_it() -> None:
    rule = WindowRule(WindowUnit.DAY, "America/New_York")
    last = rule.of_date(date(2026, 3, 10))
    found = upto(rule, last, 5)
    assert [rule.date_of(w.start).day for w in found] == [6, 7, 8, 9, 10]
    assert [a.end for a in found[:-1]] == [b.start for b in found[1:]]


def test_a_text_that_is_no_rule_is_refused() -> None:
    with pytest.raises(SpecError, match=r"expected e\.g\. 'day@UTC'"):
        rule_of("fortnight@UTC")
