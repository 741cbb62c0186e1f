from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest
from numpy.typing import NDArray

from airflow_ml_monitor.errors import TooFew
from airflow_ml_monitor.estimation.direct_loss import check, direct_loss
from airflow_ml_monitor.estimation.estimator import Part, Question
from airflow_ml_monitor.estimation.prediction_powered_loss import powered, prediction_powered_loss
from airflow_ml_monitor.estimation.predictions import Predictions
from airflow_ml_monitor.profile.task import Task, TaskKind

Rows = tuple[NDArray[np.float64], NDArray[np.int64]]
"""(error, part)."""
SPREAD = np.array([1.0, 4.0])


def drawn(random: np.random.Generator, n: int, share: float) -> Rows:
    """Errors of part 1, a share of the rows, are four times those of part 0, and too high by 1."""
    part = (random.random(n) < share).astype(np.int64)
    return random.normal(part, SPREAD[part]), part


def asked(rows: ModuleType, reference: Rows, window: Rows, at_hand: int = 0) -> Question:
    def labelled(error: NDArray[np.float64]) -> object:
        return rows.regressed(np.zeros(len(error)), error)

    def predicted(count: int) -> Predictions:
        nothing = np.zeros(count, np.int64)
        return Predictions.counted(nothing, nothing, np.ones(count))

    parts = []
    for number in (0, 1):
        known = window[0][:at_hand][window[1][:at_hand] == number]
        of_window = int((window[1] == number).sum())
        parts.append(
            Part(str(number), labelled(reference[0][reference[1] == number]), predicted(of_window), labelled(known))
        )
    whole = labelled(reference[0]), predicted(len(window[0])), labelled(window[0][:at_hand])
    return Question(Task(TaskKind.REGRESSION), *whole, tuple(parts))


def test_by_hand(rows: ModuleType) -> None:
    # 100 rows of error ±1, 100 of ±3; a window of 1 to 3: |e| = (1 · 1 + 3 · 3)/4 = 2.5, e² = (1 + 3 · 9)/4 = 7. Five
    # rows of the whole reference (2 and 5) join each part: |e| = 110/105 and 310/105, e² = 125/105 and 925/105.
    error = np.tile([1.0, -1.0], 50), np.tile([3.0, -3.0], 50)
    reference = np.concatenate(error), np.repeat([0, 1], 100)
    window = np.zeros(400), np.repeat([0, 1], [100, 300])
    found = direct_loss(asked(rows, reference, window))
    assert found["mae"].value == pytest.approx((110 + 3 * 310) / 105 / 4)
    assert found["rmse"].value == pytest.approx(np.sqrt((125 + 3 * 925) / 105 / 4))
    assert found["bias"].value == pytest.approx(0)
    assert found["mae"].n == 200


def test_a_part_that_became_more_frequent_is_seen_within_the_intervals(rows: ModuleType) -> None:
    random = np.random.default_rng(1)
    covered = {"mae": 0, "rmse": 0, "bias": 0}
    for _ in range(200):
        reference, window = drawn(random, 1000, 0.2), drawn(random, 500, 0.7)
        e = window[0]
        truth = {"mae": np.abs(e).mean(), "rmse": np.sqrt((e**2).mean()), "bias": e.mean()}
        for name, found in direct_loss(asked(rows, reference, window)).items():
            assert found.low is not None
            assert found.high is not None
            covered[name] += found.low <= truth[name] <= found.high
    # Of 200 that cover 95 % between 180 and 198 do in 99.5 %.
    assert all(180 <= count <= 198 for count in covered.values()), covered


def test_errors_that_grew_are_seen_by_labels_at_hand_alone(rows: ModuleType) -> None:
    random = np.random.default_rng(2)
    reference, (error, part) = drawn(random, 1000, 0.3), drawn(random, 1000, 0.3)
    same, grown = (asked(rows, reference, (error * factor, part), at_hand=200) for factor in (1, 2))
    assert direct_loss(same) == direct_loss(grown)
    assert check(same).holds is True
    assert check(grown).holds is False
    assert check(asked(rows, reference, (error, part), at_hand=5)).holds is None


def test_a_part_that_the_reference_does_not_have_is_said(rows: ModuleType) -> None:
    random = np.random.default_rng(3)
    found = check(asked(rows, drawn(random, 500, 0.0), drawn(random, 500, 0.4)))
    assert found.holds is False
    assert "parts of fewer than 5 reference rows" in found.reason


def test_without_reference_rows_there_is_no_answer(rows: ModuleType) -> None:
    random = np.random.default_rng(4)
    with pytest.raises(TooFew):
        direct_loss(asked(rows, drawn(random, 0, 0.5), drawn(random, 10, 0.5)))
    with pytest.raises(TooFew):
        direct_loss(asked(rows, drawn(random, 10, 0.5), drawn(random, 0, 0.5)))


def test_labels_are_put_right_by_the_parts_they_fell_into() -> None:
    # Four labels, three of part 0 (losses 1) and one of part 1 (loss 5), of a window of 50 and 50. The parts explain
    # all: weight 1, mean 2 + (0.5 · 1 + 0.5 · 5) - 2 = 3, nothing left to vary.
    found = powered(np.array([1.0, 5.0]), np.array([50.0, 50.0]), np.array([3.0, 1.0]), np.array([3.0, 5.0]), 28.0)
    assert (found.value, found.weight) == pytest.approx((3.0, 1.0))
    assert found.shorter == pytest.approx(0.0, abs=1e-6)


def test_what_was_foreseen_the_wrong_way_round_is_not_used() -> None:
    found = powered(np.array([5.0, 1.0]), np.array([50.0, 50.0]), np.array([3.0, 1.0]), np.array([3.0, 5.0]), 28.0)
    assert (found.value, found.weight) == (2.0, 0.0)


@pytest.mark.parametrize("factor", [1, 3])
def test_few_labels_show_how_large_errors_are_whatever_they_were(factor: int, rows: ModuleType) -> None:
    random = np.random.default_rng(5)
    reference = drawn(random, 2000, 0.3)
    covered, errors, alone = {"mae": 0, "rmse": 0, "bias": 0}, [], []
    for _ in range(200):
        error, part = drawn(random, 1000, 0.5)
        error = error * factor
        truth = {"mae": np.abs(error).mean(), "rmse": np.sqrt((error**2).mean()), "bias": error.mean()}
        found = prediction_powered_loss(asked(rows, reference, (error, part), at_hand=150))
        for name, one in found.items():
            assert one.low is not None
            assert one.high is not None
            covered[name] += one.low <= truth[name] <= one.high
        errors.append(abs(found["mae"].value - truth["mae"]))
        alone.append(abs(np.abs(error[:150]).mean() - truth["mae"]))
    # Of 200 that cover 95 % between 180 and 198 do in 99.5 %.
    assert all(180 <= count <= 198 for count in covered.values()), covered
    assert np.mean(errors) < 0.95 * np.mean(alone)


def test_one_label_is_too_few(rows: ModuleType) -> None:
    random = np.random.default_rng(6)
    with pytest.raises(TooFew):
        prediction_powered_loss(asked(rows, drawn(random, 100, 0.5), drawn(random, 100, 0.5), at_hand=1))
