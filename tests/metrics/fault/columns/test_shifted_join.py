"""Columns beside other rows' than their own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest


def correlated(rng: Any, rows: int, kept: float = 1.0) -> dict[str, Any]:
    """Two groups, a common cause in all; kept: of b0's relation to the others."""
    cause = rng.normal(0, 1, rows)
    found = {f"a{i}": cause + rng.normal(0, 1, rows) for i in range(4)}
    mixed = kept * cause + np.sqrt(1 - kept**2) * rng.normal(0, 1, rows)
    return {**found, "b0": mixed + rng.normal(0, 1, rows), "b1": cause + rng.normal(0, 1, rows)}


def permuted(one: Any, rng: Any, *columns: str) -> Any:
    order = rng.permutation(len(one[columns[0]]))
    return {**one, **{name: one[name][order] for name in columns}}


@pytest.mark.parametrize("columns", [("b0",), ("b0", "b1"), ("a0", "b1")])
def test_columns_that_moved_together_are_named_together(arrays: Any, names: Any, columns: tuple[str, ...]) -> None:
    for seed in range(10):
        rng = np.random.default_rng(seed)
        feed = arrays.Feed(correlated(rng, 16000))
        past = [correlated(rng, 600) for _ in range(5)]
        found = names(feed.view(permuted(correlated(rng, 600), rng, *columns), past))
        others = {name: "+".join(c for c in columns if c != name) for name in columns}
        assert set(found) == {("shifted_join", name, with_ and f"with={with_}") for name, with_ in others.items()}
        assert {estimate.value for estimate in found.values()} == {1.0}


def test_a_score_beside_other_rows_is_named(named_right: Any) -> None:
    damage = lambda one, rng: permuted(one, rng, "score")  # noqa: E731
    assert named_right(damage, [("shifted_join", "score", "")]) >= 0.95


def test_half_of_a_relation_left_is_a_drift(arrays: Any, names: Any) -> None:
    rng = np.random.default_rng(1)
    feed = arrays.Feed(correlated(rng, 16000))
    past = [correlated(rng, 600) for _ in range(5)]
    assert names(feed.view(correlated(rng, 600, kept=0.5), past)) == {}


def test_one_pair_that_lost_its_correlation_is_a_drift(arrays: Any, names: Any) -> None:
    rng = np.random.default_rng(2)
    x, y = rng.multivariate_normal([0, 0], [[1, 0.4], [0.4, 1]], 16000).T
    feed = arrays.Feed({"x": x, "y": y})
    past = [
        dict(zip("xy", rng.multivariate_normal([0, 0], [[1, 0.4], [0.4, 1]], 2000).T, strict=True)) for _ in range(5)
    ]
    assert names(feed.view({"x": rng.normal(0, 1, 2000), "y": rng.normal(0, 1, 2000)}, past)) == {}


def test_a_column_whose_values_changed_is_not_said_to_be_shifted(arrays: Any, names: Any) -> None:
    rng = np.random.default_rng(3)
    feed = arrays.Feed(correlated(rng, 16000))
    today = permuted(correlated(rng, 600), rng, "b0")
    past = [correlated(rng, 600) for _ in range(5)]
    found = names(feed.view({**today, "b0": today["b0"] * 1000}, past))
    assert list(found) == [("unit_changed", "b0", "times=1000")]


def test_columns_that_only_days_correlate_are_not_said_to_be_shifted(arrays: Any, names: Any) -> None:
    """All are higher at weekends; within a day they have nothing to do with each other."""
    rng = np.random.default_rng(5)

    def rows(number: int) -> dict[str, Any]:
        return {name: rng.normal(2.0 * (number % 7 > 4), 1, 600) for name in ("basket", "wait", "visits")}

    past = [rows(number) for number in range(28)]
    feed = arrays.Feed({name: np.concatenate([one[name] for one in past]) for name in past[0]})
    assert [names(feed.view(rows(28 + i), past[::-1][:14])) for i in range(7)] == [{}] * 7
