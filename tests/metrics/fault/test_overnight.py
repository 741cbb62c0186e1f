"""Several changes at once: each is named, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pandas as pd
import pytest

from airflow_ml_monitor.profile.dataset import Column


@pytest.fixture(scope="module")
def night(builders: Callable[[str], ModuleType]) -> ModuleType:
    return builders("metrics/fault/overnight.py")


@pytest.fixture(scope="module")
def columns(builders: Callable[[str], ModuleType]) -> tuple[Column, ...]:
    return (*builders("metrics/fault/conftest.py").COLUMNS, Column("call"))


@pytest.fixture(scope="module")
def old(night: ModuleType, reference: pd.DataFrame) -> pd.DataFrame:
    whole: pd.DataFrame = night.with_calls(reference, 99)
    return whole


@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5])
def test_each_change_is_named_and_nothing_else(
    night: ModuleType, columns: Any, old: pd.DataFrame, days: Any, feed: Any, named: Any, seed: int
) -> None:
    before = [night.with_calls(days(number, seed=seed), number) for number in (2, 1, 0)]
    broken = night.changed(night.with_calls(days(3, seed=seed), 3), seed)
    assert set(named(feed(broken, 3, before, columns=columns, of=old))) == night.NAMED


def test_they_are_named_on_the_next_day_too_but_for_the_note(
    night: ModuleType, columns: Any, old: pd.DataFrame, days: Any, feed: Any, named: Any
) -> None:
    first, second = (night.changed(night.with_calls(days(number), number), number) for number in (3, 4))
    before = [first, *(night.with_calls(days(number), number) for number in (2, 1, 0))]
    found = set(named(feed(second, 4, before, columns=columns, of=old)))
    assert found == {key for key in night.NAMED if key[0] != "column_added"}


def test_without_a_window_before_the_reference_is_enough(
    night: ModuleType, columns: Any, old: pd.DataFrame, days: Any, feed: Any, named: Any
) -> None:
    broken = night.changed(night.with_calls(days(3), 3), 3)
    found = set(named(feed(broken, 3, columns=columns, of=old)))
    assert found == {key for key in night.NAMED if key[0] != "column_added"}
