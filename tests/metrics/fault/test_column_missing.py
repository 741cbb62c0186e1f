"""Declared columns that did not arrive."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.mark.parametrize("column", ["income", "owner", "purpose", "opened", "score"])
def test_a_column_that_did_not_arrive_is_named(days: Any, feed: Any, named: Any, column: str) -> None:
    broken = days(3).drop(columns=column)
    found = named(feed(broken, 3, [days(2)]))
    assert list(found) == [("column_missing", column, "")]
    assert (found["column_missing", column, ""].value, found["column_missing", column, ""].n) == (1.0, len(broken))


def test_it_is_named_in_a_small_day_too(days: Any, feed: Any, named: Any) -> None:
    assert list(named(feed(days(3).head(50).drop(columns="age"), 3))) == [("column_missing", "age", "")]


def test_a_column_that_arrived_empty_is_not_missing(days: Any, feed: Any, fault: Any) -> None:
    assert fault("column_missing", feed(days(3).assign(age=None), 3)) == {}


def test_a_key_is_missing_if_a_window_before_had_it(days: Any, feed: Any, fault: Any) -> None:
    broken = days(3).drop(columns="id")
    assert list(fault("column_missing", feed(broken, 3, [days(2)]))) == [("id", "")]
    assert fault("column_missing", feed(broken, 3)) == {}


def test_a_day_without_rows_misses_no_column(days: Any, feed: Any, fault: Any) -> None:
    assert fault("column_missing", feed(days(3).drop(columns="age").head(0), 3)) == {}
