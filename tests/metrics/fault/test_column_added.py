"""Columns that nobody declared."""

from __future__ import annotations

from typing import Any


def test_a_new_column_is_noted_on_its_first_day(days: Any, feed: Any, named: Any) -> None:
    grown = days(3)
    grown.insert(4, "channel", "web")
    found = named(feed(grown, 3, [days(2), days(1)]))
    assert list(found) == [("column_added", "", "column=channel")]
    assert found["column_added", "", "column=channel"].value == 1.0
    assert named(feed(days(4).assign(channel="web"), 4, [grown, days(2)])) == {}


def test_what_the_first_window_has_besides_the_reference_is_no_news(days: Any, feed: Any, named: Any) -> None:
    assert named(feed(days(3).assign(channel="web"), 3)) == {}


def test_an_undeclared_column_of_the_reference_is_not_new(days: Any, feed: Any, named: Any, reference: Any) -> None:
    assert named(feed(days(3).assign(channel="web"), 3, [days(2)], of=reference.assign(channel="app"))) == {}


def test_the_new_name_of_a_missing_column_is_not_added_too(days: Any, feed: Any, fault: Any) -> None:
    view = feed(days(3).rename(columns={"income": "earnings"}), 3, [days(2)])
    assert fault("column_added", view) == {}
    assert list(fault("column_renamed", view)) == [("income", "to=earnings")]
