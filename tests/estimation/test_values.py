"""What is said before labels are known is what the window will show on average: of every metric with a formula."""

from __future__ import annotations

from functools import cache
from types import ModuleType

import numpy as np
import pytest

from airflow_ml_monitor.estimation.cbpe import cbpe
from airflow_ml_monitor.estimation.drawing import DRAWS, expect
from airflow_ml_monitor.estimation.estimator import Question
from airflow_ml_monitor.estimation.expected import Expected
from airflow_ml_monitor.estimation.predictions import Predictions
from airflow_ml_monitor.estimation.values import value_of
from airflow_ml_monitor.metrics.metric import Metric, metric_named, metrics
from airflow_ml_monitor.profile.ledger import SCORE_BUCKETS, score_within
from airflow_ml_monitor.profile.task import Task, TaskKind

ROWS, WINDOWS = 300, 4_000
FORMULAS = [m for m in metrics().values() if m.estimable(TaskKind.BINARY)]
LIFTED = {"average_precision", "calibration_slope", "ks_separation"}


@cache
def foreseen(seed: int, draws: int) -> Expected:
    """A window of ROWS predictions, whose chances of a positive are known exactly."""
    random = np.random.default_rng(seed)
    score = random.beta(1.2, 1.8, ROWS)
    buckets = np.searchsorted(score_within(np.arange(SCORE_BUCKETS)), score).clip(0, SCORE_BUCKETS - 1)
    window = Predictions.counted(buckets, (score >= 0.5).astype(np.int64), np.ones(ROWS))
    chance = window.score**1.2
    return expect(window, chance, np.repeat(chance[None], draws, axis=0), np.random.default_rng(seed + 1))


@pytest.mark.parametrize("metric", FORMULAS, ids=lambda metric: metric.name)
def test_the_value_is_the_mean_of_what_such_windows_show(metric: Metric) -> None:
    said = value_of(foreseen(1, DRAWS), metric).value
    assert metric.formula is not None
    shown = np.asarray(metric.formula(foreseen(1, WINDOWS).final))
    shown = shown[np.isfinite(shown)]
    # A twentieth of the spread for what is bent a little; three errors of the windows, and of the draws where they are
    # what the value is the mean of.
    by_chance = 3 * np.hypot(1 / np.sqrt(WINDOWS), 1 / np.sqrt(DRAWS) if metric.by_draws else 0.0)
    assert abs(said - shown.mean()) <= (0.05 + by_chance) * shown.std()


def test_the_formulas_that_chance_lifts_are_those_said_to_be() -> None:
    lifts = {}
    for metric in FORMULAS:
        assert metric.formula is not None
        shown = np.asarray(metric.formula(foreseen(1, WINDOWS).final))
        shown = shown[np.isfinite(shown)]
        spread = max(float(shown.std()), 1e-12)
        lifts[metric.name] = abs(float(shown.mean()) - float(metric.formula(foreseen(1, WINDOWS).cells))) / spread
    assert {name for name, lift in lifts.items() if lift > 0.08} == LIFTED
    assert {m.name for m in FORMULAS if m.by_draws} == LIFTED


def test_without_a_label_cbpe_says_the_separation_that_windows_of_few_rows_show(rows: ModuleType) -> None:
    random, metric = np.random.default_rng(9), metric_named("ks_separation")
    assert metric.formula is not None

    def drawn(n: int) -> tuple[np.ndarray, np.ndarray]:
        score = random.beta(1.2, 1.8, n)
        return (random.random(n) < score**1.2).astype(np.int64), score

    reference, errors = rows.labelled(*drawn(20_000)), []
    for _ in range(40):
        label, score = drawn(200)
        window = Predictions.counted(rows.score_bucket(score), (score >= 0.5).astype(np.int64), np.ones(200))
        expected = cbpe(Question(Task(TaskKind.BINARY), reference, window, rows.labelled(label[:0], score[:0])))
        said = np.array([value_of(expected, metric).value, float(metric.formula(expected.cells))])
        errors.append(said - metric.function(rows.labelled(label, score)).value)
    mean, by_chance = np.mean(errors, axis=0), 3 * np.std(errors, axis=0) / np.sqrt(len(errors))
    assert abs(mean[0]) < by_chance[0]
    assert mean[1] < -by_chance[1]  # of smooth, expected rows
