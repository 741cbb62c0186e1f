from __future__ import annotations

import math
from dataclasses import replace
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from airflow_ml_monitor.errors import TooFew, Undefined
from airflow_ml_monitor.measurement import Estimate, attempt
from airflow_ml_monitor.metrics.metric import Subject, metric_named, metrics
from airflow_ml_monitor.metrics.performance.average_precision import average_precision
from airflow_ml_monitor.metrics.performance.brier import brier
from airflow_ml_monitor.metrics.performance.expected_calibration_error import expected_calibration_error
from airflow_ml_monitor.metrics.performance.log_loss import log_loss
from airflow_ml_monitor.metrics.performance.roc_auc import roc_auc
from airflow_ml_monitor.profile.labelled_view import LabelledView
from airflow_ml_monitor.profile.payoff import Payoff, Worth
from airflow_ml_monitor.profile.task import TaskKind

BINARY = [m.function for m in metrics().values() if m.subject is Subject.LABELLED and TaskKind.BINARY in m.tasks]


def estimates(metric: Any, view: LabelledView) -> dict[str, Estimate]:
    """By parameters."""
    found = metric(view)
    return {"": found} if isinstance(found, Estimate) else dict(found)


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
        ("label_rate", 5 / 10, 10),
        ("negative_predictive_value", 4 / 6, 6),
        ("balanced_accuracy", (3 / 5 + 4 / 5) / 2, 10),
    ],
)
def test_shares_of_the_confusion_table(metric: str, expected: float, n: int, rows: ModuleType) -> None:
    found = metric_named(metric).function(rows.counted(3, 1, 2, 4))
    assert (found.value, found.n) == (pytest.approx(expected), n)
    assert 0 <= found.low < found.value < found.high <= 1


def test_agreement_beyond_chance_is_worked_by_hand(rows: ModuleType) -> None:
    # 3 true and 1 false positives, 2 false and 4 true negatives: (3·4 - 1·2) / √(4·5·5·6).
    view = rows.counted(3, 1, 2, 4)
    assert metric_named("matthews_correlation").function(view).value == pytest.approx(10 / math.sqrt(600))
    # Agreement 7/10; by chance (5·4 + 5·6)/100 = 1/2.
    assert metric_named("cohen_kappa").function(view).value == pytest.approx((0.7 - 0.5) / (1 - 0.5))


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


def test_the_classes_are_separated_by_the_largest_lead_of_the_true_positive_rate(rows: ModuleType) -> None:
    # From the top: both positives, a negative, a positive, two negatives: 3/3 - 1/3 after the fourth.
    view = rows.labelled([1, 1, 0, 1, 0, 0], [0.9, 0.8, 0.6, 0.5, 0.3, 0.1])
    found = metric_named("ks_separation").function(view)
    assert found.value == pytest.approx(2 / 3)
    assert found.low == 0
    upside_down = rows.labelled([0, 0, 1, 1], [0.9, 0.8, 0.2, 0.1])
    assert metric_named("ks_separation").function(upside_down).value == 0


def test_the_separation_of_noise_reaches_down_to_nothing_and_of_a_good_model_does_not(rows: ModuleType) -> None:
    rng = np.random.default_rng(17)
    label, noise = rng.random(1000) < 0.3, rng.random(1000)
    found = metric_named("ks_separation").function(rows.labelled(label, noise))
    assert found.low == 0 < found.value
    good = metric_named("ks_separation").function(rows.labelled(label, 0.6 * noise + 0.4 * label))
    assert good.low > 0.5


def test_lift_counts_the_positives_among_the_best_scored(rows: ModuleType) -> None:
    # Of 20 rows 5 are positive: the best one, 2 of the best two, 3 of the best four.
    label = [1, 1, 0, 1] + [0] * 14 + [1, 1]
    found = metric_named("lift").function(rows.labelled(label, np.linspace(0.99, 0.01, 20)))
    assert {key: one.value for key, one in found.items()} == pytest.approx(
        {"top=0.05": 1 / 0.25, "top=0.1": 1 / 0.25, "top=0.2": 0.75 / 0.25}
    )
    with pytest.raises(TooFew, match="4 rows with a label, of which the best 20% is not one"):
        metric_named("lift").function(rows.labelled([1, 0, 0, 0], [0.9, 0.1, 0.2, 0.3]))
    # Rows that score alike are not told apart: each is as good as the average.
    same = metric_named("lift").function(rows.labelled([1, 0] * 10, [0.4] * 20))
    assert [one.value for one in same.values()] == [1, 1, 1]


def test_the_calibration_curve_has_the_tenths_that_have_rows(rows: ModuleType) -> None:
    view = rows.labelled([0, 0, 1, 1, 0, 1], [0.1, 0.1, 0.1, 0.85, 0.85, 1.0])
    found = metric_named("calibration_curve").function(view)
    assert {key: (one.value, one.n) for key, one in found.items()} == {
        "score=0.1-0.2": (1 / 3, 3),
        "score=0.8-0.9": (1 / 2, 2),
        "score=0.9-1.0": (1.0, 1),
    }


def test_calibration_in_the_large_is_mean_score_less_label_rate(rows: ModuleType) -> None:
    found = metric_named("calibration_in_the_large").function(rows.labelled([1, 0, 0, 0], [0.8, 0.6, 0.4, 0.2]))
    assert found.value == pytest.approx(0.25)
    rng = np.random.default_rng(18)
    score = rng.beta(1, 9, 5000)
    high, right = (
        metric_named("calibration_in_the_large").function(rows.labelled(rng.random(5000) < share, score))
        for share in (0.7 * score, score)
    )
    assert high.low > 0
    assert right.low < 0 < right.high


def test_the_paired_gap_is_surer_than_score_and_label_apart(rows: ModuleType) -> None:
    rng = np.random.default_rng(19)
    score = rng.beta(0.2, 0.2, 2000)
    view = rows.labelled(rng.random(2000) < score, score)
    gap, rate = (metric_named(name).function(view) for name in ("calibration_in_the_large", "label_rate"))
    assert gap.high - gap.low < 0.6 * (rate.high - rate.low)


def test_the_intercept_is_what_all_log_odds_lack(rows: ModuleType) -> None:
    intercept = metric_named("calibration_intercept").function
    # Odds of 1:3 where 1:1 was scored; right; and half of the rows where 0.2 and 0.8 lie as far above as below.
    assert intercept(rows.labelled([1, 0, 0, 0], [0.5] * 4)).value == pytest.approx(-math.log(3))
    assert intercept(rows.labelled([1, 0, 0, 0], [0.25] * 4)).value == pytest.approx(0, abs=1e-9)
    assert intercept(rows.labelled([0, 1], [0.8, 0.2])).value == pytest.approx(0, abs=1e-9)
    with pytest.raises(Undefined, match="only one class"):
        intercept(rows.labelled([1, 1], [0.3, 0.4]))
    rng = np.random.default_rng(20)
    score = rng.beta(1, 9, 4000)
    twice = rows.labelled(rng.random(4000) < 2 * score / (1 + score), score)
    assert intercept(twice).low < math.log(2) < intercept(twice).high
    assert intercept(twice).low > 0.5


def test_a_slope_needs_classes_that_no_threshold_parts(rows: ModuleType) -> None:
    slope = metric_named("calibration_slope").function
    for label, score in (
        ([0, 0, 1], [0.1, 0.2, 0.3]),
        ([1, 0], [0.1, 0.9]),
        ([0, 1], [0.5, 0.5]),
        ([1, 1], [0.1, 0.9]),
    ):
        with pytest.raises(Undefined, match="no slope fits best"):
            slope(rows.labelled(label, score))
    # Odds of 1:3 at 1/4 and 3:1 at 3/4 are right; 1:1 at both tell that scores say nothing.
    assert slope(rows.labelled([1, 0, 0, 0, 1, 1, 1, 0], [0.25] * 4 + [0.75] * 4)).value == pytest.approx(1)
    assert slope(rows.labelled([1, 0, 1, 0], [0.25] * 2 + [0.75] * 2)).value == pytest.approx(0, abs=1e-9)


def test_one_class_leaves_what_compares_classes_undefined(rows: ModuleType) -> None:
    negatives = rows.labelled([0] * 30, np.linspace(0.01, 0.4, 30))
    for name in ("balanced_accuracy", "matthews_correlation", "cohen_kappa", "ks_separation", "lift"):
        with pytest.raises(Undefined):
            metric_named(name).function(negatives)
    assert metric_named("label_rate").function(negatives).value == 0
    # Always wrong is worse than chance, and not undefined.
    assert metric_named("cohen_kappa").function(rows.counted(0, 5, 5, 0)).value == -1


def test_no_error_among_few_rows_is_not_perfection(rows: ModuleType) -> None:
    for name in ("balanced_accuracy", "matthews_correlation", "cohen_kappa"):
        found = metric_named(name).function(rows.counted(8, 0, 0, 8))
        assert (found.value, found.high) == (1, 1)
        assert found.low < 0.8


def test_regression_errors_are_worked_by_hand(rows: ModuleType) -> None:
    # Prediction less label: 1, -2, 3.
    view = rows.regressed([0, 0, 0], [1, -2, 3])
    assert metric_named("mae").function(view).value == pytest.approx(2)
    assert metric_named("rmse").function(view).value == pytest.approx(math.sqrt(14 / 3))
    assert metric_named("bias").function(view).value == pytest.approx(2 / 3)
    # Labels 1, 2, 4, 0 and predictions 2, 2, 2, 1: errors 1, 0, -2, 1; squares 6 of 35/4 about the mean 7/4.
    view = rows.regressed([1, 2, 4, 0], [2, 2, 2, 1])
    expected = {"r2": 1 - 6 / 8.75, "mape": (1 + 0 + 0.5) / 3, "wape": 4 / 7, "mean_label": 7 / 4}
    expected |= {"mean_prediction": 7 / 4, "smape": (2 / 3 + 0 + 4 / 6 + 2) / 4}
    # Predictions' distances from 7/4: 1/4, 1/4, 1/4, -3/4; the labels' -3/4, 1/4, 9/4, -7/4.
    expected["pearson_correlation"] = (7 / 16 + 21 / 16) / math.sqrt(8.75 * 12 / 16)
    for name, value in expected.items():
        assert metric_named(name).function(view).value == pytest.approx(value), name
    assert metric_named("mape").function(view).n == 3


def test_labels_that_do_not_vary_have_no_r2_and_labels_of_zero_no_percentages(rows: ModuleType) -> None:
    constant, zero = rows.regressed([5.0] * 4, [1, 2, 3, 4]), rows.regressed([0.0] * 3, [1, 2, 3])
    for name in ("r2", "pearson_correlation"):
        with pytest.raises(Undefined, match="the labels do not vary"):
            metric_named(name).function(constant)
    with pytest.raises(Undefined, match="the predictions do not vary"):
        metric_named("pearson_correlation").function(rows.regressed([1, 2, 3, 4], [0.1] * 4))
    for name in ("mape", "wape"):
        with pytest.raises(Undefined, match="every label is 0"):
            metric_named(name).function(zero)
    assert metric_named("smape").function(zero).value == 2


def test_entries_of_an_older_release_leave_undefined_what_they_did_not_sum(rows: ModuleType) -> None:
    whole = rows.regressed([1.0, 2.0, 3.0], [1.5, 2.0, 2.0])
    older = replace(
        whole, sums={k: v if "truth" not in k and k.startswith("error") else v * np.nan for k, v in whole.sums.items()}
    )
    for name in ("bias", "mae", "rmse"):
        assert metric_named(name).function(older) == metric_named(name).function(whole)
    for name in ("r2", "mape", "wape", "smape", "mean_label", "mean_prediction", "pearson_correlation"):
        with pytest.raises(Undefined, match="stored before it was asked for"):
            metric_named(name).function(older)


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
        after, before = (attempt("", partial(metric, view)) for view in (rows.merged([kept, gone, taken]), kept))
        assert [row.status for row in after] == [row.status for row in before]
        for one, other in zip(after, before, strict=True):
            if other.estimate:
                assert one.estimate.value == pytest.approx(other.estimate.value)
                assert one.estimate.low == pytest.approx(other.estimate.low)


def test_a_single_error_has_no_interval_but_a_value(rows: ModuleType) -> None:
    one = rows.regressed([0], [2])
    assert metric_named("mae").function(one).low is None
    assert metric_named("bias").function(one).low is None
    assert metric_named("rmse").function(one).value == 2


def test_more_rows_make_intervals_narrower(rows: ModuleType) -> None:
    rng = np.random.default_rng(3)
    score = rng.random(4000)
    label = rng.random(4000) < score
    other = rng.random(4000)
    declared = {"thresholds": (0.3,), "payoff": Payoff(Worth(8), Worth(-5))}
    for metric in BINARY:
        views = (rows.labelled(label[:n], score[:n], baseline=other[:n], **declared) for n in (200, 4000))
        few, many = (estimates(metric, view) for view in views)
        assert few.keys() == many.keys()
        for parameters, one in many.items():
            if one.low is not None:
                assert one.high - one.low < (few[parameters].high - few[parameters].low) / 2
