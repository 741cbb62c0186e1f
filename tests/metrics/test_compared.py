"""Gains over a baseline and over knowing nothing, worked by hand; what becomes of rows and windows without one."""

from __future__ import annotations

import math
from types import ModuleType

import numpy as np
import pytest

from airflow_ml_monitor.errors import TooFew, Undefined
from airflow_ml_monitor.measurement import Estimate
from airflow_ml_monitor.metrics.metric import metric_named

GAINS = ("accuracy_gain", "brier_gain", "log_loss_gain")
ERRORS = ("mae_gain", "rmse_gain", "relative_mae")


def found(metric: str, view: object) -> Estimate:
    made = metric_named(metric).function(view)
    assert isinstance(made, Estimate)
    return made


def test_gains_of_scores_are_worked_by_hand(rows: ModuleType) -> None:
    # The model is right on rows 1, 2 and 4, the baseline on 2 and 3; on the fifth it says nothing.
    view = rows.labelled([1, 1, 0, 0, 1], [0.9, 0.6, 0.7, 0.2, 0.1], baseline=[0.4, 0.8, 0.3, 0.5, np.nan])
    accuracy = found("accuracy_gain", view)
    assert (accuracy.value, accuracy.n) == (pytest.approx(3 / 4 - 2 / 4), 4)
    ours, theirs = (0.1**2 + 0.4**2 + 0.7**2 + 0.2**2) / 4, (0.6**2 + 0.2**2 + 0.3**2 + 0.5**2) / 4
    assert found("brier_gain", view).value == pytest.approx(theirs - ours)
    loss = [-sum(map(math.log, chances)) / 4 for chances in ((0.9, 0.6, 0.3, 0.8), (0.4, 0.8, 0.7, 0.5))]
    assert found("log_loss_gain", view).value == pytest.approx(loss[1] - loss[0])


def test_gains_of_errors_are_worked_by_hand(rows: ModuleType) -> None:
    # Errors of the model 1, 3, 0; of the baseline 2, 2, 4; the fourth row has none.
    view = rows.regressed([10, 20, 30, 40], [11, 17, 30, 99], [12, 22, 26, np.nan])
    assert (found("mae_gain", view).value, found("mae_gain", view).n) == (pytest.approx(8 / 3 - 4 / 3), 3)
    assert found("relative_mae", view).value == pytest.approx(4 / 8)
    assert found("rmse_gain", view).value == pytest.approx(math.sqrt(24 / 3) - math.sqrt(10 / 3))


def test_skill_is_worked_by_hand(rows: ModuleType) -> None:
    # Two of four are positive: always saying 0.5 costs 0.25, and log 2; the majority is right about half.
    view = rows.labelled([1, 1, 0, 0], [0.9, 0.6, 0.6, 0.1])
    assert found("brier_skill", view).value == pytest.approx(1 - (0.01 + 0.16 + 0.36 + 0.01) / 4 / 0.25)
    loss = -(math.log(0.9) + math.log(0.6) + math.log(0.4) + math.log(0.9)) / 4
    assert found("log_loss_skill", view).value == pytest.approx(1 - loss / math.log(2))
    assert found("accuracy_over_majority", view).value == pytest.approx(3 / 4 - 2 / 4)
    assert found("prediction_surplus", view).value == pytest.approx(1 / 4)


def test_a_model_that_always_says_the_base_rate_has_no_skill(rows: ModuleType) -> None:
    view = rows.labelled([1] * 30 + [0] * 70, [0.3] * 100)
    for metric in ("brier_skill", "log_loss_skill", "accuracy_over_majority"):
        none = found(metric, view)
        assert none.value == pytest.approx(0, abs=1e-12)
        assert none.low is not None
        assert none.low <= 1e-12


def test_a_baseline_that_is_the_model_leaves_nothing_to_gain_and_nothing_to_doubt(rows: ModuleType) -> None:
    rng = np.random.default_rng(1)
    score = rng.random(200)
    view = rows.labelled(rng.random(200) < score, score, baseline=score)
    for metric in ("brier_gain", "log_loss_gain"):
        same = found(metric, view)
        assert (same.value, same.low, same.high) == (0, 0, 0)
    # Of shares none at all was seen, which is not yet never: at most 3.7 rows of 200 either way.
    share = found("accuracy_gain", view)
    assert (share.value, share.high) == (0, pytest.approx(0.0183 * math.sqrt(2), abs=8e-3))
    y = rng.normal(size=200)
    errors = rows.regressed(y, y + 1, y + 1)
    assert [found(metric, errors).value for metric in ERRORS] == pytest.approx([0, 0, 1])


def test_windows_without_a_baseline_say_which_of_it_is_missing(rows: ModuleType) -> None:
    for metric in GAINS:
        with pytest.raises(Undefined, match="no column is a baseline"):
            found(metric, rows.labelled([0, 1], [0.2, 0.7]))
        with pytest.raises(TooFew, match="none of 2 rows with a label has a baseline"):
            found(metric, rows.labelled([0, 1], [0.2, 0.7], baseline=[np.nan, np.nan]))
    for metric in ERRORS:
        with pytest.raises(TooFew, match="none of 2 rows with a label has a baseline"):
            found(metric, rows.regressed([1, 2], [1, 2], [np.nan, np.nan]))


def test_a_baseline_without_error_can_be_no_scale(rows: ModuleType) -> None:
    with pytest.raises(Undefined, match="the baseline makes no error"):
        found("relative_mae", rows.regressed([1, 2, 3], [1, 2, 4], [1, 2, 3]))


@pytest.mark.parametrize("metric", ["brier_skill", "log_loss_skill"])
def test_labels_of_one_class_need_no_skill(metric: str, rows: ModuleType) -> None:
    with pytest.raises(Undefined, match="all of one class"):
        found(metric, rows.labelled([1, 1], [0.4, 0.9]))


def test_a_paired_interval_sees_a_small_gain_that_two_intervals_side_by_side_would_not(rows: ModuleType) -> None:
    rng = np.random.default_rng(2)
    y = rng.normal(0, 1, 500)
    error = rng.normal(0, 2, 500)
    # Both err by much, the baseline by a little more in every row.
    view = rows.regressed(y, y + error, y + 1.03 * error)
    gain = found("mae_gain", view)
    assert gain.low is not None
    assert 0 < gain.low < gain.value == pytest.approx(0.03 * np.abs(error).mean())
    ours = found("mae", view)
    assert ours.low is not None
    assert ours.high is not None
    assert ours.high - ours.low > 4 * gain.value


def test_a_row_of_which_the_baseline_was_certain_and_wrong_is_clipped(rows: ModuleType) -> None:
    view = rows.labelled([1], [0.5], baseline=[0.0])
    assert found("log_loss_gain", view).value == pytest.approx(-math.log(1e-15) - math.log(2))
    assert found("brier_gain", view).value == pytest.approx(1 - 0.25)
