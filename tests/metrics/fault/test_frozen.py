"""Windows that repeat an earlier one, whole or in a column."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest


@pytest.fixture(scope="module")
def past(days: Any) -> list[pd.DataFrame]:
    """Of day 3, the newest first."""
    return [days(2), days(1), days(0)]


def again(frame: pd.DataFrame, number: int) -> pd.DataFrame:
    """The same rows as of another day, in another order, with new keys and times."""
    moved = frame.sample(frac=1, random_state=1).reset_index(drop=True)
    shift = pd.Timestamp("2026-03-02", tz="UTC") + pd.Timedelta(days=number) - moved["at"].dt.floor("D")
    return moved.assign(id=[f"again-{i}" for i in range(len(moved))], at=moved["at"] + shift)


@pytest.mark.parametrize(("which", "of"), [(0, "2026-03-04"), (2, "2026-03-02")])
def test_rows_of_an_earlier_day_are_named_with_the_day(
    feed: Any, named: Any, past: list[pd.DataFrame], which: int, of: str
) -> None:
    found = named(feed(again(past[which], 3), 3, past))
    assert [(name, detail) for name, _, detail in found] == [("frozen_feed", f"of={of}")]
    assert found["frozen_feed", "", f"of={of}"].value == 1.0


def test_a_feed_stays_frozen_until_it_moves(days: Any, feed: Any, fault: Any, past: list[pd.DataFrame]) -> None:
    frozen = [again(past[0], number) for number in (3, 4, 5)]
    assert fault("frozen_feed", feed(frozen[2], 5, [frozen[1], frozen[0], *past])) == {
        ("", "of=2026-03-06"): fault("frozen_feed", feed(frozen[0], 3, past))["", "of=2026-03-04"]
    }
    assert fault("frozen_feed", feed(days(6), 6, [*frozen[::-1], *past])) == {}


def test_one_changed_value_is_another_day(feed: Any, fault: Any, past: list[pd.DataFrame]) -> None:
    changed = again(past[0], 3)
    changed.loc[0, "balance"] += 1.0
    assert fault("frozen_feed", feed(changed, 3, past)) == {}


def test_the_same_customers_every_day_are_no_frozen_feed(days: Any, feed: Any, fault: Any) -> None:
    snapshot = [again(days(0), number) for number in range(5)]
    view = feed(snapshot[4], 4, snapshot[3::-1])
    assert fault("frozen_feed", view) == fault("frozen_column", view) == {}


def test_a_table_that_is_renewed_every_third_day_is_not_frozen(days: Any, feed: Any, fault: Any) -> None:
    renewed = [again(days(number - number % 3), number) for number in range(8)]
    assert fault("frozen_feed", feed(renewed[7], 7, renewed[6::-1])) == {}


def test_one_column_of_yesterday_is_named(days: Any, feed: Any, named: Any, past: list[pd.DataFrame]) -> None:
    today = days(3)
    rows = min(len(today), len(past[0]))
    mixed = [today.head(rows).reset_index(drop=True), past[0].head(rows).reset_index(drop=True)]
    stale = mixed[0].assign(income=mixed[1]["income"].sample(frac=1, random_state=2).to_numpy())
    found = named(feed(stale, 3, [mixed[1], *past[1:]]))
    assert list(found) == [("frozen_column", "income", "of=2026-03-04")]


def test_a_column_of_two_values_repeats_itself_by_chance(days: Any, feed: Any, fault: Any) -> None:
    flags = [days(n).head(400).assign(owner=np.arange(400) % 3 == 0) for n in range(3)]
    assert fault("frozen_column", feed(flags[2], 2, flags[1::-1])) == {}
