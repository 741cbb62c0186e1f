"""Values cut off at a bound."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest


@pytest.mark.parametrize(("column", "bound"), [("income", 4000.0), ("weight", 90.0), ("noise", 1.0), ("tail", 3.0)])
def test_a_cap_is_named(named_right: Any, alter: Any, column: str, bound: float) -> None:
    damage = alter(column, lambda x: np.minimum(x, bound))
    assert named_right(damage, [("clipped", column, f"most={bound:g}")]) >= 0.95


def test_a_floor_is_named(named_right: Any, alter: Any) -> None:
    assert named_right(alter("balance", lambda x: np.maximum(x, 0)), [("clipped", "balance", "least=0")]) >= 0.95


def test_the_share_is_that_of_what_lay_beyond(arrays: Any, names: Any) -> None:
    rng = np.random.default_rng(1)
    feed = arrays.Feed({"x": rng.random(20000)})
    found = names(feed.view({"x": np.minimum(rng.random(2000), 0.75)}))
    # A quarter of the reference's rows are beyond 0.75.
    assert list(found) == [("clipped", "x", "most=0.75")]
    assert found["clipped", "x", "most=0.75"].value == pytest.approx(0.25, abs=0.01)


def test_rows_that_are_left_out_are_not_clipped(arrays: Any, names: Any) -> None:
    rng = np.random.default_rng(2)
    feed = arrays.Feed({"x": rng.random(20000)})
    assert names(feed.view({"x": rng.random(2000) * 0.75})) == {}
