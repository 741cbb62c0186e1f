"""What only drifted has no named fault; on quiet days nothing has."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from airflow_ml_monitor.profile.feed_view import FeedView

SHIFTED = ("income", "age", "balance", "temperature", "weight", "height", "noise")
SCALED = ("income", "spent", "tail", "weight")


def shifted(k: float) -> Any:
    return lambda one, rng: {**one, **{c: one[c] + k * one[c].std() for c in SHIFTED}}


def spread(k: float) -> Any:
    return lambda one, rng: {**one, **{c: one[c].mean() + k * (one[c] - one[c].mean()) for c in SHIFTED}}


def scaled(k: float) -> Any:
    return lambda one, rng: {**one, **{c: one[c] * k for c in SCALED}}


def other_mix(one: Any, rng: Any) -> Any:
    rows = len(one["age"])
    return {
        **one,
        "purpose": rng.choice(["car", "house", "travel", "study"], rows, p=[0.1, 0.1, 0.1, 0.7]).astype(object),
        "owner": rng.random(rows) < 0.8,
        "children": rng.poisson(2.5, rows).astype(float),
    }


def campaign(share: float) -> Any:
    """Young customers without children, who buy something new."""

    def damage(one: Any, rng: Any) -> Any:
        rows = len(one["age"])
        new = {
            "age": rng.normal(23, 3, rows),
            "income": rng.lognormal(6.8, 0.3, rows),
            "purpose": np.full(rows, "phone", object),
            "children": np.zeros(rows),
            "spent": np.zeros(rows),
            "weight": rng.normal(62, 8, rows),
            "score": rng.beta(6, 3, rows),
            "balance": rng.normal(-500, 300, rows),
        }
        joins = rng.random(rows) < share
        return {**one, **{name: np.where(joins, values, one[name]) for name, values in new.items()}}

    return damage


DRIFTS = {
    **{f"shifted by {k} deviations": shifted(k) for k in (0.5, 1.0, -0.5, -1.0)},
    **{f"spread by {k}": spread(k) for k in (1.5, 0.67)},
    **{f"scaled by {k}": scaled(k) for k in (0.5, 1.1, 1.3, 1.5, 2.0)},
    "another mix": other_mix,
    "a campaign of 10 %": campaign(0.1),
    "a campaign of 30 %": campaign(0.3),
}


@pytest.mark.parametrize("drift", DRIFTS)
@pytest.mark.parametrize("rows", [50, 600])
def test_a_drift_has_no_name(named_right: Any, drift: str, rows: int) -> None:
    assert named_right(DRIFTS[drift], [], seeds=5, rows=rows) == 1.0


def test_of_a_million_rows_a_small_difference_has_no_name(arrays: Any, names: Any, make_day: Any) -> None:
    rng = np.random.default_rng(1)
    feed = arrays.Feed(make_day(rng, 100_000, wobble=0.0))
    today = make_day(rng, 1_000_000, wobble=0.0)
    assert names(feed.view({**today, **{c: today[c] * 1.02 for c in SCALED}, "age": today["age"] + 0.3})) == {}


def quiet(arrays: Any, make_day: Any, names: Any, feed: Any, *, seed: int, days: int) -> list[Any]:
    """What is named on days that differ as days do, beside the fortnight before."""
    before: list[Any] = []
    found: list[Any] = []
    for number in range(days):
        rng = np.random.default_rng([seed, 3, number])
        profile = feed.profile(make_day(rng, int(rng.poisson(300 if number % 7 == 6 else 600))), number)
        view = FeedView(feed.dataset, feed.layout, feed.reference, profile, before[:14])
        found += names(view)
        before.insert(0, profile)
    return found


def test_two_months_of_quiet_days_name_nothing(arrays: Any, make_day: Any, names: Any, world: Any) -> None:
    assert quiet(arrays, make_day, names, world, seed=1, days=60) == []


@pytest.mark.slow
def test_in_a_quiet_year_at_most_one_name_is_false(arrays: Any, make_day: Any, names: Any, world: Any) -> None:
    assert len(quiet(arrays, make_day, names, world, seed=2, days=365)) <= 1
