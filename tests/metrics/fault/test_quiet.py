"""Nothing is named where nothing broke."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.mark.parametrize("seed", [1, 2])
def test_ordinary_days_have_no_named_fault(days: Any, feed: Any, named: Any, seed: int) -> None:
    frames = [days(number, seed=seed) for number in range(24)]
    found = [named(feed(frames[i], i, frames[max(0, i - 14) : i][::-1])) for i in range(24)]
    assert found == [{}] * 24


def test_a_small_day_has_no_named_fault(days: Any, feed: Any, named: Any) -> None:
    assert [named(feed(days(3).head(rows), 3, [days(2), days(1)])) for rows in (1, 2, 7)] == [{}] * 3


def test_a_day_without_rows_has_no_named_fault(days: Any, feed: Any, named: Any) -> None:
    assert named(feed(days(3).head(0), 3, [days(2)])) == {}
