"""What comes out of the model, broken."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest


def test_inverted_scores_are_named(named_right: Any, alter: Any) -> None:
    assert named_right(alter("score", lambda s: 1 - s), [("score_inverted", "score", "")]) >= 0.95


def test_inverted_rare_scores_are_named_in_a_part_of_the_rows(arrays: Any, names: Any) -> None:
    rng = np.random.default_rng(1)
    feed = arrays.Feed({"score": rng.beta(1, 30, 20000)})
    today = rng.beta(1, 30, 1000)
    today[:250] = 1 - today[:250]
    found = names(feed.view({"score": today}))
    assert list(found) == [("score_inverted", "score", "")]
    # No score is above one half usually: 250 of 1,000, ± 1.96 √(0.25 · 0.75 / 1000).
    estimate = found["score_inverted", "score", ""]
    assert (estimate.value, estimate.low, estimate.high) == pytest.approx((0.25, 0.223, 0.277), abs=1e-3)


def test_scores_about_one_half_cannot_be_told_inverted(arrays: Any, names: Any) -> None:
    rng = np.random.default_rng(2)
    feed = arrays.Feed({"score": rng.beta(3, 3, 20000)})
    assert names(feed.view({"score": 1 - rng.beta(3, 3, 1000)})) == {}


def test_a_logit_more_is_a_drift_of_scores(named_right: Any, alter: Any) -> None:
    damage = alter("score", lambda s: 1 / (1 + np.exp(-np.log(s / (1 - s)) - 1)))
    assert named_right(damage, []) == 1.0


@pytest.mark.parametrize(
    ("alteration", "name"),
    [(lambda s: 100 * s, "times=100"), (lambda s: np.log(s / (1 - s)), "to=logits"), (lambda s: 3 + s**2, "")],
)
def test_scores_that_are_no_probabilities_are_named(named_right: Any, alter: Any, alteration: Any, name: str) -> None:
    assert named_right(alter("score", alteration), [("score_out_of_range", "score", name)]) >= 0.95


def test_one_score_beyond_one_is_too_few(world: Any, names: Any, make_day: Any) -> None:
    today = make_day(np.random.default_rng(3))
    today["score"][0] = 1.2
    assert names(world.view(today)) == {}


def test_scores_that_were_never_probabilities_may_be_any(arrays: Any, names: Any) -> None:
    rng = np.random.default_rng(4)
    feed = arrays.Feed({"score": rng.normal(0, 1, 9000)})
    assert names(feed.view({"score": rng.normal(0.3, 1, 1000)})) == {}


@pytest.mark.parametrize("values", [2, 3])
def test_a_handful_of_scores_is_named(named_right: Any, alter: Any, values: int) -> None:
    damage = alter("score", lambda s: np.round(s * (values - 1)) / (values - 1))
    assert named_right(damage, [("score_collapsed", "score", f"values={values}")]) == 1.0


def test_scores_of_few_values_may_stay_few(arrays: Any, names: Any) -> None:
    rng = np.random.default_rng(5)
    steps = np.linspace(0.1, 0.9, 5)
    feed = arrays.Feed({"score": rng.choice(steps, 9000)})
    assert names(feed.view({"score": rng.choice(steps, 600)})) == {}
