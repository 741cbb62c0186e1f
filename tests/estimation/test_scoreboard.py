from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import wilcoxon

from airflow_ml_monitor.estimation.scoreboard import Trial, scoreboard, worse


def trial(error: float, half: float = 1.0, reference: float = 5.0, estimator: str = "e") -> Trial:
    """Of a realised value of 10: off by `error`, the reference by `reference`."""
    return Trial(estimator, "accuracy", 10 + error, 10 + error - half, 10 + error + half, 10.0, 10 + reference)


def test_a_score_by_hand() -> None:
    (found,) = scoreboard([trial(0.5), trial(-1.5), trial(2.0, half=3.0), trial(0.0)])
    assert found.windows == 4
    assert found.mean_error == pytest.approx(0.25)
    assert found.mean_absolute_error == pytest.approx(1.0)
    assert found.rmse == pytest.approx(np.sqrt((0.25 + 2.25 + 4) / 4))
    assert found.coverage == 0.75
    assert found.reference_mean_absolute_error == 5
    assert not found.is_muted


def test_few_windows_mute_nobody() -> None:
    assert [s.is_muted for s in scoreboard([trial(9.0)] * 4)] == [False]
    assert [s.is_muted for s in scoreboard([trial(9.0)] * 5)] == [True]


def test_intervals_that_miss_mute() -> None:
    # One of five within: P(B(5, 0.8) <= 1) = 0.2^5 + 5 · 0.8 · 0.2^4 = 0.0067; two of five: 0.058.
    (one,) = scoreboard([trial(2.0)] * 4 + [trial(0.0)])
    (two,) = scoreboard([trial(2.0)] * 3 + [trial(0.0)] * 2)
    assert one.is_muted
    assert "1 of 5" in one.muted
    assert "0.0067" in one.muted
    assert not two.is_muted


def test_claims_that_the_reference_would_have_put_better_mute() -> None:
    # Off by 2, the reference by 1 the other way; six of seven intervals hold the realised value, none the reference's.
    claims = [trial(2.0 + i / 10, half=2.7, reference=-1.0) for i in range(6)]
    (found,) = scoreboard([*claims, trial(2.9, half=2.7, reference=-1.0)])
    assert found.coverage == pytest.approx(6 / 7)
    assert "7 of 7 windows" in found.muted


def test_wide_intervals_that_hold_the_references_value_claim_nothing() -> None:
    (found,) = scoreboard([trial(2.0 + i / 10, half=9.0, reference=1.0) for i in range(9)])
    assert not found.is_muted


def test_each_estimator_and_metric_is_scored_alone_whatever_the_order() -> None:
    random = np.random.default_rng(1)
    trials = [trial(float(e), estimator=name) for name in ("b", "a") for e in random.normal(size=20)]
    found = scoreboard(trials)
    assert [s.estimator for s in found] == ["a", "b"]
    assert scoreboard([trials[i] for i in random.permutation(len(trials))]) == found


def test_no_trial_no_score() -> None:
    assert scoreboard([]) == []


@given(st.lists(st.integers(-500, 500).filter(bool), min_size=1, max_size=30, unique_by=abs))
def test_the_paired_test_is_scipys(differences: list[int]) -> None:
    oracle = wilcoxon(differences, alternative="greater", method="exact").pvalue
    assert worse(np.array(differences) / 10) == pytest.approx(oracle, abs=1e-9)


def test_ties_take_their_mean_rank() -> None:
    # Ranks 1.5, 1.5, 3: of the eight signings of (2, -2, 3), those with at least 4.5 above: 4.5, 4.5 and 6.
    assert worse(np.array([2.0, -2.0, 3.0])) == pytest.approx(3 / 8)


def test_many_differences_are_tested_by_the_normal() -> None:
    differences = np.random.default_rng(2).normal(0.1, 1, 400)
    oracle = wilcoxon(differences, alternative="greater", method="approx", correction=False).pvalue
    assert worse(differences) == pytest.approx(oracle, rel=1e-6)


def test_differences_of_nothing_are_no_evidence() -> None:
    assert worse(np.zeros(10)) == 1.0


def test_a_good_estimator_is_muted_as_rarely_as_said() -> None:
    # As right as the reference, intervals that cover 95 %: 400 boards of 12 windows, each test at 5 %.
    random = np.random.default_rng(3)
    muted = 0
    for _ in range(400):
        errors, others = random.normal(size=(2, 12))
        muted += scoreboard([trial(float(e), 1.96, float(o)) for e, o in zip(errors, others, strict=True)])[0].is_muted
    assert muted <= 36
