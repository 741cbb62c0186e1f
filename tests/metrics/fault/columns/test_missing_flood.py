"""A part of the rows lost its values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest


@pytest.mark.parametrize("column", ["income", "age", "spent", "owner", "purpose", "opened"])
def test_lost_values_are_named(named_right: Any, column: str) -> None:
    def damage(one: Any, rng: Any) -> Any:
        kind, nothing = (object, None) if column == "purpose" else (float, np.nan)
        values = np.asarray(one[column]).astype(kind)
        values[rng.random(len(values)) < 0.2] = nothing
        return {**one, column: values}

    assert named_right(damage, [("missing_flood", column, "")]) >= 0.95


def with_missing(rng: Any, share: float, rows: int = 1000) -> dict[str, Any]:
    x = rng.normal(0, 1, rows)
    x[: round(share * rows)] = np.nan
    return {"x": x}


def test_the_share_is_that_of_rows_which_had_a_value(arrays: Any, names: Any) -> None:
    rng = np.random.default_rng(1)
    feed = arrays.Feed(with_missing(rng, 0.2, 10000))
    found = names(feed.view(with_missing(rng, 0.6)))["missing_flood", "x", ""]
    # 0.6 are missing where 0.2 were: 40 % of the rows lost their value;
    # ± 1.96 √(0.6 · 0.4 / 1000 + 0.2 · 0.8 / 10000) = ± 0.0314.
    assert (found.value, found.low, found.high) == pytest.approx((0.4, 0.3686, 0.4314), abs=1e-3)


def test_days_that_differ_as_much_before_explain_it(arrays: Any, names: Any) -> None:
    rng = np.random.default_rng(2)
    feed = arrays.Feed(with_missing(rng, 0.2, 10000))
    before = [with_missing(rng, share) for share in (0.1, 0.3, 0.15, 0.32, 0.08, 0.28)]
    assert names(feed.view(with_missing(rng, 0.4), before)) == {}
    steady = [with_missing(rng, 0.2 + 0.01 * (i % 2)) for i in range(6)]
    assert list(names(feed.view(with_missing(rng, 0.4), steady))) == [("missing_flood", "x", "")]


def test_a_fault_that_lasts_is_named_on_its_sixth_day_too(arrays: Any, names: Any) -> None:
    rng = np.random.default_rng(3)
    feed = arrays.Feed(with_missing(rng, 0.02, 10000))
    before = [with_missing(rng, 0.5 if i < 5 else 0.02) for i in range(14)]
    assert list(names(feed.view(with_missing(rng, 0.5), before))) == [("missing_flood", "x", "")]


def test_a_weekday_that_always_misses_values_is_itself(arrays: Any, names: Any) -> None:
    rng = np.random.default_rng(4)
    week = [0.02] * 6 + [0.5]
    feed = arrays.Feed(with_missing(rng, 0.09, 10000))
    before = [with_missing(rng, week[(5 - i) % 7]) for i in range(14)]
    assert names(feed.view(with_missing(rng, 0.5), before)) == {}
