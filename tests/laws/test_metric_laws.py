"""Laws that hold for every metric that is discovered, and the lists that a newcomer must enter."""

from __future__ import annotations

import math
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_ml_monitor.errors import NoValue, TooFew
from airflow_ml_monitor.measurement import Estimate, Family, Status, attempt
from airflow_ml_monitor.metrics.metric import Metric, Subject, metrics
from airflow_ml_monitor.metrics.names import Need, need_of
from airflow_ml_monitor.profile.cells import Cells
from airflow_ml_monitor.profile.dataset import Kind
from airflow_ml_monitor.profile.ellipsoid import Ellipsoid
from airflow_ml_monitor.profile.layout import SLICE_SCORE_JOIN
from airflow_ml_monitor.profile.payoff import Payoff, Worth
from airflow_ml_monitor.profile.score_view import ScoreView
from airflow_ml_monitor.profile.task import Task, TaskKind
from airflow_ml_monitor.profile.views import ColumnView, PairView

# What named faults must bear: tests/metrics/fault.
ALL = [metric for metric in metrics().values() if metric.family is not Family.FAULT]
PAIRS = [metric for metric in ALL if metric.subject is Subject.PAIR]
BINARY = [metric for metric in ALL if metric.subject is Subject.LABELLED and TaskKind.BINARY in metric.tasks]
LABEL_PAIRS = [metric for metric in ALL if metric.subject is Subject.LABELLED_PAIR]
numbers = st.lists(st.floats(-1e6, 1e6, allow_subnormal=False), min_size=1, max_size=60)
probabilities = st.lists(st.tuples(st.integers(0, 1), st.floats(0, 1)), min_size=1, max_size=60)


def name(metric: Metric) -> str:
    return metric.name


def estimates(metric: Metric, view: Any) -> dict[str, Estimate]:
    """Every estimate, or none where the metric has no value here; of several NaN is none, and stored as undefined."""
    try:
        found = metric.function(view)
    except NoValue:
        return {}
    if isinstance(found, Estimate):
        return {"": found}
    return {key: estimate for key, estimate in found.items() if not math.isnan(estimate.value)}


def views(metric: Metric, rows: ModuleType) -> list[Any]:
    """Inputs from pleasant to nasty, that fit the metric."""
    rng = np.random.default_rng(1)
    if metric.subject is Subject.DATASET:
        return [
            rows.data(0),
            rows.data(1, newest=rows.DAY.start),
            rows.data(9, duplicates=3, versions={"1": 4, "2": 5}),
        ]
    if metric.subject is Subject.DATASET_PAIR:
        of_reference = dict.fromkeys(range(20), 60)
        windows = ({3: 1}, {19: 5, 2: 800}, {2047: 9}, of_reference, {1: 10**9})
        found = [rows.outlying(of_reference, now, Ellipsoid(("x", "y"), 1_200)) for now in windows]
        x = rng.normal(size=(3, 400)) + rng.normal(size=400)
        holes, gone = np.where(rng.random(x.shape) < 0.3, np.nan, x), np.where([[True], [False], [False]], np.nan, x)
        nasty = [
            x,
            holes,
            gone,
            x[:, :60],
            x[:, :49],
            x[:, :1],
            x[:, :0],
            x[[0, 0, 0]],
            x[[0, 0, 1]] * [[1], [-1], [0]],
        ]
        nasty += [np.full_like(x, 3.0), (rng.random(x.shape) < 0.02).astype(float), np.sinh(5 * x)]
        if need_of(metric.name) is Need.SAMPLE:
            few = [side[:, :70] for side in nasty]
            return [
                *found,
                *(rows.sampled(few[0], side) for side in few),
                *(rows.sampled(side, few[0]) for side in few),
            ]
        return found + [rows.together(a, b) for a in nasty if a.shape[1] for b in nasty]
    if metric.subject is Subject.LABELLED:
        if TaskKind.REGRESSION in metric.tasks:
            e = rng.normal(0, 1, 300)
            y = rng.lognormal(2, 1, 300)
            pairs = [(np.zeros(len(x)), x) for x in (e, e[:1], e[:2], e[:0], [0.0] * 5, [1e9, -1e9, 3.0])]
            pairs += [(y[:n], y[:n] + e[:n]) for n in (300, 1, 2, 3, 4, 9)]
            pairs += [(y, 2 * y), (y, -y), (y, y), (y, y * 0 + 5), (y * 0 + 5, y), (y + 1e9, y + 1e9 + e)]
            pairs += [([0, 0, 2, -3], [0, 1, 2, -2]), ([1e-90, 1e-80, 1], [1, 1, 1]), (y - y.mean(), y * 1e-6)]
            others = [np.full(len(y), np.mean([0.0, *y])) for y, _ in pairs]
            some = [np.where(np.arange(len(other)) % 3, other, np.nan) for other in others]
            # The last baseline makes no error.
            given = zip([*pairs, *pairs, pairs[0]], [*others, *some, pairs[0][0]], strict=True)
            return [rows.regressed(*pair, other, naive_error=2.0) for pair, other in given]
        if metric.tasks == (TaskKind.MULTILABEL,):
            # What else sets of labels must bear: tests/metrics/test_multilabel.py.
            chances = rng.beta(0.5, 1, (300, 4))
            return [rows.tagged(rng.random((n, 4)) < chances[:n], chances[:n]) for n in (300, 30, 1)]
        if TaskKind.RANKING in metric.tasks:
            lists = [(rng.random(rng.integers(1, 15)) < 0.2) * rng.integers(1, 4) for _ in range(300)]
            same = [[[1, 0]] * 30, [[0, 2]] * 30, [[0, 0]] * 30, [[0, 1]], [[-1]], [[1e9, 1e-9]] * 12]
            return [rows.ranked(part) for part in (lists, lists[:7], lists[:1], *same)]
        if TaskKind.BINARY not in metric.tasks:
            # What else several classes must bear: tests/metrics/test_multiclass.py.
            chances = rng.dirichlet(np.ones(4), 300)
            return [rows.classified(rng.integers(0, 5, n), chances[:n]) for n in (300, 30, 1)]
        score = rng.random(300)
        label = (rng.random(300) < score).astype(int)
        pairs = [(label, score), (label[:1], score[:1]), ([0] * 5, score[:5]), ([1] * 5, score[:5]), ([], [])]
        pairs += [([0, 1, 0, 1], [0.0, 1.0, 0.0, 1.0]), ([1, 0], [0.0, 1.0]), ([0, 1] * 9, [0.5] * 18)]
        declared = {"thresholds": (0.2, 0.5), "payoff": Payoff(Worth(-5, 1), Worth(-3), Worth(0, -1))}
        others = [np.resize([0.0, 0.3, np.nan, 1.0], len(pair[0])) for pair in pairs]
        return [
            rows.labelled(*pair, amount=rng.lognormal(2, 1, len(pair[0])), baseline=other, **declared)
            for pair, other in zip(pairs, others, strict=True)
        ]
    if metric.subject is Subject.LABELLED_PAIR:
        drawn = [
            rows.labelled(rng.random(n) < share, rng.random(n)) for n, share in ((900, 0.3), (40, 0.9), (1, 0), (0, 0))
        ]
        several = [rows.decided(rng.integers(0, size, n), np.zeros(n), 3) for n, size in ((900, 4), (7, 2), (0, 1))]
        return [rows.label_pair(a, b) for views in (drawn, several) for a in views for b in views]
    if metric.subject is Subject.LABELLED_FEATURES:
        x = rng.normal(size=(3, 400)) + rng.normal(size=400)
        sides = [x, np.where(rng.random(x.shape) < 0.3, np.nan, x), np.full_like(x, np.nan), x * 0, x * 1e9, x[:, :60]]
        sides += [x[:, :49], x[:, :0], (rng.random(x.shape) < 0.02).astype(float)]
        found = []
        for kind, classes in ((TaskKind.BINARY, ()), (TaskKind.REGRESSION, ()), (TaskKind.MULTICLASS, ("a", "b", "c"))):
            label = x[0] if kind is TaskKind.REGRESSION else (x[0] > 0) + (x[1] > 1) * bool(classes)
            found.append([rows.featured(label[: side.shape[1]], side, kind, classes) for side in sides])
        return [rows.label_pair(a, b) for views in found for a in views for b in views]
    if metric.subject is Subject.SCORE_COLUMN:
        p = np.concatenate([rng.beta(0.3, 3, 300), [0.0, 0.0, 1.0]])
        sides = [p, p[:1], p[:0], [0.0, 1.0] * 5, [0.5], [math.nan, -3.0, 0.2, 7.0, math.inf], [5.0, 6.0], [1e100, 0.1]]
        cuts = [rows.grid(p), rows.grid(p, 64), rows.few(0.0, 0.5, 1.0)]
        task = Task(TaskKind.BINARY, threshold=0.2, thresholds=(0.01, 0.96))
        return [rows.scores(side, task, cut, nulls) for side in sides for cut in cuts for nulls in (0, 4)]
    x = np.concatenate([rng.lognormal(0, 1, 200), [np.nan, np.inf, -np.inf, 1e12, -1e100]])
    sides = [x, x[:1], x[:0], x[200:203], np.full(7, 3.0), rng.normal(5, 1, 400)]
    cuts = [rows.grid(rng.normal(0, 1, 50)), rows.few(0.0, 1.0), rows.few(1.0, 2.0, 3.0)]
    flags = (rng.random(50) < 0.1).astype(float)
    found = [(side, cut) for side in [*sides, flags] for cut in cuts if Kind.NUMERIC in metric.kinds]
    if Kind.CATEGORICAL in metric.kinds:
        found += [(side, rows.named("a", "b")) for side in (["a", "b", "z"] * 5, ["z"], [])]
    if metric.subject is Subject.COLUMN:
        return [rows.column(side, cut, nulls) for side, cut in found for nulls in (0, 4)]
    return [rows.pair(a, b, cut) for a, cut in found for b, other in found if cut == other]


@pytest.mark.parametrize("metric", ALL, ids=name)
def test_every_number_is_finite_within_range_and_not_of_numpy(metric: Metric, rows: ModuleType) -> None:
    some = False
    for view in views(metric, rows):
        for found in estimates(metric, view).values():
            if math.isnan(found.value) and found.n == 0:
                continue  # one of several has no value here
            some = True
            assert metric.range[0] <= found.value <= metric.range[1], found
            assert type(found.n) is int
            for number in (found.value, found.low, found.high, found.p_value, found.noise):
                assert number is None or (type(number) is float and math.isfinite(number)), found
            assert (found.low is None) == (found.high is None)
            if found.low is not None and found.high is not None:
                # A mean from sums and a limit from cells round apart.
                slack = 1e-9 * max(1.0, abs(found.value))
                assert metric.range[0] <= found.low <= found.value + slack
                assert found.value - slack <= found.high <= metric.range[1]
    assert some


@pytest.mark.parametrize("metric", ALL, ids=name)
def test_no_input_makes_a_metric_fail(metric: Metric, rows: ModuleType) -> None:
    for view in views(metric, rows):
        for found in attempt(metric.name, lambda view=view: metric.function(view)):
            assert found.status is not Status.FAILED, found


@pytest.mark.parametrize("metric", ALL, ids=name)
def test_docstrings_say_what_range_and_when_undefined(metric: Metric) -> None:
    text = metric.function.__doc__ or ""
    assert metric.summary.endswith(".")
    assert any(word in text for word in ("In [0, 1]", "At least 0", "unit")), "no range"
    assert metric.name == "row_count" or "TooFew" in text
    module = __import__(metric.function.__module__, fromlist=["_"])
    assert (module.__file__ or "").endswith(f"/{metric.name}.py")


def without_rows(tasks: tuple[TaskKind, ...], rows: ModuleType) -> Any:
    """A ledger without rows, of a task that a metric is for."""
    made = {
        TaskKind.REGRESSION: lambda: rows.regressed([], []),
        TaskKind.BINARY: lambda: rows.labelled([], []),
        TaskKind.RANKING: lambda: rows.ranked([]),
        TaskKind.MULTICLASS: lambda: rows.decided([], [], 3),
        TaskKind.MULTILABEL: lambda: rows.tagged(np.zeros((0, 4)), np.zeros((0, 4))),
    }
    return next(make() for task, make in made.items() if task in tasks)


@pytest.mark.parametrize("metric", [m for m in ALL if m.subject is not Subject.DATASET], ids=name)
def test_an_empty_window_is_too_few_and_no_number(metric: Metric, rows: ModuleType) -> None:
    empty = {
        Subject.COLUMN: lambda: rows.column([], rows.few(1.0, 2.0)),
        Subject.DATASET_PAIR: lambda: rows.outlying({1: 1_200}, {}, Ellipsoid(("x", "y"), 1_200)),
        Subject.PAIR: lambda: rows.pair([1.0, 2.0, 2.0], [], rows.few(1.0, 2.0)),
        Subject.LABELLED: lambda: without_rows(metric.tasks, rows),
        Subject.LABELLED_PAIR: lambda: rows.label_pair(rows.labelled([1, 0], [0.3, 0.4]), rows.labelled([], [])),
        Subject.LABELLED_FEATURES: lambda: rows.label_pair(
            rows.featured([0, 1] * 50, [[0.0, 1.0] * 50]), rows.featured([], [[]])
        ),
        Subject.SCORE_COLUMN: lambda: rows.scores([], binning=rows.grid([0.1, 0.9]), nulls=3),
    }[metric.subject]()
    with pytest.raises(TooFew):
        metric.function(empty)


@pytest.mark.parametrize("metric", PAIRS, ids=name)
@settings(deadline=None, max_examples=30)
@given(values=numbers)
def test_a_distance_is_zero_at_identity_and_its_p_value_one(
    metric: Metric, rows: ModuleType, values: list[float]
) -> None:
    for found in estimates(metric, rows.pair(values, values)).values():
        assert found.value == pytest.approx(0, abs=1e-9)
        assert found.p_value == pytest.approx(1)


@pytest.mark.parametrize("metric", [m for m in PAIRS if m.symmetric], ids=name)
@settings(deadline=None, max_examples=30)
@given(a=numbers, b=numbers)
def test_declared_symmetry_holds_of_value_and_p_value(
    metric: Metric, rows: ModuleType, a: list[float], b: list[float]
) -> None:
    cut = rows.grid([-1e3, 0, 1e3])
    there, back = estimates(metric, rows.pair(a, b, cut)), estimates(metric, rows.pair(b, a, cut))
    assert there[""].value == pytest.approx(back[""].value, abs=1e-12)
    assert there[""].p_value == pytest.approx(back[""].p_value, abs=1e-9)


@pytest.mark.parametrize("metric", LABEL_PAIRS, ids=name)
@settings(deadline=None, max_examples=30)
@given(a=probabilities, b=probabilities)
def test_a_distance_of_labels_is_zero_at_identity_and_symmetric_where_declared(
    metric: Metric, rows: ModuleType, a: list[tuple[int, float]], b: list[tuple[int, float]]
) -> None:
    one, other = (rows.labelled(*zip(*part, strict=True)) for part in (a, b))
    same = metric.function(rows.label_pair(one, one))
    assert (same.value, same.p_value) == (pytest.approx(0, abs=1e-9), pytest.approx(1))
    there, back = (metric.function(rows.label_pair(*pair)) for pair in ((one, other), (other, one)))
    assert metric.symmetric
    assert there.value == pytest.approx(back.value, abs=1e-12)
    # Redrawn where labels are few, so alike but for a draw.
    assert there.p_value == pytest.approx(back.p_value, abs=0.08)


def test_distances_over_categories_are_symmetric_and_do_not_know_names(rows: ModuleType) -> None:
    a, b = list("aaabbc"), list("abbccccz")
    renamed = str.maketrans("abcz", "cabz")
    cut = rows.named("a", "b", "c")
    for metric in PAIRS:
        if Kind.CATEGORICAL in metric.kinds and metric.range[0] == 0:
            found = metric.function(rows.pair(a, b, cut)).value
            assert found > 0
            assert metric.function(rows.pair(b, a, cut)).value == pytest.approx(found)
            other = rows.pair("".join(a).translate(renamed), "".join(b).translate(renamed), cut)
            assert metric.function(other).value == pytest.approx(found)


def assert_same_cells(one: Cells, other: Cells) -> None:
    np.testing.assert_array_equal(one.bucket, other.bucket)
    np.testing.assert_array_equal(one.count, other.count)
    np.testing.assert_allclose(one.d1, other.d1, rtol=1e-9, atol=1e-6)
    np.testing.assert_allclose(one.d2, other.d2, rtol=1e-9)
    np.testing.assert_array_equal(one.low, other.low)
    np.testing.assert_array_equal(one.high, other.high)


@settings(deadline=None, max_examples=40)
@given(a=numbers, b=numbers)
def test_metrics_of_added_cells_are_those_of_all_rows(rows: ModuleType, a: list[float], b: list[float]) -> None:
    a, b = [*a, math.nan, math.inf], [*b, math.nan]
    cut = rows.grid([-1e3, 0, 1e3])
    added, union = rows.cells(a, cut, 1) + rows.cells(b, cut), rows.cells(a + b, cut, 1)
    assert_same_cells(added, union)
    reference = rows.column([-1e3, 0.0, 5.0, 1e3], cut)
    # Of squares about a centre that lies far away the last digits cancel; their root has half as many.
    grain = 1e-6 + 2e-8 * max(abs(x) for x in a + b if math.isfinite(x))
    one, other = ColumnView(cut, added), ColumnView(cut, union)
    for metric in ALL:
        if metric.subject is Subject.COLUMN:
            assert_same(estimates(metric, one), estimates(metric, other), metric, grain)
        if metric.subject is Subject.SCORE_COLUMN:
            views = (ScoreView(view, Task(TaskKind.BINARY)) for view in (one, other))
            assert_same(*(estimates(metric, view) for view in views), metric)
        if metric.subject is Subject.PAIR:
            pairs = PairView(reference, one), PairView(reference, other)
            assert_same(estimates(metric, pairs[0]), estimates(metric, pairs[1]), metric)


def assert_same(one: dict[str, Estimate], other: dict[str, Estimate], metric: Metric, grain: float = 1e-6) -> None:
    assert one.keys() == other.keys()
    for key, found in one.items():
        assert found.n == other[key].n
        assert found.value == pytest.approx(other[key].value, rel=1e-6, abs=grain), metric.name


@settings(deadline=None, max_examples=40)
@given(a=probabilities, b=probabilities)
def test_metrics_of_added_ledgers_are_those_of_all_rows(
    rows: ModuleType, a: list[tuple[int, float]], b: list[tuple[int, float]]
) -> None:
    parts = (a, b, a + b)
    both = [rows.labelled(*zip(*part, strict=True), baseline=np.full(len(part), 0.3)) for part in parts]
    errors = [rows.regressed(*zip(*part, strict=True), np.full(len(part), 0.3)) for part in parts]
    lists = [rows.ranked([[label, score] for label, score in part]) for part in parts]
    of_task = {TaskKind.BINARY: both, TaskKind.REGRESSION: errors, TaskKind.RANKING: lists}
    for metric in ALL:
        if metric.subject is Subject.LABELLED and of_task.keys() & {*metric.tasks}:
            views = next(views for task, views in of_task.items() if task in metric.tasks)
            added = rows.merged(views[:2])
            assert_same(estimates(metric, added), estimates(metric, views[2]), metric)


RANKED = {
    "roc_auc": 0.001,
    "average_precision": 0.003,
    "expected_calibration_error": 0.004,
    "ks_separation": 0.01,
    "lift": 0.15,
    "calibration_curve": 0.05,
    "calibration_slope": 0.003,
    "calibration_intercept": 0.001,
}
"""By how much a metric that reads single buckets may differ where several are joined; the others not at all."""
BORDERS = 0.05
"""Share of a tenth's rows that wide buckets may put into its neighbour."""


@pytest.mark.parametrize("metric", BINARY, ids=name)
@pytest.mark.parametrize("a", [2.0, 0.05], ids=["usual", "rare"])
def test_a_slice_that_holds_all_rows_measures_what_the_whole_does(metric: Metric, a: float, rows: ModuleType) -> None:
    rng = np.random.default_rng(12)
    score = rng.beta(a, 2, 3000)
    # Wrong now in one direction, now in the other: wide bins would not see it.
    label = rng.random(3000) < np.clip(score + 0.2 * np.sin(40 * score), 0, 1)
    whole = rows.labelled(label, score, baseline=rng.random(3000))
    joined = rows.merged([replace(whole, bucket=whole.bucket // SLICE_SCORE_JOIN)])
    assert len(np.unique(joined.bucket)) <= len(np.unique(whole.bucket)) / 2
    ones, others = estimates(metric, whole), estimates(metric, joined)
    assert ones.keys() == others.keys()
    for parameters, one in ones.items():
        other = others[parameters]
        assert abs(other.n - one.n) <= (BORDERS * one.n + 1 if metric.name == "calibration_curve" else 0)
        for part in ("value", "low", "high", "noise"):
            expected = getattr(one, part)
            within = pytest.approx(expected, abs=RANKED.get(metric.name, 1e-9))
            assert getattr(other, part) == (expected if expected is None else within), (parameters, part)


@pytest.mark.parametrize("metric", ALL, ids=name)
def test_families_match_rooms(metric: Metric) -> None:
    assert f".{metric.family.value}." in metric.function.__module__
    assert metric.family in (Family.QUALITY, Family.DRIFT, Family.PERFORMANCE)
