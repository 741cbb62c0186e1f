"""Values with the other sign."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest


@pytest.mark.parametrize("column", ["income", "age", "weight", "children", "spent", "temperature"])
@pytest.mark.parametrize("share", [1.0, 0.3])
def test_flipped_signs_are_named(named_right: Any, alter: Any, column: str, share: float) -> None:
    assert named_right(alter(column, np.negative, share), [("sign_flipped", column, "")]) >= 0.95


@pytest.mark.parametrize("column", ["noise", "balance"])
def test_of_a_column_about_zero_nothing_is_said(named_right: Any, alter: Any, column: str) -> None:
    assert named_right(alter(column, np.negative), []) == 1.0


def test_a_quarter_flipped_is_a_quarter(world: Any, names: Any, make_day: Any) -> None:
    today = make_day(np.random.default_rng(1), 800)
    today["weight"][:200] *= -1
    found = names(world.view(today))["sign_flipped", "weight", ""]
    # 200 of 800: 0.25 ± 1.96 √(0.25 · 0.75 / 800) = 0.25 ± 0.03.
    assert (found.value, found.low, found.high) == pytest.approx((0.25, 0.22, 0.28), abs=1e-3)
