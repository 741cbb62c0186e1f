"""Metrics of several labels a row: scikit-learn's numbers, and the laws that every metric keeps."""

from __future__ import annotations

import math
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import sklearn.metrics as oracle
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_ml_monitor.errors import NoValue, TooFew, Undefined
from airflow_ml_monitor.measurement import Estimate, Status, attempt
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.metric import Metric, Subject, metric_named, metrics
from airflow_ml_monitor.profile.label_sets import STATES
from airflow_ml_monitor.profile.labelled_view import LabelledView
from airflow_ml_monitor.profile.task import TaskKind

ALL = [m for m in metrics().values() if m.subject is Subject.LABELLED and TaskKind.MULTILABEL in m.tasks]
OF_SCORES = {"roc_auc", "average_precision"}
SHARES = ("precision", "recall", "f1")
AVERAGES = ("macro", "micro", "weighted")
tables = st.lists(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), min_size=3, max_size=3), max_size=12)


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


def drawn(rng: np.random.Generator, n: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """(labels, scores), whose classes hang together and are the rarer the later."""
    seen = rng.normal(size=(n, size)) * 2 + rng.normal(size=(n, 1)) - 0.4 * np.arange(size)
    p = 1 / (1 + np.exp(-seen))
    return (rng.random((n, size)) < p).astype(int), p


@pytest.fixture(params=[2, 7], ids=["2 classes", "7 classes"])
def sample(request: pytest.FixtureRequest) -> tuple[np.ndarray, np.ndarray]:
    return drawn(np.random.default_rng(request.param), 800, request.param)


def test_values_of_the_set_as_a_whole_are_those_of_scikit_learn(
    sample: tuple[np.ndarray, np.ndarray], rows: ModuleType
) -> None:
    y, guess, view = sample[0], (sample[1] >= 0.5).astype(int), rows.tagged(*sample)
    assert ((y | guess).sum(axis=1) == 0).any()
    expected = {
        "accuracy": oracle.accuracy_score(y, guess),
        "hamming_loss": oracle.hamming_loss(y, guess),
        "jaccard": oracle.jaccard_score(y, guess, average="samples", zero_division=1),
    }
    for metric, number in expected.items():
        assert value(metric, view) == pytest.approx(number, abs=1e-12), metric
        assert estimates(metric, view)[""].n == 800


def test_values_of_each_class_and_their_averages_are_those_of_scikit_learn(
    sample: tuple[np.ndarray, np.ndarray], rows: ModuleType
) -> None:
    y, guess, view = sample[0], (sample[1] >= 0.5).astype(int), rows.tagged(*sample)
    for average in (*AVERAGES, None):
        made = oracle.precision_recall_fscore_support(y, guess, average=average)
        for metric, numbers in zip(SHARES, made, strict=False):
            found = estimates(metric, view)
            keys = [f"average={average}"] if average else [f"class=c{k}" for k in range(y.shape[1])]
            assert [found[key].value for key in keys] == pytest.approx(np.atleast_1d(numbers).tolist(), abs=1e-12)
    assert [e.n for e in list(estimates("recall", view).values())[:2]] == made[3].tolist()[:2]
    table = oracle.multilabel_confusion_matrix(y, guess)
    sets = view.sets
    assert sets.right.tolist() == table[:, 1, 1].tolist()
    assert (sets.labels[:-1] - sets.right).tolist() == table[:, 1, 0].tolist()
    assert (sets.predictions[:-1] - sets.right).tolist() == table[:, 0, 1].tolist()


def test_values_of_the_scores_are_those_of_scikit_learn(
    sample: tuple[np.ndarray, np.ndarray], rows: ModuleType
) -> None:
    y, p = sample
    view, last = rows.tagged(y, p), f"class=c{y.shape[1] - 1}"
    # Scores of one bucket count as ties.
    for metric, score in (("roc_auc", oracle.roc_auc_score), ("average_precision", oracle.average_precision_score)):
        assert value(metric, view, "average=macro") == pytest.approx(score(y, p, average="macro"), abs=0.005)
        assert value(metric, view, last) == pytest.approx(score(y[:, -1], p[:, -1]), abs=0.01)


def test_rates_are_shares_of_rows_and_need_not_add_up_to_one(rows: ModuleType) -> None:
    # The fourth class is none that is declared: scores tell of three.
    y = np.array([[1, 1, 0, 0], [1, 0, 0, 1], [0, 0, 0, 0], [1, 1, 0, 1]])
    guess = np.array([[1, 0, 0, 0], [1, 0, 1, 0], [1, 0, 0, 1], [1, 1, 0, 0]])
    view = rows.tagged(y, np.full((4, 3), 0.5), guess)
    classes = [*(f"class=c{k}" for k in range(3)), "class=undeclared"]
    assert [value("label_rate", view, key) for key in classes] == [0.75, 0.5, 0.0, 0.5]
    assert [value("prediction_rate", view, key) for key in classes] == [1.0, 0.25, 0.25, 0.25]
    assert [value("prediction_surplus", view, key) for key in classes[:3]] == [0.25, -0.25, 0.25]
    # Of declared classes one row of four is predicted exactly; of twelve decisions three are wrong.
    assert (value("accuracy", view), value("hamming_loss", view)) == (0.25, 0.25)
    # 1/2, 1/2, 0 and 1.
    assert value("jaccard", view) == 0.5


def test_classes_without_rows_take_no_part_in_an_average(rows: ModuleType) -> None:
    # Class 2 is neither label nor prediction; class 3 is predicted once and no label, class 4 a label never predicted.
    y = np.array([[1, 0, 0, 0, 1], [1, 1, 0, 0, 0], [0, 1, 0, 0, 1], [0, 0, 0, 0, 0]])
    guess = np.array([[1, 0, 0, 1, 0], [0, 1, 0, 0, 0], [1, 1, 0, 0, 0], [0, 0, 0, 0, 0]])
    view = rows.tagged(y, np.full((4, 5), 0.5), guess)
    for metric in SHARES:
        score, more = getattr(oracle, f"{metric}_score"), {"zero_division": np.nan}
        each = score(y, guess, average=None, **more)
        found = estimates(metric, view)
        assert {f"class=c{k}" for k in range(5) if not np.isnan(each[k])} == {p for p in found if "class" in p}
        for average in AVERAGES:
            assert found[f"average={average}"].value == pytest.approx(score(y, guess, average=average, **more))
        (row,) = [r for r in attempt(metric, lambda m=metric: metric_named(m).function(view)) if "c2" in r.parameters]
        assert (row.status, row.estimate) == (Status.UNDEFINED, None)


def test_decisions_that_hang_together_are_no_more_than_their_row(rows: ModuleType) -> None:
    # Ten classes that are right or wrong together tell what one tells; ten that have nothing in common ten times that.
    rng = np.random.default_rng(3)
    y = np.ones((400, 10), int)
    together = np.repeat(rng.random((400, 1)) < 0.7, 10, axis=1).astype(int)
    apart = (rng.random((400, 10)) < 0.7).astype(int)
    score = np.full((400, 10), 0.5)
    low, high = interval.share(int(together[:, 0].sum()), 400)
    for metric, average in (("recall", "micro"), ("recall", "macro"), ("hamming_loss", ""), ("jaccard", "")):
        key = f"average={average}" if average else ""
        one, ten = (estimates(metric, rows.tagged(y, score, guess))[key] for guess in (together, apart))
        assert one.high - one.low == pytest.approx(high - low, rel=0.05), metric
        assert ten.high - ten.low == pytest.approx((high - low) / math.sqrt(10), rel=0.1), metric


def test_without_scores_decisions_are_judged_and_nothing_else(rows: ModuleType) -> None:
    y, p = drawn(np.random.default_rng(7), 300, 4)
    scored = rows.tagged(y, p)
    decided = replace(scored, parts={STATES: scored.parts[STATES]})
    for metric in ALL:
        if metric.name in OF_SCORES:
            with pytest.raises(Undefined, match="declare a column of role score for every class"):
                metric.function(decided)
        else:
            assert estimates(metric, decided) == estimates(metric, scored)


def test_nothing_to_divide_by_is_undefined(rows: ModuleType) -> None:
    view = rows.tagged(np.zeros((9, 3)), np.zeros((9, 3)))
    for metric in (*SHARES, *OF_SCORES):
        with pytest.raises(Undefined):
            metric_named(metric).function(view)
    assert [value(metric, view) for metric in ("accuracy", "jaccard", "hamming_loss")] == [1, 1, 0]


def nasty(rows: ModuleType) -> list[LabelledView]:
    """From pleasant to nasty."""
    rng = np.random.default_rng(8)
    y, p = drawn(rng, 300, 5)
    found = [rows.tagged(y[:n], p[:n]) for n in (300, 1, 2, 7)]
    found += [rows.tagged(p >= 0.5, p), rows.tagged(p < 0.5, p), rows.tagged(y * 0, p), rows.tagged(y * 0 + 1, p)]
    found += [rows.tagged(y, p, y * 0), rows.tagged(y, p * 0), rows.tagged(y, p, np.roll(y, 1, axis=1))]
    found += [rows.tagged([[1, 0]], [[1.0, 0.0]]), rows.tagged([[0, 1]], [[1.0, 0.0]]), rows.tagged([[0, 0]], [[0, 0]])]
    return [*found, rows.tagged([[1, 1, 1]] * 3, np.full((3, 2), 0.5), [[1, 1, 1]] * 3)]


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
        metric.function(rows.tagged(np.zeros((0, 3)), np.zeros((0, 3))))


@pytest.mark.parametrize("metric", ALL, ids=name)
@settings(deadline=None, max_examples=20)
@given(table=tables.filter(bool), seed=st.integers(0, 99))
def test_the_order_of_rows_and_of_classes_changes_nothing(
    metric: Metric, rows: ModuleType, table: list[list[Any]], seed: int
) -> None:
    y, guess = np.moveaxis(np.array(table), 2, 0)
    rng = np.random.default_rng(seed)
    p, turn, order = rng.random(y.shape), rng.permutation(len(y)), rng.permutation(3)
    names = tuple(f"c{k}" for k in order)
    turned = rows.tagged(*(part[turn][:, order] for part in (y, p, guess)), names=names)
    mine, theirs = estimates(metric, rows.tagged(y, p, guess)), estimates(metric, turned)
    assert mine.keys() == theirs.keys()
    for parameters, e in mine.items():
        assert theirs[parameters].n == e.n
        for part in ("value", "low", "high"):
            expected = getattr(e, part)
            assert getattr(theirs[parameters], part) == (expected and pytest.approx(expected, rel=1e-6, abs=1e-9))


@pytest.mark.parametrize("metric", ALL, ids=name)
def test_more_rows_make_intervals_narrower(metric: Metric, rows: ModuleType) -> None:
    y, p = drawn(np.random.default_rng(10), 4000, 4)
    few, many = (estimates(metric, rows.tagged(y[:n], p[:n])) for n in (200, 4000))
    for parameters, e in many.items():
        if e.low is not None and e.high is not None and "undeclared" not in parameters:
            before = few[parameters]
            assert e.high - e.low < (before.high - before.low) / 2, parameters
