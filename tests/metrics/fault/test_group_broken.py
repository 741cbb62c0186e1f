"""One-hot columns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from airflow_ml_monitor.profile.dataset import Column, Kind

NAMES = ("car", "house", "study", "travel")
HOT = tuple(f"is_{name}" for name in NAMES)
GROUP = "is_car,is_house,is_study,is_travel"


def encoded(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(**{f"is_{name}": (frame["purpose"] == name).astype(int) for name in NAMES})


@pytest.fixture(params=[Kind.NUMERIC, Kind.BOOLEAN])
def columns(request: Any) -> tuple[Column, ...]:
    return tuple(Column(name, request.param) for name in ("owner", "age")[:0] + HOT)


def test_rows_without_any_value_are_named(
    days: Any, feed: Any, named: Any, reference: Any, columns: tuple[Column, ...]
) -> None:
    old, broken = encoded(reference), encoded(days(3))
    broken.loc[::10, list(HOT)] = 0
    found = named(feed(broken, 3, [encoded(days(2))], columns=columns, of=old))
    assert list(found) == [("group_broken", "", f"none of {GROUP}")]
    (estimate,) = found.values()
    # Every tenth row, the first one among them.
    assert estimate.value == pytest.approx(-(-len(broken) // 10) / len(broken))
    assert estimate.low < estimate.value < estimate.high


def test_rows_of_two_values_are_named(
    days: Any, feed: Any, named: Any, reference: Any, columns: tuple[Column, ...]
) -> None:
    old, broken = encoded(reference), encoded(days(3))
    twice = broken["is_car"] == 1
    broken.loc[twice, "is_house"] = 1
    found = named(feed(broken, 3, columns=columns, of=old))
    assert list(found) == [("group_broken", "", f"several of {GROUP}")]
    (estimate,) = found.values()
    assert estimate.value == pytest.approx(twice.mean())


def test_whole_groups_are_not_named_however_their_shares_move(
    days: Any, feed: Any, named: Any, reference: Any, columns: tuple[Column, ...]
) -> None:
    old = encoded(reference)
    for seed in range(5):
        frame = days(3, seed=seed)
        moved = encoded(frame.assign(purpose=np.random.default_rng(seed).choice(NAMES, len(frame))))
        assert named(feed(moved, 3, [encoded(days(2))], columns=columns, of=old)) == {}


def test_columns_that_were_no_group_are_none(days: Any, feed: Any, fault: Any, reference: Any) -> None:
    columns = tuple(Column(name, Kind.BOOLEAN) for name in ("owner", "flag"))
    # In one row of the reference both are set.
    old = reference.assign(flag=~reference["owner"])
    old.loc[old["owner"].idxmax(), "flag"] = True
    broken = days(3).assign(flag=False)
    assert fault("group_broken", feed(broken, 3, columns=columns, of=old)) == {}


def test_a_value_too_rare_for_the_reference_does_not_break_a_group(
    days: Any, feed: Any, fault: Any, reference: Any, columns: tuple[Column, ...]
) -> None:
    old, rare = encoded(reference), encoded(days(3))
    rare.loc[:1, list(HOT)] = 0
    assert fault("group_broken", feed(rare, 3, columns=columns, of=old)) == {}
