"""Loads that came more than once."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest


def test_keys_that_come_twice_are_named_with_their_share(days: Any, feed: Any, named: Any) -> None:
    today = days(3).head(500)
    found = named(feed(pd.concat([today, today.head(100)], ignore_index=True), 3))
    assert list(found) == [("duplicated_load", "", "")]
    estimate = found["duplicated_load", "", ""]
    # 100 of 600 rows repeat another one.
    assert (estimate.value, estimate.n) == (pytest.approx(1 / 6), 600)
    assert estimate.low < 1 / 6 < estimate.high


def test_without_keys_a_load_that_came_three_times_is_named(days: Any, feed: Any, named: Any) -> None:
    found = named(feed(pd.concat([days(3)] * 3, ignore_index=True), 3, keys=()))
    assert list(found) == [("duplicated_load", "", "times=3")]
    assert found["duplicated_load", "", "times=3"].value == pytest.approx(2 / 3)


def test_one_repeated_key_is_no_repeated_load(days: Any, feed: Any, fault: Any) -> None:
    today = days(3)
    assert fault("duplicated_load", feed(pd.concat([today, today.head(1)], ignore_index=True), 3)) == {}


def test_few_buckets_are_even_by_chance(days: Any, feed: Any, fault: Any) -> None:
    today = days(3).head(3)
    assert fault("duplicated_load", feed(pd.concat([today] * 2, ignore_index=True), 3, keys=())) == {}
