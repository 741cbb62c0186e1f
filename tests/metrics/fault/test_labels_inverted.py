"""Labels turned round, beside models that became worse."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest

from airflow_ml_monitor.errors import TooFew
from airflow_ml_monitor.measurement import Estimate
from airflow_ml_monitor.metrics.fault.labels_inverted import labels_inverted
from airflow_ml_monitor.profile.labelled_view import LabelledPair, LabelledView


def world(rows: ModuleType, seed: int, n: int, *, slope: float = 1.0, flipped: float = 0.0) -> LabelledView:
    """n rows of a calibrated model; slope: how much of the relation is left; flipped: share of labels turned round."""
    rng = np.random.default_rng(seed)
    score = rng.beta(1, 3, n)
    chance = 0.25 + slope * (score - 0.25)
    label = (rng.random(n) < chance) ^ (rng.random(n) < flipped)
    found: LabelledView = rows.labelled(label.astype(int), score)
    return found


def said(rows: ModuleType, seed: int, n: int = 600, **changed: float) -> Estimate | None:
    pair = LabelledPair(world(rows, 999, 5_000), world(rows, seed, n, **changed))
    return dict(labels_inverted(pair)).get("")  # type: ignore[call-overload, no-any-return]


def test_inverted_labels_are_named_in_every_one_of_forty_windows(rows: ModuleType) -> None:
    found = [said(rows, seed, flipped=1.0) for seed in range(40)]
    assert all(found)
    assert np.mean([one.value for one in found if one]) == pytest.approx(1.0, abs=0.02)
    # 95 % of 40; values beyond 1 are cut.
    assert sum(one.high == 1.0 for one in found if one) >= 36


def test_half_a_day_of_inverted_labels_is_left_to_the_performance(rows: ModuleType) -> None:
    assert said(rows, 1, 2_000, flipped=0.5) is None


def test_most_of_a_days_labels_inverted_are_named_with_their_share(rows: ModuleType) -> None:
    found = said(rows, 1, 5_000, flipped=0.8)
    assert found is not None
    assert found.value == pytest.approx(0.8, abs=0.03)
    assert found.low is not None
    assert found.high is not None
    assert found.low < 0.8 < found.high


@pytest.mark.parametrize("slope", [1.0, 0.5, 0.0])
def test_a_relation_that_weakens_or_is_lost_is_no_inversion(rows: ModuleType, slope: float) -> None:
    assert [said(rows, seed, 2_000, slope=slope) for seed in range(20)] == [None] * 20


def test_a_relation_that_turns_about_the_base_rate_is_no_inversion(rows: ModuleType) -> None:
    # Concept drift keeps how many are positive; inverted labels do not (0.25 becomes 0.75).
    assert said(rows, 1, 5_000, slope=-0.3) is None


def test_scores_turned_round_are_no_inverted_labels(rows: ModuleType) -> None:
    rng = np.random.default_rng(3)
    score = rng.beta(1, 3, 2_000)
    turned = rows.labelled((rng.random(2_000) < score).astype(int), 1 - score)
    assert labels_inverted(LabelledPair(world(rows, 999, 5_000), turned)) == {}


def test_where_half_are_positive_nothing_is_named(rows: ModuleType) -> None:
    rng = np.random.default_rng(4)
    score = rng.random(8_000)
    label = (rng.random(8_000) < score).astype(int)
    parts = [rows.labelled(label[:4_000], score[:4_000]), rows.labelled(1 - label[4_000:], score[4_000:])]
    assert labels_inverted(LabelledPair(*parts)) == {}


def test_few_labels_and_few_of_many_are_too_few(rows: ModuleType) -> None:
    with pytest.raises(TooFew, match="99 rows with a label, 100 needed"):
        said(rows, 1, 99, flipped=1.0)
    pair = LabelledPair(world(rows, 999, 5_000), replace(world(rows, 1, 1_000, flipped=1.0), predictions=2_100))
    with pytest.raises(TooFew, match="labels of 48% of the predictions, 50% needed"):
        labels_inverted(pair)
