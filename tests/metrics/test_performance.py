from __future__ import annotations

import math
from types import ModuleType

import numpy as np
import pytest
from scipy.stats import binom

from airflow_ml_monitor.errors import TooFew, Undefined
from airflow_ml_monitor.metrics.metric import Subject, metric_named, metrics
from airflow_ml_monitor.metrics.performance.average_precision import average_precision
from airflow_ml_monitor.metrics.performance.brier import brier
from airflow_ml_monitor.metrics.performance.expected_calibration_error import expected_calibration_error
from airflow_ml_monitor.metrics.performance.log_loss import log_loss
from airflow_ml_monitor.metrics.performance.roc_auc import roc_auc
from airflow_ml_monitor.profile.dataset import TaskKind

BINARY = [m.function for m in metrics().values() if m.subject is Subject.LABELLED and TaskKind.BINARY in m.tasks]


@pytest.mark.parametrize(
    ("metric", "expected", "n"),
    [
        # 3 true and 1 false positives, 2 false and 4 true negatives.
        ("accuracy", 7 / 10, 10),
        ("precision", 3 / 4, 4),
        ("recall", 3 / 5, 5),
        ("specificity", 4 / 5, 5),
        ("f1", 6 / 9, 6),
        ("prediction_rate", 4 / 10, 10),
    ],
)
def test_shares_of_the_confusion_table(metric: str, expected: float, n: int, rows: ModuleType) -> None:
    found = metric_named(metric).function(rows.counted(3, 1, 2, 4))
    assert (found.value, found.n) == (pytest.approx(expected), n)
    assert 0 <= found.low < found.value < found.high <= 1


def test_roc_auc_is_the_share_of_pairs_in_order(rows: ModuleType) -> None:
    # 0.8 beats 0.6 and 0.2; 0.4 beats 0.2 only: 3 of 4 pairs.
    found = roc_auc(rows.labelled([1, 0, 1, 0], [0.8, 0.6, 0.4, 0.2]))
    assert (found.value, found.n) == (0.75, 4)
    assert found.low < 0.5
    assert found.high > 0.95


def test_average_precision_is_the_mean_precision_at_the_positives(rows: ModuleType) -> None:
    # Precision 1/1 at the first positive, 2/3 at the second.
    found = average_precision(rows.labelled([1, 0, 1, 0], [0.8, 0.6, 0.4, 0.2]))
    assert found.value == pytest.approx(5 / 6)


def test_losses_are_means_over_rows(rows: ModuleType) -> None:
    view = rows.labelled([1, 0], [0.8, 0.4])
    assert log_loss(view).value == pytest.approx(-(math.log(0.8) + math.log(0.6)) / 2)
    assert brier(view).value == pytest.approx((0.04 + 0.16) / 2)


def test_calibration_error_is_the_gap_weighted_by_rows(rows: ModuleType) -> None:
    # Four rows at 0.9 with a rate of 0.75: gap 0.15. Four at 0.1 with a rate of 0: gap 0.1.
    view = rows.labelled([1, 1, 1, 0, 0, 0, 0, 0], [0.9] * 4 + [0.1] * 4)
    assert expected_calibration_error(view).value == pytest.approx(0.125)


def test_the_noise_of_the_calibration_error_is_the_mean_gap_of_right_scores(rows: ModuleType) -> None:
    # Two rows at 0.25: 0, 1 or 2 positives with 9/16, 6/16, 1/16, a gap of 0.25, 0.25 or 0.75.
    found = expected_calibration_error(rows.labelled([1, 0], [0.25] * 2))
    assert found.noise == pytest.approx(15 / 16 * 0.25 + 1 / 16 * 0.75)
    assert (found.value, found.p_value) == (0.25, 1)
    # Bins apart, of many rows and of few, sure and unsure: the sum of their binomials' deviations.
    counts, scores = [1000, 30, 7, 200], [0.01, 0.3, 0.6, 1.0]
    view = rows.labelled([1] * sum(counts), np.repeat(scores, counts))
    deviation = sum(
        (binom.pmf(np.arange(n + 1), n, p) * np.abs(np.arange(n + 1) - n * p)).sum()
        for n, p in zip(counts, scores, strict=True)
    )
    assert expected_calibration_error(view).noise == pytest.approx(deviation / sum(counts))


def test_a_scale_twice_too_sure_is_seen_by_the_calibration_error(rows: ModuleType) -> None:
    rng = np.random.default_rng(1)
    truth = rng.beta(2, 2, 3000)
    label = rng.random(3000) < truth
    sure = 1 / (1 + ((1 - truth) / truth) ** 2)
    assert expected_calibration_error(rows.labelled(label, truth)).p_value > 0.01
    found = expected_calibration_error(rows.labelled(label, sure))
    assert found.p_value <= 0.001
    assert found.value > 3 * found.noise


def test_regression_errors_are_worked_by_hand(rows: ModuleType) -> None:
    # Prediction less label: 1, -2, 3.
    view = rows.regressed([0, 0, 0], [1, -2, 3])
    assert metric_named("mae").function(view).value == pytest.approx(2)
    assert metric_named("rmse").function(view).value == pytest.approx(math.sqrt(14 / 3))
    assert metric_named("bias").function(view).value == pytest.approx(2 / 3)


@pytest.mark.parametrize("metric", BINARY)
def test_without_labels_there_are_too_few(metric: type, rows: ModuleType) -> None:
    with pytest.raises(TooFew, match="0 rows with a label"):
        metric(rows.labelled([], []))


def test_one_class_leaves_ranking_undefined_and_losses_defined(rows: ModuleType) -> None:
    negatives = rows.labelled([0] * 30, np.linspace(0.01, 0.4, 30))
    with pytest.raises(Undefined, match="only one class among the labels"):
        roc_auc(negatives)
    with pytest.raises(Undefined, match="no label is positive"):
        average_precision(negatives)
    with pytest.raises(Undefined, match="no label is positive"):
        metric_named("recall").function(negatives)
    for metric in (log_loss, brier):
        found = metric(negatives)
        # A positive may yet come, at the cost of the lowest score.
        assert found.high > 2 * found.value
    with pytest.raises(Undefined, match="no label is negative"):
        metric_named("specificity").function(rows.counted(3, 0, 1, 0))


def test_precision_is_undefined_where_nothing_was_predicted_positive(rows: ModuleType) -> None:
    quiet = rows.counted(0, 0, 3, 7)
    with pytest.raises(Undefined, match="predicted positive"):
        metric_named("precision").function(quiet)
    assert metric_named("f1").function(quiet).value == 0
    with pytest.raises(Undefined):
        metric_named("f1").function(rows.counted(0, 0, 0, 7))


def test_a_perfect_ranking_of_few_rows_is_not_certain(rows: ModuleType) -> None:
    view = rows.labelled([0] * 5 + [1] * 5, np.linspace(0.05, 0.95, 10))
    for metric in (roc_auc, average_precision):
        assert (metric(view).value, metric(view).high) == (1, 1)
        assert metric(view).low < 0.9


def test_one_positive_says_nothing_of_the_ranking(rows: ModuleType) -> None:
    found = roc_auc(rows.labelled([1] + [0] * 400, np.linspace(0.9, 0.1, 401)))
    assert found.value == 1
    assert found.low < 0.3


def test_one_bucket_of_scores_ranks_like_chance(rows: ModuleType) -> None:
    view = rows.labelled([0, 1] * 20, [0.5] * 40)
    assert roc_auc(view).value == 0.5
    assert roc_auc(view).low < 0.5 < roc_auc(view).high
    assert average_precision(view).value == 0.5


def test_labels_that_were_taken_back_leave_no_trace(rows: ModuleType) -> None:
    kept, gone = rows.labelled([1, 0, 1], [0.8, 0.3, 0.4]), rows.labelled([1], [0.99])
    taken = type(gone)(
        gone.task, gone.label, gone.prediction, gone.bucket, -gone.count, {k: -v for k, v in gone.sums.items()}, 0
    )
    for metric in BINARY:
        after, before = metric(rows.merged([kept, gone, taken])), metric(kept)
        assert after.value == pytest.approx(before.value)
        assert after.low == pytest.approx(before.low)


def test_a_single_error_has_no_interval_but_a_value(rows: ModuleType) -> None:
    one = rows.regressed([0], [2])
    assert metric_named("mae").function(one).low is None
    assert metric_named("bias").function(one).low is None
    assert metric_named("rmse").function(one).value == 2


def test_more_rows_make_intervals_narrower(rows: ModuleType) -> None:
    rng = np.random.default_rng(3)
    score = rng.random(4000)
    label = rng.random(4000) < score
    for metric in BINARY:
        few, many = metric(rows.labelled(label[:200], score[:200])), metric(rows.labelled(label, score))
        if many.low is not None:
            assert many.high - many.low < (few.high - few.low) / 2
