"""What a score column looks like without any label: its entropy, its mass at the threshold and at the ends."""

from __future__ import annotations

import math
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import entropy

from airflow_ml_monitor.errors import TooFew
from airflow_ml_monitor.metrics.metric import metric_named
from airflow_ml_monitor.profile.task import Task, TaskKind

score_entropy, near, ends = (
    metric_named(name).function for name in ("score_entropy", "score_near_threshold", "score_at_ends")
)
scores = st.lists(st.one_of(st.floats(0, 1), st.sampled_from([0.0, 0.001, 0.45, 0.5, 0.55, 1.0])), min_size=1)


def exact(p: np.ndarray) -> float:
    return float(np.mean(entropy(np.stack([p, 1 - p]))))


def test_the_entropy_of_two_scores_worked_by_hand(rows: ModuleType) -> None:
    # A score of 0.5 has ln 2 = 0.6931 nats; one of 1 has none.
    found = score_entropy(rows.scores([0.5, 1.0], binning=rows.few(0.5, 1.0)))
    assert found.value == pytest.approx(0.34657, abs=1e-5)
    assert found.n == 2


@pytest.mark.parametrize(("a", "b"), [(2, 2), (0.3, 3), (0.05, 8)])
def test_the_entropy_is_scipys_within_what_the_cells_leave_open(a: float, b: float, rows: ModuleType) -> None:
    p = np.random.default_rng(3).beta(a, b, 20_000)
    found = score_entropy(rows.scores(p))
    assert exact(p) <= found.value <= exact(p) + 1e-3
    assert found.low < exact(p) < found.high


@settings(deadline=None, max_examples=60)
@given(values=scores, resolution=st.sampled_from([4, 64, 512]))
def test_the_rows_own_entropy_lies_between_chord_and_value_in_cells_of_any_width(
    values: list[float], resolution: int, rows: ModuleType
) -> None:
    p = np.array(values)
    found = score_entropy(rows.scores(p, binning=rows.grid([0.0, 0.2, 1.0], resolution)))
    assert exact(p) <= found.value + 1e-9
    assert found.low is None or found.low <= exact(p) + 1e-9


def test_scores_that_are_no_probability_have_no_entropy(rows: ModuleType) -> None:
    with pytest.raises(TooFew, match=r"no score in \[0, 1\]"):
        score_entropy(rows.scores([20.0, 35.0], binning=rows.grid([0.1, 0.9])))
    found = score_entropy(rows.scores([0.5, 0.5, 35.0], binning=rows.grid([0.1, 0.9])))
    assert (found.value, found.n) == (pytest.approx(math.log(2)), 2)


@settings(deadline=None, max_examples=100)
@given(values=scores, resolution=st.sampled_from([4, 64, 512]))
def test_what_the_rows_show_is_never_outside_what_the_cells_leave_open(
    values: list[float], resolution: int, rows: ModuleType
) -> None:
    p = np.array(values)
    view = rows.scores(p, binning=rows.grid([0.0, 0.2, 1.0], resolution))
    for least, most in ((0.45, 0.55), (-math.inf, 0.001), (0.999, math.inf), (0.2, 0.2)):
        fewest, largest = view.between(least, most)
        assert fewest - 1e-6 <= np.sum((p >= least - 1e-9) & (p <= most + 1e-9)) <= largest + 1e-6


def test_thresholds_are_those_of_the_task_and_the_limits_belong_to_it(rows: ModuleType) -> None:
    values = [0.25] * 3 + [0.35] * 2 + [0.36] * 5 + [0.8] * 10
    task = Task(TaskKind.BINARY, threshold=0.3, thresholds=(0.3, 0.85))
    found = near(rows.scores(values, task, rows.few(0.25, 0.35, 0.36, 0.8)))
    assert {key: one.value for key, one in found.items()} == {"threshold=0.3": 0.25, "threshold=0.85": 0.5}


def test_clipped_scores_are_surely_found_among_others_of_the_same_cell(rows: ModuleType) -> None:
    rng = np.random.default_rng(7)
    reference, sound = rng.beta(1, 3, 5000), rng.beta(1, 3, 5000)
    clipped = np.where(rng.random(5000) < 0.04, 0.0, sound)
    before, now = (ends(rows.scores(p, binning=rows.grid(reference)))["at=0"] for p in (sound, clipped))
    assert before.high < 0.01
    assert now.low > 0.03
    assert now.value == pytest.approx(np.mean(clipped <= 0.001), abs=0.002)


def test_scores_beyond_an_end_are_at_it(rows: ModuleType) -> None:
    found = ends(rows.scores([-0.5, 0.0, 0.5, 1.2], binning=rows.few(-0.5, 0.0, 0.5, 1.2)))
    assert {key: one.value for key, one in found.items()} == {"at=0": 0.5, "at=1": 0.25}
