"""One category that became several."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest


def split(frame: pd.DataFrame, seed: int, into: tuple[str, str]) -> pd.DataFrame:
    """Cars in two parts, 60 and 40 %."""
    parts = np.random.default_rng(seed).choice(into, len(frame), p=(0.6, 0.4))
    return frame.assign(purpose=np.where(frame["purpose"] == "car", parts, frame["purpose"]))


@pytest.mark.parametrize(
    ("into", "name"), [(("new car", "used car"), "car→new car+used car"), (("car", "lease"), "car→car+lease")]
)
def test_a_split_is_named_on_nearly_every_day(
    days: Any, feed: Any, after: Any, named: Any, into: tuple[str, str], name: str
) -> None:
    right = 0
    for seed in range(20):
        broken = split(days(3, seed=seed), seed, into)
        found = named(after(feed(broken, 3)))
        right += list(found) == [("category_split", "purpose", name)]
    assert right >= 19


def test_its_share_is_that_of_the_new_names(days: Any, feed: Any, fault: Any) -> None:
    broken = split(days(3), 1, ("new car", "used car"))
    (estimate,) = fault("category_split", feed(broken, 3)).values()
    assert estimate.value == pytest.approx(broken["purpose"].isin(["new car", "used car"]).mean())


def test_large_days_are_told_as_well(days: Any, feed: Any, named: Any) -> None:
    broken = split(days(3, rows=30_000), 1, ("car", "lease"))
    found = named(feed(broken, 3, [days(number, rows=30_000) for number in (2, 1, 0)]))
    assert list(found) == [("category_split", "purpose", "car→car+lease")]


def test_fifty_rows_tell_no_split(days: Any, feed: Any, fault: Any) -> None:
    for seed in range(10):
        broken = split(days(3, seed=seed).head(50), seed, ("car", "lease"))
        assert fault("category_split", feed(broken, 3)) == {}
