"""One value in the place of others."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest


@pytest.mark.parametrize(
    ("column", "value", "text"),
    [
        ("income", 0.0, "0"),
        ("age", 37.5, "37.5"),
        ("weight", -1.0, "-1"),
        ("temperature", 0.0, "0"),
        ("balance", 999.0, "999"),
        ("children", 999.0, "999"),
        ("spent", -1.0, "-1"),
        ("opened", 0.0, "1970-01-01"),
    ],
)
def test_a_flooded_number_is_named(named_right: Any, alter: Any, column: str, value: float, text: str) -> None:
    damage = alter(column, lambda x: np.full_like(x, value), 0.2)
    assert named_right(damage, [("default_flood", column, f"value={text}")]) >= 0.9


@pytest.mark.parametrize("value", ["unknown", "N/A"])
def test_a_category_that_stands_for_none_is_named(named_right: Any, alter: Any, value: str) -> None:
    damage = alter("purpose", lambda x: np.full(len(x), value, object), 0.2)
    assert named_right(damage, [("default_flood", "purpose", f"value={value}")]) >= 0.95


@pytest.mark.parametrize("value", ["phone", "car"])
def test_a_category_that_may_be_a_campaigns_is_not(named_right: Any, alter: Any, value: str) -> None:
    assert named_right(alter("purpose", lambda x: np.full(len(x), value, object), 0.2), []) == 1.0


def test_more_zeros_where_zeros_are_usual_are_a_drift(named_right: Any, alter: Any) -> None:
    for column in ("children", "spent"):
        assert named_right(alter(column, np.zeros_like, 0.3), []) == 1.0


def test_a_new_price_among_prices_is_no_default(arrays: Any, names: Any) -> None:
    rng = np.random.default_rng(1)
    prices = np.round(np.geomspace(2, 90, 60), 2)
    feed = arrays.Feed({"price": rng.choice(prices, 16000)})
    today = rng.choice(prices, 600)
    today[:120] = 19.99
    assert names(feed.view({"price": today})) == {}


def test_the_flooded_share_is_that_of_all_rows(world: Any, names: Any, make_day: Any) -> None:
    today = make_day(np.random.default_rng(2), 1000)
    today["weight"][:200] = 0.0
    today["weight"][200:600] = np.nan
    found = names(world.view(today))
    # 200 of the 600 rows with a value: 0.333 ± 0.0377 of 60 % of the rows.
    estimate = found["default_flood", "weight", "value=0"]
    assert estimate.n == 1000
    assert (estimate.value, estimate.low, estimate.high) == pytest.approx((0.2, 0.1774, 0.2226), abs=1e-3)
    # The other 400 are named too.
    assert found["missing_flood", "weight", ""].value == pytest.approx(0.4)
