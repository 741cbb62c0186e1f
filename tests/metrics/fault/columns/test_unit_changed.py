"""Values in another unit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

CASES: list[tuple[str, Callable[[Any], Any], str]] = [
    ("income", lambda x: x * 1000, "times=1000"),
    ("income", lambda x: x / 1000, "divided_by=1000"),
    ("income", lambda x: x * 3600, "times=3600"),
    ("age", lambda x: x / 100, "divided_by=100"),
    ("age", lambda x: x * 60, "times=60"),
    ("balance", lambda x: x / 60, "divided_by=60"),
    ("children", lambda x: x * 100, "times=100"),
    ("weight", lambda x: x * 2.2046226218, "from=kg,to=lb"),
    ("weight", lambda x: x / 2.2046226218, "from=lb,to=kg"),
    ("height", lambda x: x * 3.280839895, "from=m,to=feet"),
    ("temperature", lambda x: 1.8 * x + 32, "from=celsius,to=fahrenheit"),
    ("temperature", lambda x: x + 273.15, "from=celsius,to=kelvin"),
    ("income", np.log, "to=ln"),
    ("opened", lambda x: x / 1000, "divided_by=1000"),
]


@pytest.mark.parametrize(("column", "convert", "name"), CASES, ids=[f"{c[0]} {c[2]}" for c in CASES])
@pytest.mark.parametrize(("share", "right"), [(1.0, 0.95), (0.2, 0.9)])
def test_a_conversion_is_named(
    named_right: Any, alter: Any, column: str, convert: Any, name: str, share: float, right: float
) -> None:
    assert named_right(alter(column, convert, share), [("unit_changed", column, name)]) >= right


def test_three_rows_in_ten_in_thousandths_are_three_in_ten(world: Any, names: Any, make_day: Any) -> None:
    today = make_day(np.random.default_rng(3), 1000)
    today["weight"][:300] *= 1000
    # No weight is near 1,000 times a weight: the share is the count, its interval that of 300 of 1,000 (Wald):
    # 0.3 ± 1.96 √(0.3 · 0.7 / 1000) = 0.3 ± 0.0284.
    found = names(world.view(today))
    assert list(found) == [("unit_changed", "weight", "times=1000")]
    estimate = found["unit_changed", "weight", "times=1000"]
    assert estimate.value == pytest.approx(0.3, abs=1e-9)
    assert (estimate.low, estimate.high) == pytest.approx((0.2716, 0.3284), abs=1e-3)


def test_half_as_much_again_and_twice_are_no_unit(named_right: Any, alter: Any) -> None:
    for factor in (1.5, 2.0, 0.5):
        assert named_right(alter("weight", lambda x, k=factor: x * k), []) == 1.0


def test_a_unit_is_found_behind_a_drift_that_came_before(arrays: Any, names: Any) -> None:
    rng = np.random.default_rng(4)
    feed = arrays.Feed({"x": rng.normal(100, 10, 16000)})
    before = [{"x": rng.normal(112, 12, 600)} for _ in range(7)]
    today = {"x": rng.normal(112, 12, 600) * 100}
    assert list(names(feed.view(today, before))) == [("unit_changed", "x", "times=100")]


def test_a_day_after_the_repair_has_no_unit_changed(arrays: Any, names: Any) -> None:
    rng = np.random.default_rng(5)
    feed = arrays.Feed({"x": rng.normal(100, 10, 16000)})
    before = [{"x": rng.normal(100, 10, 600) * 1000} for _ in range(7)]
    assert names(feed.view({"x": rng.normal(100, 10, 600)}, before)) == {}


def test_few_rows_of_a_thousandfold_are_enough_and_fewer_than_thirty_are_not(
    world: Any, names: Any, make_day: Any
) -> None:
    for rows, wanted in ((50, [("unit_changed", "income", "times=1000")]), (20, [])):
        today = make_day(np.random.default_rng(6), rows)
        assert list(names(world.view({**today, "income": today["income"] * 1000}))) == wanted
