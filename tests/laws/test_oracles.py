"""The same rows through scipy and scikit-learn give the same numbers."""

from __future__ import annotations

import math
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import scipy.stats
import sklearn.metrics as oracle
from scipy.spatial.distance import jensenshannon
from sklearn.dummy import DummyClassifier, DummyRegressor

from airflow_ml_monitor.metrics.metric import metric_named
from airflow_ml_monitor.profile.labelled_view import LabelledView
from airflow_ml_monitor.profile.layout import SLICE_SCORE_JOIN
from airflow_ml_monitor.profile.views import PairView


def value(metric: str, view: Any) -> float:
    return float(metric_named(metric).function(view).value)


def reference_and_current(seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.lognormal(0, 0.6, 5000), rng.lognormal(0.1, 0.7, 4000)


@pytest.mark.parametrize("seed", range(4))
def test_distances_of_numeric_columns_are_those_of_scipy(seed: int, rows: ModuleType) -> None:
    a, b = reference_and_current(seed)
    pair: PairView = rows.pair(a, b)
    assert value("kolmogorov_smirnov", pair) == pytest.approx(scipy.stats.ks_2samp(a, b).statistic, abs=2e-3)
    expected = scipy.stats.wasserstein_distance(a, b) / a.std(ddof=1)
    assert value("wasserstein", pair) == pytest.approx(expected, abs=1e-3)


def test_the_p_value_of_kolmogorov_smirnov_is_that_of_scipy(rows: ModuleType) -> None:
    rng = np.random.default_rng(8)
    for _ in range(5):
        a, b = rng.normal(0, 1, 4000), rng.normal(0.02, 1, 3000)
        found = metric_named("kolmogorov_smirnov").function(rows.pair(a, b)).p_value
        assert found == pytest.approx(scipy.stats.ks_2samp(a, b, method="asymp").pvalue, abs=0.06)


def test_distances_over_few_values_are_exactly_those_of_scipy(rows: ModuleType) -> None:
    rng = np.random.default_rng(5)
    a, b = rng.binomial(4, 0.3, 300), rng.binomial(4, 0.4, 200)
    pair = rows.pair(a, b, rows.few(0.0, 1.0, 2.0, 3.0, 4.0))
    assert value("kolmogorov_smirnov", pair) == pytest.approx(scipy.stats.ks_2samp(a, b).statistic, abs=1e-12)
    assert value("wasserstein", pair) == pytest.approx(scipy.stats.wasserstein_distance(a, b) / a.std(ddof=1))
    counts = [np.bincount(x, minlength=5) for x in (a, b)]
    assert value("jensen_shannon", pair) == pytest.approx(jensenshannon(*counts, base=2))


def test_jensen_shannon_over_deciles_is_that_of_scipy_on_the_same_bins(rows: ModuleType) -> None:
    a, b = reference_and_current(1)
    edges = np.quantile(a, np.linspace(0.1, 0.9, 9))
    counts = [np.bincount(np.searchsorted(edges, x), minlength=10) for x in (a, b)]
    assert value("jensen_shannon", rows.pair(a, b)) == pytest.approx(jensenshannon(*counts, base=2), abs=3e-3)
    share, other = (c / c.sum() for c in counts)
    psi = float(((other - share) * np.log(other / share)).sum())
    assert value("psi", rows.pair(a, b)) == pytest.approx(psi, rel=0.03)


@pytest.mark.parametrize("seed", range(4))
def test_performance_of_a_classifier_is_that_of_scikit_learn(seed: int, rows: ModuleType) -> None:
    rng = np.random.default_rng(seed)
    # Scores in the middle of their buckets: ties are then the same for both.
    score = (rng.integers(0, 1024, 800) + 0.5) / 1024
    label = (rng.random(800) < 0.1 + 0.6 * score).astype(int)
    decided = (score >= 0.5).astype(int)
    view: LabelledView = rows.labelled(label, score)
    expected = {
        "roc_auc": oracle.roc_auc_score(label, score),
        "average_precision": oracle.average_precision_score(label, score),
        "log_loss": oracle.log_loss(label, score),
        "brier": oracle.brier_score_loss(label, score),
        "accuracy": oracle.accuracy_score(label, decided),
        "precision": oracle.precision_score(label, decided),
        "recall": oracle.recall_score(label, decided),
        "specificity": oracle.recall_score(label, decided, pos_label=0),
        "f1": oracle.f1_score(label, decided),
        "prediction_rate": decided.mean(),
        "label_rate": label.mean(),
        "negative_predictive_value": oracle.precision_score(label, decided, pos_label=0),
        "balanced_accuracy": oracle.balanced_accuracy_score(label, decided),
        "matthews_correlation": oracle.matthews_corrcoef(label, decided),
        "cohen_kappa": oracle.cohen_kappa_score(label, decided),
        "calibration_in_the_large": score.mean() - label.mean(),
        "ks_separation": scipy.stats.ks_2samp(score[label == 1], score[label == 0], alternative="less").statistic,
    }
    for metric, number in expected.items():
        assert value(metric, view) == pytest.approx(number, abs=1e-12), metric


@pytest.mark.parametrize("seed", range(3))
def test_lift_is_the_label_rate_of_the_best_scored_rows(seed: int, rows: ModuleType) -> None:
    rng = np.random.default_rng(seed)
    score = rng.permutation((np.arange(400) + 0.5) / 400)
    label = (rng.random(400) < score**3).astype(int)
    best = label[np.argsort(-score)]
    found = metric_named("lift").function(rows.labelled(label, score))
    assert found.keys() == {"top=0.05", "top=0.1", "top=0.2"}
    for top, count in ((0.05, 20), (0.1, 40), (0.2, 80)):
        assert found[f"top={top}"].value == pytest.approx(best[:count].mean() / label.mean(), abs=1e-12)


@pytest.mark.parametrize("spread", [0.5, 1.0, 2.0])
def test_the_calibration_slope_is_the_logistic_regression_of_scikit_learn(spread: float, rows: ModuleType) -> None:
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(14)
    log_odds = rng.normal(-1, 1, 3000)
    label = (rng.random(3000) < 1 / (1 + np.exp(-log_odds))).astype(int)
    expected = LogisticRegression(C=np.inf, tol=1e-10).fit(spread * log_odds[:, None], label).coef_[0, 0]
    found = metric_named("calibration_slope").function(rows.labelled(label, 1 / (1 + np.exp(-spread * log_odds))))
    # Rows of a bucket are at its mean score.
    assert found.value == pytest.approx(expected, rel=1e-4)
    assert found.low < 1 / spread < found.high


def test_scores_of_0_and_1_that_are_wrong_leave_the_calibration_slope_a_best_fit(rows: ModuleType) -> None:
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(16)
    log_odds = rng.normal(-2, 2, 4000)
    label = (rng.random(4000) < 1 / (1 + np.exp(-log_odds))).astype(int)
    score = np.where(rng.random(4000) < 0.2, log_odds > 0, 1 / (1 + np.exp(-log_odds)))
    clipped = np.clip(score, 1e-6, 1 - 1e-6)
    inputs = np.log(clipped / (1 - clipped))[:, None]
    expected = LogisticRegression(C=np.inf, tol=1e-10).fit(inputs, label).coef_[0, 0]
    assert value("calibration_slope", rows.labelled(label, score)) == pytest.approx(expected, rel=1e-3)


def test_the_calibration_curve_is_that_of_scikit_learn(rows: ModuleType) -> None:
    from sklearn.calibration import calibration_curve

    rng = np.random.default_rng(15)
    score = (rng.integers(0, 1000, 3000) + 0.5) / 1000
    label = (rng.random(3000) < score**2).astype(int)
    found = metric_named("calibration_curve").function(rows.labelled(label, score))
    share, _ = calibration_curve(label, score, n_bins=10)
    assert list(found)[:2] == ["score=0.0-0.1", "score=0.1-0.2"]
    assert [one.value for one in found.values()] == pytest.approx(share.tolist(), abs=0.01)
    assert sum(one.n for one in found.values()) == 3000


@pytest.mark.parametrize("seed", range(3))
def test_skill_is_against_scikit_learns_dummy(seed: int, rows: ModuleType) -> None:
    rng = np.random.default_rng(seed)
    score = (rng.integers(0, 1024, 500) + 0.5) / 1024
    label = (rng.random(500) < 0.1 + 0.4 * score).astype(int)
    blind = np.zeros((500, 1))
    prior = DummyClassifier(strategy="prior").fit(blind, label).predict_proba(blind)[:, 1]
    most = DummyClassifier(strategy="most_frequent").fit(blind, label).predict(blind)
    view = rows.labelled(label, score)
    skill = 1 - oracle.brier_score_loss(label, score) / oracle.brier_score_loss(label, prior)
    assert value("brier_skill", view) == pytest.approx(skill, abs=1e-12)
    # A log loss ratio of deviances, one less: D² (scikit-learn's name for McFadden's).
    assert value("log_loss_skill", view) == pytest.approx(oracle.d2_log_loss_score(label, score), abs=1e-12)
    gained = oracle.accuracy_score(label, score >= 0.5) - oracle.accuracy_score(label, most)
    assert value("accuracy_over_majority", view) == pytest.approx(gained, abs=1e-12)
    assert value("prediction_surplus", view) == pytest.approx((score >= 0.5).mean() - label.mean(), abs=1e-12)


def drawn_beside(seed: int, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(labels, scores, another model's scores, which knows less of the same)."""
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 1.5, n)
    label = (rng.random(n) < 1 / (1 + np.exp(-x))).astype(int)
    return label, 1 / (1 + np.exp(-x)), 1 / (1 + np.exp(-0.7 * x + rng.normal(0, 0.7, n)))


@pytest.mark.parametrize("seed", range(3))
def test_gains_in_losses_are_paired_differences_with_the_interval_of_scipys_paired_t(
    seed: int, rows: ModuleType
) -> None:
    label, score, other = drawn_beside(seed, 800)
    view = rows.labelled(label, score, baseline=other)
    losses = {
        "brier_gain": [(s - label) ** 2 for s in (other, score)],
        "log_loss_gain": [-np.log(np.where(label == 1, s, 1 - s)) for s in (other, score)],
    }
    for metric, (theirs, ours) in losses.items():
        _is_that_of_scipy(metric_named(metric).function(view), theirs, ours)


@pytest.mark.parametrize("seed", range(3))
def test_a_gain_in_absolute_error_is_a_paired_difference_with_the_interval_of_scipys_paired_t(
    seed: int, rows: ModuleType
) -> None:
    rng = np.random.default_rng(seed)
    label = rng.normal(10, 3, 600)
    ours, theirs = label + rng.normal(0.2, 1, 600), label + rng.normal(0, 1.4, 600)
    view = rows.regressed(label, ours, theirs)
    _is_that_of_scipy(metric_named("mae_gain").function(view), np.abs(theirs - label), np.abs(ours - label))
    mae, naive = (oracle.mean_absolute_error(label, x) for x in (ours, theirs))
    assert value("relative_mae", view) == pytest.approx(mae / naive)
    root, other = (oracle.root_mean_squared_error(label, x) for x in (ours, theirs))
    assert value("rmse_gain", view) == pytest.approx(other - root)


def _is_that_of_scipy(found: Any, theirs: np.ndarray, ours: np.ndarray) -> None:
    low, high = scipy.stats.ttest_rel(theirs, ours).confidence_interval()
    assert found.value == pytest.approx((theirs - ours).mean(), abs=1e-12)
    # Widened where the differences are skewed, by little with so many rows.
    assert low - 0.06 * (high - low) <= found.low <= low + 1e-9
    assert high - 1e-9 <= found.high <= high + 0.06 * (high - low)


def test_a_mean_absolute_error_relative_to_the_labels_median_is_one_less_scikit_learns_d2(rows: ModuleType) -> None:
    rng = np.random.default_rng(6)
    label, predicted = rng.normal(10, 3, 400), rng.normal(10.5, 3, 400)
    blind = np.zeros((400, 1))
    naive = DummyRegressor(strategy="median").fit(blind, label).predict(blind)
    view = rows.regressed(label, predicted, naive)
    assert 1 - value("relative_mae", view) == pytest.approx(oracle.d2_absolute_error_score(label, predicted))


@pytest.mark.parametrize("seed", range(4))
def test_the_interval_of_an_accuracy_gain_is_near_that_of_bonett_and_price(seed: int, rows: ModuleType) -> None:
    label, score, other = drawn_beside(seed, 1500)
    ours, theirs = ((s >= 0.5) == label for s in (score, other))
    found = metric_named("accuracy_gain").function(rows.labelled(label, score, baseline=other))
    assert found.value == pytest.approx(ours.mean() - theirs.mean(), abs=1e-12)
    # Bonett and Price 2012: a row more in both kinds of discordant rows.
    more, fewer = ((a & ~b).sum() + 1 for a, b in ((ours, theirs), (theirs, ours)))
    p, q = more / 1502, fewer / 1502
    half = 1.959964 * math.sqrt((p + q - (p - q) ** 2) / 1502)
    assert (found.low, found.high) == (pytest.approx(p - q - half, abs=8e-4), pytest.approx(p - q + half, abs=8e-4))
    # Two intervals side by side would say less.
    assert found.high - found.low < 0.8 * math.hypot(*(2 * 1.96 * math.sqrt(x.var() / 1500) for x in (ours, theirs)))


@pytest.mark.parametrize("share", [0.5, 0.02, 0.002])
def test_ranking_by_buckets_is_that_by_scores_however_rare_the_positives(share: float, rows: ModuleType) -> None:
    rng = np.random.default_rng(21)
    label = (rng.random(20_000) < share).astype(int)
    log_odds = 2 * (rng.normal(0, 1, 20_000) + 2 * label) - 2 + math.log(share / (1 - share))
    score = 1 / (1 + np.exp(-log_odds))
    whole = rows.labelled(label, score)
    joined = rows.merged([replace(whole, bucket=whole.bucket // SLICE_SCORE_JOIN)])
    expected = oracle.roc_auc_score(label, score)
    assert value("roc_auc", whole) == pytest.approx(expected, abs=2e-4)
    assert value("roc_auc", joined) == pytest.approx(expected, abs=2e-3)


def test_performance_of_a_regression_is_that_of_scikit_learn(rows: ModuleType) -> None:
    rng = np.random.default_rng(6)
    label, predicted = rng.normal(10, 3, 400), rng.normal(10.5, 3, 400)
    view = rows.regressed(label, predicted)
    assert value("mae", view) == pytest.approx(oracle.mean_absolute_error(label, predicted))
    assert value("rmse", view) == pytest.approx(oracle.root_mean_squared_error(label, predicted))
    assert value("bias", view) == pytest.approx(np.mean(predicted - label))
    assert value("r2", view) == pytest.approx(oracle.r2_score(label, predicted))
    assert value("mape", view) == pytest.approx(oracle.mean_absolute_percentage_error(label, predicted))
    assert value("pearson_correlation", view) == pytest.approx(scipy.stats.pearsonr(label, predicted).statistic)
    assert value("mean_label", view) == pytest.approx(label.mean())
    assert value("mean_prediction", view) == pytest.approx(predicted.mean())
    # scikit-learn's weighted mean of the relative errors, the labels' sizes as weights.
    wape = oracle.mean_absolute_percentage_error(label, predicted, sample_weight=np.abs(label))
    assert value("wape", view) == pytest.approx(wape)


@pytest.mark.parametrize("far", [0.0, 100.0, 1e4])
def test_how_far_the_labels_lie_from_zero_costs_r2_and_correlation_no_digits(far: float, rows: ModuleType) -> None:
    rng = np.random.default_rng(9)
    label = far + rng.normal(0, 3, 400)
    predicted = far + 0.7 * (label - far) + rng.normal(0, 2, 400)
    view, near = rows.regressed(label, predicted), rows.regressed(label - far, predicted - far)
    assert value("r2", view) == pytest.approx(oracle.r2_score(label, predicted), rel=1e-6)
    assert value("pearson_correlation", view) == pytest.approx(np.corrcoef(label, predicted)[0, 1], rel=1e-6)
    for metric in ("r2", "pearson_correlation"):
        one, other = metric_named(metric).function(view), metric_named(metric).function(near)
        if far < 1e4:
            assert (one.low, one.high) == pytest.approx((other.low, other.high), rel=1e-3)
        else:
            assert one.low is None


def test_moments_and_quantiles_of_a_column_are_those_of_numpy(rows: ModuleType) -> None:
    x, _ = reference_and_current(2)
    column = rows.column(np.concatenate([x, [math.nan, math.inf]]), nulls=3)
    assert value("mean", column) == pytest.approx(x.mean())
    assert value("standard_deviation", column) == pytest.approx(x.std(ddof=1))
    for key, found in metric_named("quantiles").function(column).items():
        expected = np.quantile(x, float(key.removeprefix("q=")), method="inverted_cdf")
        assert found.value == pytest.approx(expected, abs=0.01 * x.std())
    assert value("valid_share", column) == pytest.approx(5000 / 5005)
