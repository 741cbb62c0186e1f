"""Weighted metrics: scikit-learn's sample_weight, weights of one, weights that say nothing, intervals that cover."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import sklearn.metrics as oracle

from airflow_ml_monitor.errors import NoValue, TooFew, Undefined, UnknownName
from airflow_ml_monitor.metrics.metric import metric_named, metrics
from airflow_ml_monitor.profile.task import TaskKind

PLAIN = [m for m in metrics().values() if m.formula and TaskKind.BINARY in m.tasks]
Oracle = Callable[[np.ndarray, np.ndarray, np.ndarray], float]
ORACLES: dict[str, Oracle] = {
    "accuracy": lambda y, s, w: oracle.accuracy_score(y, s >= 0.5, sample_weight=w),
    "precision": lambda y, s, w: oracle.precision_score(y, s >= 0.5, sample_weight=w),
    "recall": lambda y, s, w: oracle.recall_score(y, s >= 0.5, sample_weight=w),
    "specificity": lambda y, s, w: oracle.recall_score(1 - y, s < 0.5, sample_weight=w),
    "f1": lambda y, s, w: oracle.f1_score(y, s >= 0.5, sample_weight=w),
    "balanced_accuracy": lambda y, s, w: oracle.balanced_accuracy_score(y, s >= 0.5, sample_weight=w),
    "matthews_correlation": lambda y, s, w: oracle.matthews_corrcoef(y, s >= 0.5, sample_weight=w),
    "cohen_kappa": lambda y, s, w: oracle.cohen_kappa_score(y, s >= 0.5, sample_weight=w),
    "roc_auc": lambda y, s, w: oracle.roc_auc_score(y, s, sample_weight=w),
    "average_precision": lambda y, s, w: oracle.average_precision_score(y, s, sample_weight=w),
    "log_loss": lambda y, s, w: oracle.log_loss(y, s, sample_weight=w),
    "brier": lambda y, s, w: oracle.brier_score_loss(y, s, sample_weight=w),
    "prediction_rate": lambda y, s, w: np.average(s >= 0.5, weights=w),
    "label_rate": lambda y, s, w: np.average(y, weights=w),
    "calibration_in_the_large": lambda y, s, w: np.average(s - y, weights=w),
}
NEAR = {"log_loss": 1e-4, "brier": 1e-4, "calibration_in_the_large": 1e-4}
"""These see scores, which are their cell's mean."""


def sample(rng: np.random.Generator, n: int, share: float = 0.3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, scores, and weights that go with the label: what counts more is judged otherwise."""
    label = (rng.random(n) < share).astype(int)
    score = 1 / (1 + np.exp(-(1.5 * label - 1.2 + rng.normal(size=n))))
    return label, score, rng.gamma(1 + label, 1 + label, n)


def value(metric: str, view: Any) -> Any:
    return metric_named(metric).function(view)


@pytest.mark.parametrize("metric", ORACLES)
@pytest.mark.parametrize("seed", range(3))
def test_values_are_those_of_scikit_learn_with_sample_weights(metric: str, seed: int, rows: ModuleType) -> None:
    rng = np.random.default_rng(seed)
    label, _, weight = sample(rng, 3000)
    # Scores in the middle of their buckets: ties are then the same for both.
    score = (np.clip(rng.normal(400 + 250 * label, 200).astype(int), 0, 1023) + 0.5) / 1024
    found = value(f"weighted_{metric}", rows.labelled(label, score, weight=weight))
    assert found.value == pytest.approx(ORACLES[metric](label, score, weight), abs=NEAR.get(metric, 1e-9))
    assert found.low < found.value < found.high


@pytest.mark.parametrize("metric", PLAIN, ids=lambda m: m.name)
def test_weights_of_one_and_the_same_size_are_none(metric: Any, rows: ModuleType) -> None:
    label, score, _ = sample(np.random.default_rng(6), 2000)
    plain = metric.function(rows.labelled(label, score))
    for size in (1.0, 1e-3, 1e6):
        found = value(f"weighted_{metric.name}", rows.labelled(label, score, weight=np.full(2000, size)))
        assert found.value == pytest.approx(plain.value, abs=1e-5)
        assert found.n == 2000
        if plain.low is None:
            assert found.low is None
            assert found.noise == pytest.approx(plain.noise)
        else:
            assert found.high - found.low == pytest.approx(plain.high - plain.low, rel=0.25), (found, plain)


def test_a_weight_that_is_missing_or_below_zero_counts_as_none(rows: ModuleType) -> None:
    label, score, weight = sample(np.random.default_rng(7), 500)
    weight[:100] = [math.nan, math.inf, -math.inf, -3.0, 0.0] * 20
    with_them = value("weighted_recall", rows.labelled(label, score, weight=weight))
    assert (
        with_them.value == value("weighted_recall", rows.labelled(label[100:], score[100:], weight=weight[100:])).value
    )
    assert with_them.n == 400


def test_where_nothing_is_weighed_there_is_no_value(rows: ModuleType) -> None:
    with pytest.raises(TooFew):
        value("weighted_recall", rows.labelled([], [], weight=[]))
    with pytest.raises(Undefined, match="no label is positive"):
        value("weighted_recall", rows.labelled([0], [0.4], weight=[1.0]))
    with pytest.raises(Undefined, match="no weight above 0"):
        value("weighted_recall", rows.labelled([1, 0], [0.4, 0.4], weight=[0.0, 1.0]))
    with pytest.raises(Undefined, match="stored before it was asked for"):
        value("weighted_recall", rows.labelled([1], [0.4]))
    with pytest.raises(UnknownName):
        metric_named("weighted_lift")


def test_what_is_left_of_weights_that_were_taken_back_weighs_nothing(rows: ModuleType) -> None:
    """Labels taken back leave the rounding of their sums in a cell whose only row has weight 0."""
    label, score, weight = sample(np.random.default_rng(9), 300)
    weight[:40] = 0.0
    view = rows.labelled(label, score, weight=weight)
    expected = value("weighted_roc_auc", view)
    empty = view.sums["weight"] == 0
    assert empty.any()
    view = rows.labelled(label, score, weight=weight)
    view.sums["weight"][empty] = 5e-17
    view.sums["weight2"][empty] = -1e-17
    found = value("weighted_roc_auc", view)
    assert (found.value, found.n) == (pytest.approx(expected.value), expected.n)
    assert found.low == pytest.approx(expected.low, abs=1e-6)


def _truth(metric: str, share: float) -> float:
    label, score, weight = sample(np.random.default_rng(70), 400_000, share)
    return float(ORACLES[metric](label, score, weight))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n", "share", "is_few"), [(400, 0.4, False), (2000, 0.15, False), (200, 0.4, True), (60, 0.15, True)]
)
def test_their_intervals_cover(n: int, share: float, is_few: bool, rows: ModuleType) -> None:
    rng = np.random.default_rng(2026)
    hits: dict[str, list[bool]] = {name: [] for name in ORACLES}
    truths = {name: _truth(name, share) for name in ORACLES}
    for _ in range(400):
        label, score, weight = sample(rng, n, share)
        view = rows.labelled(label, score, weight=weight)
        for name, truth in truths.items():
            try:
                found = value(f"weighted_{name}", view)
            except NoValue:
                continue
            hits[name].append(found.low <= truth <= found.high)
    error = 2.6 * math.sqrt(0.93 * 0.07 / 400)
    for name, of in hits.items():
        print(f"| weighted_{name} | n={n} positives={share:.0%} | {np.mean(of):.3f} |")
        assert np.mean(of) >= 0.93 - error, name
        assert is_few or np.mean(of) <= 0.985, name
