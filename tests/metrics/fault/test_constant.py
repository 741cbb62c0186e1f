"""One value in every row."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest


@pytest.fixture(scope="module")
def past(days: Any) -> list[pd.DataFrame]:
    """Of day 3, the newest first."""
    return [days(number) for number in range(2, -4, -1)]


@pytest.mark.parametrize(
    ("column", "value"), [("income", 2500.0), ("children", 1), ("owner", True), ("purpose", "car"), ("income", 1e12)]
)
def test_a_column_of_one_value_is_named(days: Any, feed: Any, fault: Any, past: Any, column: str, value: Any) -> None:
    found = fault("constant", feed(days(3).assign(**{column: value}), 3, past))
    assert list(found) == [(column, "")]
    assert found[column, ""].value == 1.0


def test_two_values_are_not_one(days: Any, feed: Any, fault: Any, past: Any) -> None:
    broken = days(3).assign(income=2500.0, purpose="car")
    broken.loc[0, ["income", "purpose"]] = [2500.1, "house"]
    assert fault("constant", feed(broken, 3, past)) == {}


def test_few_rows_of_a_frequent_value_are_chance(days: Any, feed: Any, fault: Any, past: Any) -> None:
    # 0.6 ** 20 is 4e-5.
    assert fault("constant", feed(days(3).head(20).assign(owner=False), 3, past)) == {}


def test_a_column_that_was_constant_in_the_reference_may_be_so(
    days: Any, feed: Any, fault: Any, past: Any, reference: Any
) -> None:
    assert fault("constant", feed(days(3).assign(balance=1.0), 3, past, of=reference.assign(balance=1.0))) == {}


def test_unseen_categories_are_not_said_to_be_one(days: Any, feed: Any, fault: Any, past: Any) -> None:
    # Two new values fall into one bucket.
    broken = days(3)
    assert fault("constant", feed(broken.assign(purpose=[f"new {i % 2}" for i in range(len(broken))]), 3, past)) == {}


def test_a_column_of_one_value_a_day_is_as_it_was(days: Any, feed: Any, fault: Any) -> None:
    frames = [days(number).assign(children=float(number % 7)) for number in range(9, -1, -1)]
    assert fault("constant", feed(frames[0], 9, frames[1:])) == {}


def test_without_windows_before_no_column_is_said_to_have_become_constant(days: Any, feed: Any, fault: Any) -> None:
    assert fault("constant", feed(days(3).assign(income=1.0), 3, [days(2), days(1)])) == {}
