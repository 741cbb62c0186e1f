"""Metrics of several classes: scikit-learn's numbers, and the laws that every metric keeps."""

from __future__ import annotations

import math
from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest
import sklearn.metrics as oracle
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.dummy import DummyClassifier

from airflow_ml_monitor.errors import NoValue, TooFew, Undefined
from airflow_ml_monitor.measurement import Estimate, Status, attempt
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.metric import Metric, Subject, metric_named, metrics
from airflow_ml_monitor.profile.labelled_view import LabelledView
from airflow_ml_monitor.profile.task import Task, TaskKind

ALL = [m for m in metrics().values() if m.subject is Subject.LABELLED and TaskKind.MULTICLASS in m.tasks]
OF_SCORES = {"log_loss", "brier", "log_loss_skill", "brier_skill", "expected_calibration_error", "top_k_accuracy"}
labels_and_predictions = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=40)


def name(metric: Metric) -> str:
    return metric.name


def estimates(metric: str | Metric, view: LabelledView) -> dict[str, Estimate]:
    """By parameters; those without a value left out, none where the metric has none."""
    found = metric if isinstance(metric, Metric) else metric_named(metric)
    try:
        made = found.function(view)
    except NoValue:
        return {}
    every = {"": made} if isinstance(made, Estimate) else dict(made)
    return {parameters: e for parameters, e in every.items() if not math.isnan(e.value)}


def value(metric: str, view: LabelledView, parameters: str = "") -> float:
    return estimates(metric, view)[parameters].value


def drawn(rng: np.random.Generator, n: int, size: int, sharp: float = 1.5) -> tuple[np.ndarray, np.ndarray]:
    """(labels, scores) of a calibrated model."""
    p = np.exp(sharp * rng.normal(size=(n, size)))
    p /= np.add.accumulate(p, axis=1)[:, -1:]
    return (p.cumsum(axis=1) > rng.random((n, 1))).argmax(axis=1), p


@pytest.fixture(params=[3, 7], ids=["3 classes", "7 classes"])
def sample(request: pytest.FixtureRequest) -> tuple[np.ndarray, np.ndarray]:
    return drawn(np.random.default_rng(request.param), 800, request.param)


def test_single_values_are_those_of_scikit_learn(sample: tuple[np.ndarray, np.ndarray], rows: ModuleType) -> None:
    y, p = sample
    guess, view, size = p.argmax(axis=1), rows.classified(*sample), p.shape[1]
    expected = {
        "accuracy": oracle.accuracy_score(y, guess),
        "balanced_accuracy": oracle.balanced_accuracy_score(y, guess),
        "cohen_kappa": oracle.cohen_kappa_score(y, guess),
        "matthews_correlation": oracle.matthews_corrcoef(y, guess),
        "log_loss": oracle.log_loss(y, p, labels=range(size)),
        "brier": oracle.brier_score_loss(y, p, labels=range(size)),
    }
    for metric, number in expected.items():
        assert value(metric, view) == pytest.approx(number, abs=1e-12), metric


def test_values_of_each_class_and_their_averages_are_those_of_scikit_learn(
    sample: tuple[np.ndarray, np.ndarray], rows: ModuleType
) -> None:
    y, p = sample
    guess, view, size = p.argmax(axis=1), rows.classified(*sample), p.shape[1]
    for metric in ("precision", "recall", "f1"):
        score = getattr(oracle, f"{metric}_score")
        found = estimates(metric, view)
        each = score(y, guess, average=None, labels=range(size))
        assert [found[f"class=c{k}"].value for k in range(size)] == pytest.approx(list(each), abs=1e-12)
        for average in ("macro", "weighted"):
            assert found[f"average={average}"].value == pytest.approx(score(y, guess, average=average), abs=1e-12)
    support = oracle.precision_recall_fscore_support(y, guess, labels=range(size))[3]
    assert [estimates("recall", view)[f"class=c{k}"].n for k in range(size)] == support.tolist()


def test_ranks_and_tables_are_those_of_scikit_learn(sample: tuple[np.ndarray, np.ndarray], rows: ModuleType) -> None:
    y, p = sample
    size, view = p.shape[1], rows.classified(*sample)
    found = estimates("top_k_accuracy", view)
    assert list(found) == [f"k={k}" for k in (2, 3, 5) if k < size]
    for k in (2, 3, 5):
        if k < size:
            expected = oracle.top_k_accuracy_score(y, p, k=k, labels=range(size))
            assert found[f"k={k}"].value == pytest.approx(expected, abs=1e-12)
    table = oracle.confusion_matrix(y, p.argmax(axis=1), normalize="all")
    confused = estimates("confusion", view)
    assert len(confused) == size**2
    for i in range(size):
        for j in range(size):
            assert confused[f"label=c{i},prediction=c{j}"].value == pytest.approx(table[i, j], abs=1e-12)


def test_classes_without_rows_take_no_part_in_an_average(rows: ModuleType) -> None:
    # Class 2 is neither label nor prediction; class 3 is predicted once and no label, class 4 a label never predicted.
    y, guess = np.array([0, 0, 1, 1, 0, 4, 4]), np.array([0, 1, 1, 1, 3, 0, 1])
    view = rows.decided(y, guess, 5)
    for metric in ("precision", "recall", "f1"):
        score = getattr(oracle, f"{metric}_score")
        more = {"labels": range(5), "zero_division": np.nan}
        each = score(y, guess, average=None, **more)
        found = estimates(metric, view)
        assert {f"class=c{k}" for k in range(5) if not np.isnan(each[k])} == {p for p in found if "class" in p}
        for average in ("macro", "weighted"):
            assert found[f"average={average}"].value == pytest.approx(score(y, guess, average=average, **more))
        (row,) = [r for r in attempt(metric, lambda m=metric: metric_named(m).function(view)) if "c2" in r.parameters]
        assert (row.status, row.estimate) == (Status.UNDEFINED, None)


def test_an_undeclared_class_is_never_right_and_no_class_of_its_own(rows: ModuleType) -> None:
    rng = np.random.default_rng(5)
    y, p = drawn(rng, 500, 3)
    guess = p.argmax(axis=1)
    y[:60], guess[40:90] = 3, 3
    view = rows.classified(y, p, guess)
    # An undeclared label and an undeclared prediction are two classes: which ones, nobody knows.
    other = np.where(guess == 3, 4, guess)
    assert value("accuracy", view) == pytest.approx(oracle.accuracy_score(y, other))
    assert value("cohen_kappa", view) == pytest.approx(oracle.cohen_kappa_score(y, other))
    assert value("matthews_correlation", view) == pytest.approx(oracle.matthews_corrcoef(y, other))
    for metric in ("precision", "recall", "f1"):
        for average in ("macro", "weighted"):
            expected = getattr(oracle, f"{metric}_score")(y, other, average=average, labels=range(3))
            assert value(metric, view, f"average={average}") == pytest.approx(expected)
        assert f"class={3}" not in estimates(metric, view)
    assert value("label_rate", view, "class=undeclared") == pytest.approx(60 / 500)
    assert value("prediction_rate", view, "class=undeclared") == pytest.approx(50 / 500)
    assert value("confusion", view, "label=undeclared,prediction=undeclared") == pytest.approx(20 / 500)
    loss = -np.log(np.where(y == 3, 1e-15, np.column_stack([p, p[:, 0]])[np.arange(500), y])).mean()
    assert value("log_loss", view) == pytest.approx(loss)


def test_distributions_are_shares_of_rows_and_the_surplus_their_difference(rows: ModuleType) -> None:
    # Labels: 3 a, 2 b, 0 c. Predictions: 1 a, 2 b, 2 c.
    view = rows.decided([0, 0, 0, 1, 1], [0, 1, 2, 1, 2], 3)
    assert [value("label_rate", view, f"class=c{k}") for k in range(3)] == pytest.approx([0.6, 0.4, 0])
    assert [value("prediction_rate", view, f"class=c{k}") for k in range(3)] == pytest.approx([0.2, 0.4, 0.4])
    assert [value("prediction_surplus", view, f"class=c{k}") for k in range(3)] == pytest.approx([-0.4, 0, 0.4])
    # Two of five rows would have to be predicted otherwise.
    assert value("total_variation", view) == pytest.approx(0.4)


def test_the_distance_of_predicted_and_realised_shares_knows_what_chance_alone_would_make_of_it(
    rows: ModuleType,
) -> None:
    rng = np.random.default_rng(6)
    y, p = drawn(rng, 600, 4)
    balanced, lost = (estimates("total_variation", rows.decided(y, g, 4))[""] for g in (p.argmax(axis=1), y * (y < 3)))
    assert balanced.value == pytest.approx(balanced.noise, abs=0.03)
    assert (balanced.p_value or 0) > 0.02
    assert lost.value == pytest.approx((y == 3).mean())
    assert (lost.p_value or 1) <= 0.001
    # Every second error is one's other: neither is seen.
    swapped = np.where(np.arange(600) % 2, y, 1 - y) * (y < 2) + y * (y >= 2)
    exchanged = value("total_variation", rows.decided(np.r_[y, swapped], np.r_[swapped, y], 4))
    assert exchanged == pytest.approx(0, abs=1e-12)


def test_skill_is_against_scikit_learns_dummy(sample: tuple[np.ndarray, np.ndarray], rows: ModuleType) -> None:
    y, p = sample
    view, size, blind = rows.classified(*sample), p.shape[1], np.zeros((len(y), 1))
    prior = DummyClassifier(strategy="prior").fit(blind, y).predict_proba(blind)
    most = DummyClassifier(strategy="most_frequent").fit(blind, y).predict(blind)
    losses = {"brier_skill": oracle.brier_score_loss, "log_loss_skill": oracle.log_loss}
    for metric, loss in losses.items():
        expected = 1 - loss(y, p, labels=range(size)) / loss(y, prior, labels=range(size))
        assert value(metric, view) == pytest.approx(expected, abs=1e-12)
    gained = oracle.accuracy_score(y, p.argmax(axis=1)) - oracle.accuracy_score(y, most)
    assert value("accuracy_over_majority", view) == pytest.approx(gained, abs=1e-12)


def test_skill_counts_undeclared_labels_as_a_class_that_is_never_given_a_chance(rows: ModuleType) -> None:
    # Half of the labels are undeclared: each costs 1 + Σp², and always saying the shares costs 1 - Σ share².
    view = rows.classified([0, 1, 3, 3], [[0.8, 0.1, 0.1]] * 4)
    ours = (0.2**2 + 2 * 0.1**2) + (0.8**2 + 0.9**2 + 0.1**2) + 2 * (1 + 0.66)
    assert value("brier_skill", view) == pytest.approx(1 - ours / 4 / (1 - 2 * 0.25**2 - 0.5**2))
    # Of the majority only a declared class can be said.
    assert value("accuracy_over_majority", view) == pytest.approx(1 / 4 - 1 / 4)


def test_a_gain_over_another_models_classes_leaves_out_rows_without_one(rows: ModuleType) -> None:
    # Rows: both right, the model alone, the baseline alone, neither (an undeclared label), no baseline.
    view = rows.decided([0, 1, 2, 3, 0], [0, 1, 0, 3, 1], 3, [0, 0, 2, 3, -1])
    found = estimates("accuracy_gain", view)[""]
    assert (found.value, found.n) == (0, 4)
    assert found.low == pytest.approx(-found.high)


def test_which_classes_come_is_part_of_the_uncertainty_of_a_weighted_average(rows: ModuleType) -> None:
    # One class is always found, the other never: the average is the share of the first, and as sure as that.
    view = rows.decided([0] * 500 + [1] * 500, [0] * 500 + [2] * 500, 3)
    found = estimates("f1", view)["average=weighted"]
    low, high = interval.share(500, 1000)
    assert found.value == pytest.approx(0.5)
    assert found.high - found.low > 0.95 * (high - low)


def test_the_calibration_error_is_the_gap_between_confidence_and_being_right(rows: ModuleType) -> None:
    # Four rows sure to 0.9 of which three are right, four sure to 0.4 of which one is: gaps of 0.15, half each.
    p = [[0.9, 0.05, 0.05]] * 4 + [[0.3, 0.4, 0.3]] * 4
    view = rows.classified([0, 0, 0, 1, 1, 0, 2, 2], p)
    assert value("expected_calibration_error", view) == pytest.approx(0.15)
    y, p = drawn(np.random.default_rng(6), 4000, 4)
    assert metric_named("expected_calibration_error").function(rows.classified(y, p)).p_value > 0.01
    sure = p**2 / (p**2).sum(axis=1, keepdims=True)
    assert metric_named("expected_calibration_error").function(rows.classified(y, sure)).p_value <= 0.001


def test_without_scores_decisions_are_judged_and_nothing_else(rows: ModuleType) -> None:
    y, p = drawn(np.random.default_rng(7), 300, 4)
    other = (y + np.arange(300) % 2) % 4
    scored, decided = rows.classified(y, p, None, other), rows.decided(y, p.argmax(axis=1), 4, other)
    for metric in ALL:
        if metric.name in OF_SCORES:
            with pytest.raises(Undefined, match="declare a column of role score for every class"):
                metric.function(decided)
        else:
            assert estimates(metric, decided) == estimates(metric, scored)


def test_a_table_of_too_many_classes_is_not_kept(rows: ModuleType) -> None:
    y = np.arange(21)
    with pytest.raises(Undefined, match="21 classes"):
        metric_named("confusion").function(rows.decided(y, y, 21))
    assert value("recall", rows.decided(y, y, 21), "average=macro") == 1


def test_one_class_leaves_agreement_beyond_chance_undefined(rows: ModuleType) -> None:
    view = rows.decided([1] * 9, [1] * 9, 3)
    for metric in ("cohen_kappa", "matthews_correlation", "balanced_accuracy"):
        with pytest.raises(Undefined):
            metric_named(metric).function(view)
    with pytest.raises(Undefined, match="no declared class"):
        metric_named("recall").function(rows.decided([3] * 4, [0] * 4, 3))


def nasty(rows: ModuleType) -> list[LabelledView]:
    """From pleasant to nasty."""
    rng = np.random.default_rng(8)
    y, p = drawn(rng, 300, 5)
    sharp = np.eye(5)[rng.integers(0, 5, 300)]
    found = [rows.classified(y[:n], p[:n]) for n in (300, 1, 2, 7)]
    found += [rows.classified(y, sharp), rows.classified(p.argmax(axis=1), p), rows.classified(y * 0 + 5, p)]
    found += [rows.classified(y, p, (y + 1) % 6), rows.classified(y * 0, p * 0 + 0.2)]
    found += [rows.classified(y[:n], p[:n], None, np.arange(n) % 7 - 1) for n in (300, 1, 2)]
    return [*found, rows.decided([0], [5], 5), rows.decided([5], [5], 5), rows.decided([0, 1, 2], [1, 2, 0], 3)]


@pytest.mark.parametrize("metric", ALL, ids=name)
def test_every_number_is_finite_within_range_and_not_of_numpy(metric: Metric, rows: ModuleType) -> None:
    some = False
    for view in nasty(rows):
        for found in attempt(metric.name, lambda view=view: metric.function(view)):
            assert found.status is not Status.FAILED, found
        for e in estimates(metric, view).values():
            some = True
            assert metric.range[0] <= e.value <= metric.range[1]
            assert type(e.n) is int
            assert all(x is None or (type(x) is float and math.isfinite(x)) for x in (e.value, e.low, e.high, e.noise))
            if e.low is not None and e.high is not None:
                assert metric.range[0] <= e.low <= e.value + 1e-9
                assert e.value - 1e-9 <= e.high <= metric.range[1]
    assert some


@pytest.mark.parametrize("metric", ALL, ids=name)
def test_without_labels_there_are_too_few(metric: Metric, rows: ModuleType) -> None:
    with pytest.raises(TooFew, match="0 rows with a label"):
        metric.function(rows.decided([], [], 3))


@pytest.mark.parametrize("metric", ALL, ids=name)
@settings(deadline=None, max_examples=25)
@given(a=labels_and_predictions, b=labels_and_predictions, seed=st.integers(0, 99))
def test_metrics_of_added_ledgers_are_those_of_all_rows(
    metric: Metric, rows: ModuleType, a: list[tuple[int, int]], b: list[tuple[int, int]], seed: int
) -> None:
    def view(pairs: list[tuple[int, int]], p: np.ndarray) -> LabelledView:
        return rows.classified(*(np.array(x) for x in zip(*pairs, strict=True)), p)

    def classified(pairs: list[tuple[int, int]], p: np.ndarray) -> LabelledView:
        label, guess = (np.array(x) for x in zip(*pairs, strict=True))
        made: LabelledView = rows.classified(label, p, guess, guess - 1)
        return made

    p = drawn(np.random.default_rng(seed), len(a) + len(b), 3)[1]
    parts = [classified(a, p[: len(a)]), classified(b, p[len(a) :])]
    whole = classified(a + b, p)
    taken = replace(parts[1], count=-parts[1].count, sums={k: -v for k, v in parts[1].sums.items()}, predictions=0)
    for one, other in ((rows.merged(parts), whole), (rows.merged([whole, taken]), parts[0])):
        mine, theirs = estimates(metric, one), estimates(metric, other)
        assert mine.keys() == theirs.keys()
        for parameters, e in mine.items():
            assert e.n == theirs[parameters].n
            for part in ("value", "low", "high"):
                expected = getattr(theirs[parameters], part)
                assert getattr(e, part) == (expected and pytest.approx(expected, rel=1e-6, abs=1e-6)), part


@pytest.mark.parametrize("metric", ALL, ids=name)
def test_other_names_and_another_order_of_classes_change_nothing(metric: Metric, rows: ModuleType) -> None:
    y, p = drawn(np.random.default_rng(9), 400, 4)
    order = np.array([2, 0, 3, 1])
    place = np.argsort(order)
    plain, turned = rows.classified(y, p), rows.classified(place[y], p[:, order])
    turned = replace(turned, task=Task(TaskKind.MULTICLASS, classes=tuple(f"c{k}" for k in order)))
    mine, theirs = estimates(metric, plain), estimates(metric, turned)
    assert mine.keys() == theirs.keys()
    for parameters, e in mine.items():
        assert theirs[parameters].n == e.n
        for part in ("value", "low", "high"):
            expected = getattr(e, part)
            assert getattr(theirs[parameters], part) == (expected and pytest.approx(expected, rel=1e-9, abs=1e-12))


@pytest.mark.parametrize("metric", ALL, ids=name)
def test_more_rows_make_intervals_narrower(metric: Metric, rows: ModuleType) -> None:
    y, p = drawn(np.random.default_rng(10), 4000, 4)
    few, many = (estimates(metric, rows.classified(y[:n], p[:n])) for n in (200, 4000))
    for parameters, e in many.items():
        if e.low is not None and e.high is not None and "undeclared" not in parameters:
            before = few[parameters]
            assert e.high - e.low < (before.high - before.low) / 2, parameters
