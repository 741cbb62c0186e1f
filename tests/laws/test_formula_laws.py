"""A metric's formula, which is evaluated on expected and drawn labels, is the metric: on known labels they agree."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_ml_monitor.errors import NoValue
from airflow_ml_monitor.metrics.metric import Metric, Subject, metric_named, metrics
from airflow_ml_monitor.metrics.names import AT_THRESHOLD
from airflow_ml_monitor.profile.labelled_view import LabelledView, ScoredCells
from airflow_ml_monitor.profile.task import TaskKind

BINARY = [m for m in metrics().values() if m.subject is Subject.LABELLED and TaskKind.BINARY in m.tasks]
FORMULAS = [m for m in BINARY if m.formula]
WITHOUT = {
    "calibration_curve": "a value a tenth of the score",
    "lift": "a value a share looked at",
    "profit": "of a payoff: tests/metrics/test_profit.py",
    **dict.fromkeys(("accuracy_gain", "brier_gain", "log_loss_gain"), "of another model's predictions besides"),
}
"""Binary metrics without a formula, and why: one formula is one value, of the model's scores and the labels alone."""
LOSSES = {"log_loss", "brier", "log_loss_skill", "brier_skill"}
"""Their values have exact sums; the formula sees the cells' mean scores, as expected labels have nothing else."""
DRAWS = 5
scores = st.lists(st.tuples(st.integers(0, 1), st.floats(0, 1)), min_size=1, max_size=60)


def name(metric: Metric) -> str:
    return metric.name


def of(metric: Metric, cells: ScoredCells) -> Any:
    assert metric.formula
    return metric.formula(cells)


def test_every_binary_metric_of_one_value_has_a_formula() -> None:
    without = {m.name for m in BINARY if not m.formula and not m.name.endswith(AT_THRESHOLD)}
    assert without <= WITHOUT.keys(), "give the newcomer a formula, or the reason to WITHOUT"
    assert not WITHOUT.keys() & {m.name for m in FORMULAS}


def loss_bounds(rows: ModuleType, metric: str, view: LabelledView) -> tuple[float, float]:
    """The least and the largest mean loss that rows of these labels could have in these buckets."""
    edges = np.concatenate([rows.SCORE_EDGES, 1 - rows.SCORE_EDGES[-2::-1]])
    low, high = edges[view.bucket], edges[view.bucket + 1]
    near, far = (np.where(view.label == 1, a, 1 - b) for a, b in ((high, low), (low, high)))
    loss, is_skill, _ = metric.partition("_skill")
    if loss == "brier":
        least, largest = (1 - near) ** 2, (1 - far) ** 2
    else:
        # A score of 1 is clipped to the double nearest to 1 - 1e-15.
        least, largest = (-np.log(np.clip(chance, 1 - (1 - 1e-15), 1)) for chance in (near, far))
    low, high = float(least @ view.count / view.n), float(largest @ view.count / view.n)
    if not is_skill:
        return low, high
    rate = float(view.label @ view.count / view.n)
    alone = rate * (1 - rate) if loss == "brier" else -(rate * np.log(rate) + (1 - rate) * np.log(1 - rate))
    return 1 - high / alone, 1 - low / alone


@pytest.mark.parametrize("metric", FORMULAS, ids=name)
@settings(deadline=None, max_examples=60)
@given(drawn=scores, threshold=st.sampled_from([0.0, 0.1, 0.5, 0.9]))
def test_the_formula_of_known_labels_is_the_metric(
    metric: Metric, rows: ModuleType, drawn: list[tuple[int, float]], threshold: float
) -> None:
    view = rows.labelled(*zip(*drawn, strict=True), threshold)
    found = of(metric, view.scored)
    assert np.shape(found) == ()
    try:
        value = metric.function(view).value
    except NoValue:
        assert np.isnan(found)
        return
    if metric.name in LOSSES:
        low, high = loss_bounds(rows, metric.name, view)
        assert low - 1e-9 <= found <= high + 1e-9
        assert low - 1e-9 <= value <= high + 1e-9
    else:
        assert found == pytest.approx(value, abs=1e-12)


def test_losses_of_mean_scores_are_near_those_of_all_rows(rows: ModuleType) -> None:
    rng = np.random.default_rng(31)
    score = rng.beta(0.3, 3, 20_000)
    view = rows.labelled(rng.random(20_000) < score, score)
    for loss in sorted(LOSSES):
        metric = metric_named(loss)
        assert of(metric, view.scored) == pytest.approx(metric.function(view).value, abs=1e-5)


def redrawn(cells: ScoredCells, seed: int) -> ScoredCells:
    """Labels drawn anew: rows that wander between cells, cells without any, a draw of one class, one of no row."""
    rng = np.random.default_rng(seed)
    shape = (DRAWS, len(cells.bucket))
    positives, negatives = rng.poisson(cells.positives, shape), rng.poisson(cells.negatives, shape) + rng.random(shape)
    positives[1] = 0
    negatives[2] = 0
    positives[3] = negatives[3] = 0
    return replace(cells, positives=positives.astype(float), negatives=negatives.astype(float))


@pytest.mark.parametrize("metric", FORMULAS, ids=name)
@settings(deadline=None, max_examples=25)
@given(drawn=scores, seed=st.integers(0, 1000))
def test_many_draws_at_once_are_each_draw_by_itself(
    metric: Metric, rows: ModuleType, drawn: list[tuple[int, float]], seed: int
) -> None:
    many = redrawn(rows.labelled(*zip(*drawn, strict=True)).scored, seed)
    found = of(metric, many)
    assert found.shape == (DRAWS,)
    for i in range(DRAWS):
        one = replace(many, positives=many.positives[i], negatives=many.negatives[i])
        np.testing.assert_allclose(found[i], of(metric, one), rtol=1e-9, atol=1e-12)
    assert np.isnan(found[3])


@pytest.mark.parametrize("metric", FORMULAS, ids=name)
@settings(deadline=None, max_examples=25)
@given(drawn=scores, seed=st.integers(0, 1000), times=st.sampled_from([2.0, 0.5, 1e-3]))
def test_every_row_many_times_changes_no_formula(
    metric: Metric, rows: ModuleType, drawn: list[tuple[int, float]], seed: int, times: float
) -> None:
    cells = rows.labelled(*zip(*drawn, strict=True)).scored
    for one in (cells, redrawn(cells, seed)):
        scaled = replace(one, positives=times * one.positives, negatives=times * one.negatives)
        np.testing.assert_allclose(of(metric, scaled), of(metric, one), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("metric", FORMULAS, ids=name)
def test_a_cell_without_rows_changes_no_formula(metric: Metric, rows: ModuleType) -> None:
    rng = np.random.default_rng(8)
    score = rng.random(200)
    cells = rows.labelled(rng.random(200) < score, score).scored
    empty = (
        ScoredCells(*(np.array([x]) for x in empty)) for empty in ((-1, 0, 0.0, 0.0, 0.0), (4096, 1, 1.0, 0.0, 0.0))
    )
    first, last = empty
    parts = ("bucket", "prediction", "score", "positives", "negatives")
    wider = ScoredCells(*(np.concatenate([getattr(c, part) for c in (first, cells, last)]) for part in parts))
    assert of(metric, wider) == pytest.approx(of(metric, cells), abs=1e-12)
