"""Several categories that became one."""

from __future__ import annotations

from typing import Any

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
