"""Forecast metrics: worked by hand, against scikit-learn and the formulas of the papers written out on the rows."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sklearn.metrics as oracle

from airflow_ml_monitor.errors import SpecError, TooFew, Undefined
from airflow_ml_monitor.measurement import Estimate, Status, attempt
from airflow_ml_monitor.metrics.metric import metric_named
from airflow_ml_monitor.profile.error_grid import ERROR_EDGES
from airflow_ml_monitor.profile.task import Task, TaskKind
from airflow_ml_monitor.report.figures.errors import errors_of

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.9)


def measured(metric: str, view: Any) -> dict[str, Estimate]:
    found = metric_named(metric).function(view)
    return {"": found} if isinstance(found, Estimate) else dict(found)


def values(metric: str, view: Any) -> dict[str, float]:
    return {key: estimate.value for key, estimate in measured(metric, view).items()}


@pytest.fixture
def demand() -> pd.DataFrame:
    """Sales and forecasts of 500 days in two shops, somewhat too low and too narrow."""
    rng = np.random.default_rng(41)
    middle = rng.lognormal(3, 0.8, 500)
    found = pd.DataFrame({level: middle * np.exp(0.25 * (level - 0.5) - 0.05) for level in LEVELS})
    return found.assign(y=middle * np.exp(rng.normal(0, 0.3, 500)))


def view_of(rows: ModuleType, demand: pd.DataFrame, **task: Any) -> Any:
    return rows.regressed(demand["y"], demand[0.5], quantiles={level: demand[level] for level in LEVELS}, **task)


def test_the_pinball_loss_is_that_of_scikit_learn(rows: ModuleType, demand: pd.DataFrame) -> None:
    found = values("pinball_loss", view_of(rows, demand))
    expected = {f"level={level}": oracle.mean_pinball_loss(demand["y"], demand[level], alpha=level) for level in LEVELS}
    assert found == pytest.approx({**expected, "level=mean": np.mean(list(expected.values()))})
    # Of the median it is half the mean absolute error.
    assert found["level=0.5"] == pytest.approx(oracle.mean_absolute_error(demand["y"], demand[0.5]) / 2)


def test_coverage_width_and_score_are_the_formulas_on_the_rows(rows: ModuleType, demand: pd.DataFrame) -> None:
    view = view_of(rows, demand)
    y = demand["y"]
    inside = {(a, b): y.between(demand[a], demand[b]) for a, b in ((0.05, 0.9), (0.25, 0.75))}
    named = {pair: f"levels={pair[0]}-{pair[1]}" for pair in inside}
    assert values("interval_coverage", view) == {named[p]: pytest.approx(x.mean()) for p, x in inside.items()}
    gaps = {named[p]: pytest.approx(x.mean() - (p[1] - p[0])) for p, x in inside.items()}
    assert values("interval_coverage_gap", view) == gaps
    widths = {named[a, b]: pytest.approx((demand[b] - demand[a]).mean()) for a, b in inside}
    assert values("interval_width", view) == widths
    # Gneiting and Raftery 2007, equation 43, with alpha = 0.5; written with indicators.
    low, high = demand[0.25], demand[0.75]
    score = (high - low) + 4 * (low - y) * (y < low) + 4 * (y - high) * (y > high)
    assert values("interval_score", view)["levels=0.25-0.75"] == pytest.approx(score.mean())
    # Of unequal tails it is the two pinball losses, each over the share of its tail.
    losses = values("pinball_loss", view)
    pair = losses["level=0.05"] / 0.05 + losses["level=0.9"] / (1 - 0.9)
    assert values("interval_score", view)["levels=0.05-0.9"] == pytest.approx(pair)
    below = {f"level={level}": pytest.approx((y <= demand[level]).mean()) for level in LEVELS}
    assert values("quantile_coverage", view) == below


def test_a_forecast_is_worked_by_hand(rows: ModuleType) -> None:
    # Labels 4, 10 and 25 against [5, 20]: one below by 1, one inside, one above by 5.
    view = rows.regressed([4, 10, 25], [10, 10, 10], quantiles={0.1: [5, 5, 5], 0.9: [20, 20, 20]})
    # 0.9 * 1, 0.1 * 5, 0.1 * 20 of the lower level; 0.1 * 16, 0.1 * 10, 0.9 * 5 of the higher.
    expected = {"level=0.1": 3.4 / 3, "level=0.9": 7.1 / 3, "level=mean": 5.25 / 3}
    assert values("pinball_loss", view) == pytest.approx(expected)
    assert values("interval_score", view) == pytest.approx({"levels=0.1-0.9": 15 + (10 + 50) / 3})
    assert values("interval_coverage", view) == pytest.approx({"levels=0.1-0.9": 1 / 3})
    assert values("interval_coverage_gap", view) == pytest.approx({"levels=0.1-0.9": 1 / 3 - 0.8})
    (gap,) = measured("interval_coverage_gap", view).values()
    (share,) = measured("interval_coverage", view).values()
    assert gap.low is not None
    assert share.low is not None
    assert gap.low == pytest.approx(share.low - 0.8)


def test_quantiles_that_cross_have_a_width_below_zero_and_hold_no_label(rows: ModuleType) -> None:
    view = rows.regressed([10.0] * 3, [10.0] * 3, quantiles={0.1: [12.0] * 3, 0.9: [8.0] * 3})
    assert values("interval_width", view) == {"levels=0.1-0.9": -4.0}
    assert values("interval_coverage", view) == {"levels=0.1-0.9": 0.0}
    # -4, and 2 on each side over a tail of 0.1.
    assert values("interval_score", view) == {"levels=0.1-0.9": pytest.approx(36)}


def test_rows_without_every_quantile_do_not_count(rows: ModuleType) -> None:
    view = rows.regressed([1.0, 2.0], [1.0, 2.0], quantiles={0.1: [0.0, np.nan], 0.9: [3.0, 3.0]})
    assert [estimate.n for estimate in measured("interval_coverage", view).values()] == [1]
    assert metric_named("mae").function(view).n == 2
    none = rows.regressed([1.0], [1.0], quantiles={0.1: [np.nan], 0.9: [3.0]})
    with pytest.raises(TooFew, match="no row with a label has all of its quantiles"):
        metric_named("pinball_loss").function(none)


def test_one_level_makes_no_interval(rows: ModuleType) -> None:
    view = rows.regressed([1.0, 2.0], [1.0, 2.0], quantiles={0.9: [3.0, 3.0]})
    assert {*values("pinball_loss", view)} == {"level=0.9", "level=mean"}
    with pytest.raises(Undefined, match="one level makes no interval; declare a second column of role quantile"):
        metric_named("interval_score").function(view)


def test_the_scaled_error_is_that_of_the_paper(rows: ModuleType) -> None:
    # Hyndman and Koehler 2006, with a season of 7 days: the scale is the mean of |y[t] - y[t-7]| in training.
    rng = np.random.default_rng(42)
    day = np.arange(420)
    sales = pd.Series(100 + 30 * np.sin(2 * np.pi * day / 7) + rng.normal(0, 8, 420))
    train, test = sales[:364], sales[364:]
    scale = float(train.diff(7).abs().mean())
    predicted = 100 + 30 * np.sin(2 * np.pi * day[364:] / 7)
    view = rows.regressed(test, predicted, naive_error=scale)
    found, plain = metric_named("mase").function(view), metric_named("mae").function(view)
    assert found.value == pytest.approx(np.mean(np.abs(test - predicted) / scale))
    assert found.value < 1
    assert (found.low, found.high) == (pytest.approx(plain.low / scale), pytest.approx(plain.high / scale))


def test_an_error_without_its_scale_is_undefined_and_says_what_to_declare(rows: ModuleType) -> None:
    (row,) = attempt("mase", lambda: metric_named("mase").function(rows.regressed([1.0], [2.0])))
    assert (row.status, row.estimate) == (Status.UNDEFINED, None)
    assert "give task.naive_error" in row.reason


def test_quantiles_of_the_percentage_error_are_those_of_the_rows_to_a_cell(
    rows: ModuleType, demand: pd.DataFrame
) -> None:
    found = measured("percentage_error", view_of(rows, demand))
    share = (demand[0.5] - demand["y"]) / demand["y"]
    for q in (0.05, 0.25, 0.5, 0.75, 0.95):
        one, exact = found[f"quantile={q}"], share.quantile(q)
        assert one.n == 500
        assert one.value == pytest.approx(exact, rel=0.17, abs=0.001)
        assert one.low is not None
        assert one.low < exact < one.high


@pytest.mark.parametrize("limits", [(0.1, 0.2, 0.5), (0.055, 1.0)])
def test_the_share_of_rows_beyond_a_limit_is_exact(
    rows: ModuleType, demand: pd.DataFrame, limits: tuple[float, ...]
) -> None:
    share = (demand[0.5] - demand["y"]).abs() / demand["y"]
    expected = {f"limit={limit}": (share > limit).mean() for limit in limits}
    assert values("share_beyond", view_of(rows, demand, error_limits=limits)) == pytest.approx(expected)


def test_labels_of_zero_have_no_percentage(rows: ModuleType) -> None:
    view = rows.regressed([0.0, 0.0, 10.0], [5.0, 0.0, 14.0])
    assert [e.n for e in measured("share_beyond", view).values()] == [1, 1, 1]
    assert values("share_beyond", view) == {"limit=0.1": 1.0, "limit=0.2": 1.0, "limit=0.5": 0.0}
    for metric in ("share_beyond", "percentage_error"):
        with pytest.raises(Undefined, match="every label is 0"):
            metric_named(metric).function(rows.regressed([0.0], [5.0]))


def test_a_percentage_error_beyond_the_grid_has_no_quantile_and_counts_as_beyond(rows: ModuleType) -> None:
    view = rows.regressed([1.0] * 10, [1.05] * 5 + [99.0] * 5)
    found = {row.parameters: row for row in attempt("x", lambda: metric_named("percentage_error").function(view))}
    assert {key: row.status for key, row in found.items() if row.status is not Status.OK} == {
        "quantile=0.75": Status.UNDEFINED,
        "quantile=0.95": Status.UNDEFINED,
    }
    assert values("share_beyond", view)["limit=0.5"] == 0.5


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"error_limits": (0.17,)}, r"^task.error_limits: 0.17 is not on the grid .*; take 0.16 or 0.18"),
        ({"error_limits": (20,)}, r"^task.error_limits: 20 is not on the grid .*; take 10.0"),
        ({"error_limits": (0.0,)}, r"^task.error_limits: 0.0 is not on the grid .*; take 0.001"),
        ({"error_limits": (0.1, 0.1)}, r"^task.error_limits: \[0.1, 0.1\] names a limit twice"),
        (
            {"error_limits": (0.25,), "kind": TaskKind.BINARY},
            r"^task.error_limits: a binary task has no percentage err",
        ),
        ({"naive_error": 0.0}, r"^task.naive_error: 0.0 is no positive number"),
        ({"naive_error": float("nan")}, r"^task.naive_error: nan is no positive number"),
        ({"naive_error": 2.0, "kind": TaskKind.BINARY}, r"^task.naive_error: a binary task has no naive forecast"),
    ],
)
def test_what_the_task_says_of_errors_is_checked(given: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        Task(**{"kind": TaskKind.REGRESSION, **given})


def test_usual_limits_are_on_the_grid() -> None:
    assert {0.001, 0.01, 0.02, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.25, 0.3, 0.5, 0.75, 1.0, 2.0} <= {*ERROR_EDGES}
    steps = np.diff(ERROR_EDGES) / ERROR_EDGES[:-1]
    assert steps.min() > 0
    assert steps.max() < 0.17


@pytest.mark.parametrize(("spread", "step"), [(0.003, 0.01), (0.15, 0.02), (0.3, 0.05), (0.7, 0.1), (3.0, 0.1)])
def test_the_picture_of_percentage_errors_puts_every_row_where_it_is(
    rows: ModuleType, spread: float, step: float
) -> None:
    share = np.random.default_rng(43).uniform(-spread, spread, 400)
    shown = errors_of(rows.regressed(np.full(400, 100.0), 100 * (1 + share)))
    assert shown.step == step
    places = np.clip(np.ceil((100 * (1 + share) - 100) / 100 / step), -10, 11) + 10
    assert shown.rows == np.bincount(places.astype(int), minlength=22).tolist()
    assert shown.too_low == (share < 0).sum()
    assert shown.named[0][0] == f"below -{1000 * step:.0f} %"
