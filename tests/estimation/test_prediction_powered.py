from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from airflow_ml_monitor.errors import TooFew
from airflow_ml_monitor.estimation.estimator import Part, Question
from airflow_ml_monitor.estimation.logistic import Labels, fitted
from airflow_ml_monitor.estimation.prediction_powered import check, prediction_powered
from airflow_ml_monitor.estimation.predictions import Predictions
from airflow_ml_monitor.estimation.values import value_of
from airflow_ml_monitor.metrics.metric import metric_named
from airflow_ml_monitor.profile.task import Task, TaskKind

TASK = Task(TaskKind.BINARY)
Ints, Reals = NDArray[np.int64], NDArray[np.float64]


def drawn(random: np.random.Generator, n: int) -> tuple[Ints, Reals]:
    score = random.beta(1.2, 1.8, n)
    return (random.random(n) < score).astype(np.int64), score


def predicted(rows: ModuleType, score: Reals) -> Predictions:
    return Predictions.counted(rows.score_bucket(score), (score >= 0.5).astype(np.int64), np.ones(len(score)))


def asked(rows: ModuleType, reference: tuple[Ints, Reals], window: tuple[Ints, Reals], at_hand: Ints) -> Question:
    label, score = window
    labels = rows.labelled(label[at_hand], score[at_hand])
    return Question(TASK, rows.labelled(*reference), predicted(rows, score), labels)


@pytest.mark.parametrize("is_turned", [False, True], ids=["no drift", "concept drift"])
def test_a_random_sample_shows_the_accuracy_whatever_became_of_the_relation(is_turned: bool, rows: ModuleType) -> None:
    random = np.random.default_rng(8)
    reference, covered, errors, alone = drawn(random, 3000), 0, [], []
    for _ in range(60):
        label, score = drawn(random, 800)
        if is_turned:
            label = np.where(random.random(800) < 0.3, 1 - label, label)
        pick = random.choice(800, 200, replace=False)
        found = value_of(prediction_powered(asked(rows, reference, (label, score), pick)), metric_named("accuracy"))
        right = (score >= 0.5) == label
        covered += found.final[0] <= right.mean() <= found.final[1]
        errors.append(found.value - right.mean())
        alone.append(right[pick].mean() - right.mean())
    # Of 60 intervals that cover 95 % fewer than 52 do in 0.8 %; 60 errors of 3 points have a mean within 1.
    assert covered >= 52
    assert abs(np.mean(errors)) < 0.01
    assert np.mean(np.abs(errors)) < 1.02 * np.mean(np.abs(alone))


def test_all_labels_at_hand_leave_nothing_to_expect(rows: ModuleType) -> None:
    random = np.random.default_rng(9)
    window = drawn(random, 300)
    found = prediction_powered(asked(rows, drawn(random, 500), window, np.arange(300)))
    for name in ("accuracy", "roc_auc", "precision"):
        metric = metric_named(name)
        realised = metric.function(rows.labelled(*window)).value
        value = value_of(found, metric)
        assert value.value == pytest.approx(realised)
        assert value.final == pytest.approx((realised, realised))
        assert value.model[0] < realised < value.model[1]


def test_labels_that_come_sooner_for_one_class_are_put_right_by_their_arrival(rows: ModuleType) -> None:
    random = np.random.default_rng(10)
    reference, naive, weighted, truths = drawn(random, 3000), [], [], []
    for _ in range(25):
        label, score = drawn(random, 1500)
        arrival = np.where(label == 1, 0.6, 0.2)
        pick = np.flatnonzero(random.random(1500) < arrival)
        question = asked(rows, reference, (label, score), pick)
        chance = np.where(question.labels.label == 1, 0.6, 0.2)
        known = Question(TASK, question.reference, question.predictions, question.labels, (), chance)
        for found, one in ((naive, question), (weighted, known)):
            found.append(value_of(prediction_powered(one), metric_named("recall")).value)
        truths.append(float(np.mean(score[label == 1] >= 0.5)))
    assert abs(np.mean(weighted) - np.mean(truths)) < 0.01
    assert abs(np.mean(naive) - np.mean(truths)) > 0.02


def test_a_sample_that_is_not_random_is_noticed(rows: ModuleType) -> None:
    random = np.random.default_rng(11)
    label, score = drawn(random, 2000)
    reference = drawn(random, 500)
    even = asked(rows, reference, (label, score), random.choice(2000, 300, replace=False))
    low = asked(rows, reference, (label, score), np.argsort(score + random.normal(0, 0.3, 2000))[:300])
    assert check(even).holds is True
    assert check(low).holds is False
    assert check(asked(rows, reference, (label, score), np.arange(10))).holds is None


def test_a_sample_of_one_part_is_noticed_though_its_scores_are_even(rows: ModuleType) -> None:
    random = np.random.default_rng(12)
    label, score = drawn(random, 1000)
    is_first = np.arange(1000) < 500
    pick = random.choice(500, 100, replace=False)
    question = asked(rows, drawn(random, 500), (label, score), pick)
    parts = tuple(
        Part(name, question.reference, predicted(rows, score[mine]), rows.labelled(label[known], score[known]))
        for name, mine, known in (("first", is_first, pick), ("second", ~is_first, pick[:0]))
    )
    assert check(question).holds is True
    assert check(Question(TASK, question.reference, question.predictions, question.labels, parts)).holds is False


def test_random_samples_are_doubted_as_rarely_as_said(rows: ModuleType) -> None:
    random = np.random.default_rng(13)
    reference, window = drawn(random, 200), drawn(random, 1000)
    p_values = [
        check(asked(rows, reference, window, random.choice(1000, 200, replace=False))).p_value for _ in range(300)
    ]
    # 300 of 5 %: 6 to 26 in 99.8 %.
    assert 6 <= sum(p is not None and p < 0.05 for p in p_values) <= 26


def test_the_arrival_that_was_said_is_held_against_the_labels(rows: ModuleType) -> None:
    random = np.random.default_rng(14)
    label, score = drawn(random, 2000)
    question = asked(rows, drawn(random, 500), (label, score), np.flatnonzero(random.random(2000) < 0.3))
    for chance, holds in ((0.3, True), (0.4, False)):
        arrival = np.full(len(question.labels.label), chance)
        said = Question(TASK, question.reference, question.predictions, question.labels, (), arrival)
        assert check(said).holds is holds


def test_without_labels_there_is_no_answer(rows: ModuleType) -> None:
    random = np.random.default_rng(15)
    with pytest.raises(TooFew):
        prediction_powered(asked(rows, drawn(random, 100), drawn(random, 100), np.zeros(0, np.int64)))


def test_labels_of_one_class_alone_are_survived(rows: ModuleType) -> None:
    random = np.random.default_rng(16)
    label, score = drawn(random, 400)
    found = prediction_powered(asked(rows, drawn(random, 400), (label, score), np.flatnonzero(label == 0)[:40]))
    assert 0 < found.cells.positives.sum() < 150
    assert np.isfinite(found.final.positives).all()


def test_the_regression_is_scikit_learns() -> None:
    random = np.random.default_rng(17)
    design = np.column_stack([np.ones(300), random.normal(size=(300, 2))])
    label = (random.random(300) < 1 / (1 + np.exp(-design @ [0.4, 1.0, -0.5]))).astype(float)
    weight = random.uniform(0.5, 2, 300)
    oracle = LogisticRegression(C=4.0, fit_intercept=False, tol=1e-10, max_iter=1000)
    oracle.fit(design, label, sample_weight=weight)
    found = fitted(Labels(np.zeros(300), design, label, 1 - label, weight), np.full(3, 2.0))
    assert found.coefficients == pytest.approx(oracle.coef_[0], abs=1e-5)


def test_the_coefficients_scatter_as_their_covariance_says() -> None:
    # Labels not of the regression's form: the plain covariance would be wrong.
    random = np.random.default_rng(18)
    coefficients, variances = [], []
    for _ in range(400):
        x = random.normal(size=150)
        label = (random.random(150) < 0.5 + 0.45 * np.sin(2 * x)).astype(float)
        ones = np.ones(150)
        found = fitted(Labels(0 * ones, np.column_stack([ones, x]), label, 1 - label, ones), np.full(2, 10.0))
        coefficients.append(found.coefficients)
        variances.append(np.diag(found.covariance))
    assert np.mean(variances, axis=0) == pytest.approx(np.var(coefficients, axis=0), rel=0.2)
