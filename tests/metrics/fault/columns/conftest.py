"""A world of columns of many shapes, and what is named of a day in it of 600 rows, by all faults together."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from airflow_ml_monitor.monitor.measure import fault_rows
from airflow_ml_monitor.profile.feed_view import FeedView

Day = dict[str, Any]
Break = Callable[[Day, Any], Day]
SHARES = {"car": 0.4, "house": 0.25, "travel": 0.2, "study": 0.15}


def day(rng: Any, rows: int = 600, *, wobble: float = 1.0) -> Day:
    """Skewed, symmetric, zero-inflated, heavy-tailed columns, of few values and many. wobble: how much days differ."""
    age = rng.normal(42 + wobble * rng.normal(0, 0.5), 12, rows).clip(18, 95)
    income = rng.lognormal(7.8 + wobble * rng.normal(0, 0.02), 0.5, rows) * (0.5 + age / 84)
    shares = np.array(list(SHARES.values())) * rng.lognormal(0, 0.05 * wobble, 4)
    logit = -1 - (income / 3000 - 1) + (age < 30) * 0.8 + rng.normal(0, 0.7, rows)
    return {
        "income": income,
        "age": age,
        "balance": rng.normal(500, 900, rows),
        "children": rng.poisson(1.2, rows).astype(float),
        "owner": rng.random(rows) < 0.3 + (age > 40) * 0.3,
        "purpose": rng.choice(list(SHARES), rows, p=shares / shares.sum()).astype(object),
        "region": rng.choice([f"region {i}" for i in range(12)], rows).astype(object),
        "score": 1 / (1 + np.exp(-logit)),
        "temperature": rng.normal(15, 6, rows),
        "weight": rng.normal(78, 13, rows).clip(35, 180),
        "height": rng.normal(1.72, 0.09, rows),
        "spent": np.where(rng.random(rows) < 0.5, 0.0, rng.lognormal(3, 1, rows)),
        "tail": rng.pareto(1.3, rows) + 0.1,
        "noise": rng.normal(0, 1, rows),
        "opened": 1.77e9 - 86400.0 * rng.integers(30, 4000, rows),
    }


def joined(days: list[Day]) -> Day:
    return {name: np.concatenate([one[name] for one in days]) for name in days[0]}


@pytest.fixture(scope="session")
def arrays(builders: Callable[[str], ModuleType]) -> ModuleType:
    return builders("metrics/fault/columns/arrays.py")


@pytest.fixture(scope="session")
def make_day() -> Callable[..., Day]:
    return day


@pytest.fixture(scope="session")
def world(arrays: ModuleType) -> Any:
    """Four weeks of 600 rows a day, as a feed."""
    return arrays.Feed(joined([day(np.random.default_rng([1, i])) for i in range(28)]), times=("opened",))


def names_of(view: FeedView) -> dict[tuple[str, str, str], Any]:
    rows = fault_rows(view)
    assert not [(row.metric, row.reason) for row in rows if row.status == "failed"]
    return {(r.metric, r.column, r.parameters): r.estimate for r in rows if r.estimate and r.estimate.value}


@pytest.fixture(scope="session")
def names() -> Callable[[FeedView], dict[tuple[str, str, str], Any]]:
    """Every fault of a view: (fault, column, parameters) → estimate."""
    return names_of


@pytest.fixture(scope="session")
def named_right(world: Any) -> Callable[..., float]:
    """The share of seeds on which a broken day has just these names: [(fault, column, parameters)]."""

    def share(damage: Break, wanted: list[tuple[str, str, str]], *, seeds: int = 10, rows: int = 600) -> float:
        right = 0
        for seed in range(seeds):
            rng = np.random.default_rng([seed, 2])
            past = [day(np.random.default_rng([seed, 3, i]), rows) for i in range(5)]
            right += {*names_of(world.view(damage(day(rng, rows), rng), past))} == {*wanted}
        return right / seeds

    return share


@pytest.fixture(scope="session")
def alter() -> Callable[..., Break]:
    """alter(column, function, share): that share of the rows altered."""

    def made(column: str, function: Callable[[Any], Any], share: float = 1.0) -> Break:
        def damage(one: Day, rng: Any) -> Day:
            touched = rng.random(len(one[column])) < share
            return {**one, column: np.where(touched, function(one[column]), one[column])}

        return damage

    return made
