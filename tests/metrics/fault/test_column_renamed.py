"""Columns under another name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

NAMES = {"income": "salary", "age": "years", "children": "kids", "region": "area", "opened": "since", "score": "p"}


@pytest.mark.parametrize("column", NAMES)
def test_a_column_under_another_name_is_named(days: Any, feed: Any, named: Any, column: str) -> None:
    broken = days(3).rename(columns={column: NAMES[column]})
    found = named(feed(broken, 3, [days(2), days(1)]))
    assert list(found) == [("column_renamed", column, f"to={NAMES[column]}")]
    (estimate,) = found.values()
    assert (estimate.value, estimate.n) == (1.0, len(broken))


def test_six_at_once_are_told_apart_on_nearly_every_day(days: Any, feed: Any, after: Any, named: Any) -> None:
    expected = {("column_renamed", old, f"to={new}") for old, new in NAMES.items()}
    right = 0
    for seed in range(20):
        right += set(named(after(feed(days(3, seed=seed).rename(columns=NAMES), 3)))) == expected
    assert right >= 19


def test_a_flag_is_known_by_its_name_too(days: Any, feed: Any, named: Any) -> None:
    before = [days(2)]
    assert list(named(feed(days(3).rename(columns={"owner": "is_owner"}), 3, before))) == [
        ("column_renamed", "owner", "to=is_owner")
    ]
    # Any flag may be set in as many rows.
    assert list(named(feed(days(3).rename(columns={"owner": "flag_7"}), 3, before))) == [
        ("column_added", "", "column=flag_7"),
        ("column_missing", "owner", ""),
    ]


@pytest.mark.parametrize("apart", [0.5, 1.0])
def test_a_new_column_of_another_distribution_is_not_the_missing_one(
    days: Any, feed: Any, after: Any, named: Any, apart: float
) -> None:
    for seed in range(10):
        broken, rng = days(3, seed=seed).drop(columns="age"), np.random.default_rng(seed)
        broken["ages"] = rng.normal(42 + 12 * apart, 12, len(broken))
        found = named(after(feed(broken, 3)))
        assert list(found) == [("column_added", "", "column=ages"), ("column_missing", "age", "")]


def test_two_new_columns_of_one_distribution_are_told_apart_by_name_or_not_at_all(
    days: Any, feed: Any, fault: Any
) -> None:
    rng = np.random.default_rng(5)
    broken = days(3).rename(columns={"balance": "balance_eur"})
    twin = rng.permutation(broken["balance_eur"].to_numpy())
    assert list(fault("column_renamed", feed(broken.assign(zz=twin), 3, [days(2)]))) == [("balance", "to=balance_eur")]
    assert fault("column_renamed", feed(broken.assign(balance_usd=twin), 3, [days(2)])) == {}


def test_a_column_that_stood_beside_the_missing_one_is_another(days: Any, feed: Any, named: Any) -> None:
    twin = [days(number).assign(copy=lambda f: f["age"]) for number in (3, 2, 1)]
    assert list(named(feed(twin[0].drop(columns="age"), 3, twin[1:]))) == [("column_missing", "age", "")]


def test_fifty_rows_prove_no_new_name_of_a_wide_column(days: Any, feed: Any, fault: Any) -> None:
    for seed in range(10):
        broken, rng = days(3, seed=seed).head(50).drop(columns="age"), np.random.default_rng(seed)
        broken["z"] = rng.normal(46, 12, 50)
        assert fault("column_renamed", feed(broken, 3)) == {}


def test_large_days_are_told_as_well(days: Any, feed: Any, named: Any) -> None:
    before = [days(number, rows=30_000) for number in (2, 1, 0)]
    found = named(feed(days(3, rows=30_000).rename(columns=NAMES), 3, before))
    assert set(found) == {("column_renamed", old, f"to={new}") for old, new in NAMES.items()}
