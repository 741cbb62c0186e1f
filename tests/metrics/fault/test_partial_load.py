"""Parts of a load that are missing: hours, and categories."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest


@pytest.fixture(scope="module")
def past(days: Any) -> list[pd.DataFrame]:
    """Of day 10, the newest first."""
    return [days(number) for number in range(9, -1, -1)]


@pytest.mark.parametrize(("first", "last"), [(13, 23), (7, 9), (0, 11)])
def test_hours_without_rows_are_named(
    days: Any, feed: Any, named: Any, past: list[pd.DataFrame], first: int, last: int
) -> None:
    today = days(10)
    found = named(feed(today[~today["at"].dt.hour.between(first, last)], 10, past))
    assert list(found) == [("partial_load", "", f"hours={first}-{last}")]
    # The world's own share of those hours: 1 a night hour, 6 a day's, 2 an evening's, of 93.
    weights = [1] * 7 + [6] * 13 + [2] * 4
    estimate = found["partial_load", "", f"hours={first}-{last}"]
    assert estimate.value == pytest.approx(sum(weights[first : last + 1]) / 93, abs=0.03)
    assert estimate.low <= estimate.value <= estimate.high


def test_night_hours_are_empty_now_and_then(days: Any, feed: Any, fault: Any, past: list[pd.DataFrame]) -> None:
    today = days(10)
    assert fault("partial_load", feed(today[today["at"].dt.hour != 3], 10, past)) == {}


def test_hours_that_were_empty_before_may_be_so(days: Any, feed: Any, fault: Any, past: list[pd.DataFrame]) -> None:
    mornings = [frame[frame["at"].dt.hour < 12] for frame in past]
    today = days(10)
    assert fault("partial_load", feed(today[today["at"].dt.hour < 12], 10, mornings)) == {}


def test_without_windows_before_nothing_is_missed(days: Any, feed: Any, fault: Any, past: list[pd.DataFrame]) -> None:
    today = days(10)
    assert fault("partial_load", feed(today[today["at"].dt.hour < 12], 10, past[:4])) == {}


def test_a_category_whose_rows_are_missing_is_named(days: Any, feed: Any, named: Any, past: list[pd.DataFrame]) -> None:
    today = days(10)
    found = named(feed(today[today["purpose"] != "house"], 10, past))
    assert list(found) == [("partition_missing", "purpose", "value=house")]
    assert found["partition_missing", "purpose", "value=house"].value == pytest.approx(0.25, abs=0.03)


def test_a_renamed_category_is_no_missing_part(days: Any, feed: Any, fault: Any, past: list[pd.DataFrame]) -> None:
    today = days(10)
    assert fault("partition_missing", feed(today.replace({"purpose": {"house": "home"}}), 10, past)) == {}


def test_rows_that_chose_another_category_are_no_missing_part(
    days: Any, feed: Any, fault: Any, past: list[pd.DataFrame]
) -> None:
    today = days(10).replace({"purpose": {"house": "car"}})
    assert fault("partition_missing", feed(today, 10, past)) == {}


def test_a_category_that_is_gone_for_a_week_is_gone(days: Any, feed: Any, fault: Any) -> None:
    without = [frame[frame["purpose"] != "house"] for frame in (days(number) for number in range(9, -1, -1))]
    today = days(10)
    assert fault("partition_missing", feed(today[today["purpose"] != "house"], 10, without)) == {}
