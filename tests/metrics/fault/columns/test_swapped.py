"""Columns with each other's values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest


def swap(a: str, b: str, share: float) -> Any:
    def damage(one: Any, rng: Any) -> Any:
        touched = rng.random(len(one[a])) < share
        return {**one, a: np.where(touched, one[b], one[a]), b: np.where(touched, one[a], one[b])}

    return damage


@pytest.mark.parametrize(
    ("a", "b", "share"),
    [
        ("income", "age", 1.0),
        ("age", "weight", 1.0),
        ("spent", "income", 0.2),
        ("balance", "tail", 0.5),
        ("age", "children", 0.2),
        ("purpose", "region", 1.0),
    ],
)
def test_two_swapped_columns_name_each_other(named_right: Any, a: str, b: str, share: float) -> None:
    wanted = [("swapped", a, f"with={b}"), ("swapped", b, f"with={a}")]
    assert named_right(swap(a, b, share), wanted, seeds=10) >= 0.95


def test_four_rows_in_ten_swapped_are_four_in_ten(arrays: Any, names: Any) -> None:
    rng = np.random.default_rng(1)
    feed = arrays.Feed({"a": rng.normal(0, 1, 9000), "b": rng.normal(100, 1, 9000)})
    a, b = rng.normal(0, 1, 1000), rng.normal(100, 1, 1000)
    a[:400], b[:400] = b[:400], a[:400].copy()
    found = names(feed.view({"a": a, "b": b}))
    assert {key: round(estimate.value, 6) for key, estimate in found.items()} == {
        ("swapped", "a", "with=b"): 0.4,
        ("swapped", "b", "with=a"): 0.4,
    }


def test_columns_that_are_alike_cannot_be_told(arrays: Any, names: Any) -> None:
    rng = np.random.default_rng(2)
    feed = arrays.Feed({"a": rng.normal(0, 1, 9000), "b": rng.normal(0.5, 1, 9000)})
    assert names(feed.view({"a": rng.normal(0.5, 1, 1000), "b": rng.normal(0, 1, 1000)})) == {}


def test_a_copied_column_is_not_swapped(named_right: Any) -> None:
    # Weights where ages should be: nothing has the ages.
    assert named_right(lambda one, rng: {**one, "age": one["weight"]}, [], seeds=5) == 1.0
