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

from airflow_ml_monitor.metrics.metric import metric_named
from airflow_ml_monitor.profile.layout import SLICE_SCORE_JOIN
from airflow_ml_monitor.profile.views import LabelledView, PairView


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
    }
    for metric, number in expected.items():
        assert value(metric, view) == pytest.approx(number, abs=1e-12), metric


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


def test_moments_and_quantiles_of_a_column_are_those_of_numpy(rows: ModuleType) -> None:
    x, _ = reference_and_current(2)
    column = rows.column(np.concatenate([x, [math.nan, math.inf]]), nulls=3)
    assert value("mean", column) == pytest.approx(x.mean())
    assert value("standard_deviation", column) == pytest.approx(x.std(ddof=1))
    for key, found in metric_named("quantiles").function(column).items():
        expected = np.quantile(x, float(key.removeprefix("q=")), method="inverted_cdf")
        assert found.value == pytest.approx(expected, abs=0.01 * x.std())
    assert value("valid_share", column) == pytest.approx(5000 / 5005)
