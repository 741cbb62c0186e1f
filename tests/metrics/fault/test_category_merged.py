"""Several categories that became one."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest


@pytest.mark.parametrize(
    ("names", "parameters"),
    [
        ({"study": "house"}, "house+study→house"),
        ({"study": "other", "travel": "other"}, "travel+study→other"),
    ],
)
def test_a_merger_is_named_on_nearly_every_day(
    days: Any, feed: Any, after: Any, named: Any, names: dict[str, str], parameters: str
) -> None:
    right = 0
    for seed in range(20):
        broken = days(3, seed=seed).replace({"purpose": names})
        found = named(after(feed(broken, 3)))
        right += list(found) == [("category_merged", "purpose", parameters)]
        if found:
            (estimate,) = found.values()
            assert estimate.value == pytest.approx((broken["purpose"] == next(iter(names.values()))).mean())
    assert right >= 19


@pytest.mark.parametrize("rows", [50, 600, 30_000])
def test_a_category_that_is_no_longer_offered_is_not_merged(
    days: Any, feed: Any, after: Any, named: Any, rows: int
) -> None:
    for seed in range(10 if rows <= 600 else 2):
        frame = days(3, seed=seed, rows=rows)
        fewer = frame[frame["purpose"] != "study"].reset_index(drop=True)
        assert named(after(feed(fewer, 3))) == {}


@pytest.mark.parametrize(("name", "days_known"), [("{:%a}", 6), ("{:%Y-%m-%d}", 3)])
@pytest.mark.parametrize("before", [0, 3, 7, 14])
def test_a_column_of_one_value_a_window_is_not_merged(
    days: Any, feed: Any, named: Any, name: str, days_known: int, before: int
) -> None:
    # Monday is the day that the reference lacks.
    number = 7 * -(-before // 7)
    frames = [days(number - i) for i in range(before + 1)]
    reference = pd.concat([days(-i) for i in range(1, days_known + 1)], ignore_index=True)
    reference, *frames = (frame.assign(purpose=frame["at"].map(name.format)) for frame in (reference, *frames))
    assert named(feed(frames[0], number, frames[1:], of=reference)) == {}


def test_values_that_became_one_are_merged_where_there_were_several_before(days: Any, feed: Any, fault: Any) -> None:
    past = [days(number) for number in range(2, -4, -1)]
    assert list(fault("category_merged", feed(days(3).assign(purpose="loan"), 3, past))) == [
        ("purpose", "car+house+travel+study→loan")
    ]
