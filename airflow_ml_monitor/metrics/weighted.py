"""Metrics of rows that do not count alike: `weighted_recall` beside `recall`, where a column has the role weight."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
from scipy.special import expit, logit

from airflow_ml_monitor.errors import Undefined
from airflow_ml_monitor.measurement import Estimate, Estimates
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.interval import Interval
from airflow_ml_monitor.metrics.metric import Metric
from airflow_ml_monitor.metrics.names import WEIGHTED
from airflow_ml_monitor.profile.cells import Floats
from airflow_ml_monitor.profile.labelled_view import LabelledView, ScoredCells
from airflow_ml_monitor.profile.task import TaskKind
from airflow_ml_monitor.profile.weighted_cells import WeightedCells


def weighted(metric: Metric) -> Metric:
    """The same formula with every row counted as often as its weight says (scikit-learn's sample_weight).

    Of binary metrics with a formula. Scores are taken as their cell's mean: what weights do inside a bucket is not
    seen (`weighted_brier` of all rows is off by less than 1e-4). A row whose weight is missing, infinite or below 0
    counts as 0; n: rows whose weight is above it. Undefined where the metric itself is, or no weight is left.
    The interval is a bootstrap's, cell by cell with the exact means and variances of the sums of weights; where an
    outcome has fewer than twelve effective rows (Kish 1965), joined with the metric's own, widened by the design
    effect; so is a distance's noise floor. With weights that differ by class it covers 93-98 % (400 and 2,000 rows),
    94-100 % where rows are few. It assumes independent rows.
    """
    assert metric.formula is not None  # only such a metric is asked
    function = partial(_estimate, metric.function, metric.formula, metric.range)
    name, tasks = WEIGHTED + metric.name, (TaskKind.BINARY,)
    return replace(metric, name=name, function=function, formula=None, tasks=tasks, of_totals=None)


def _estimate(
    function: Callable[[LabelledView], Estimate | Estimates],
    formula: Callable[[ScoredCells], Floats],
    limits: Interval,
    rows: LabelledView,
) -> Estimate:
    plain, weights = function(rows), rows.weighted
    assert isinstance(plain, Estimate)  # a formula is one value
    value = float(formula(weights.cells))
    if not math.isfinite(value):
        raise Undefined("the rows that would give it a value have no weight above 0")
    if plain.low is None or plain.high is None:
        floor = None if plain.noise is None else plain.noise * math.sqrt(weights.design_effect)
        return Estimate(value, weights.rows, noise=floor)
    found = _drawn(value, formula(weights.draws), limits, weights)
    if found is None or weights.fewest < interval.RARE_SHARE:
        # Few rows, or none: draws of them cannot show what others there could be.
        found = interval.outer(found, _moved(value, plain, limits, weights.design_effect)) or (value, value)
    return Estimate(value, weights.rows, max(found[0], limits[0]), min(found[1], limits[1]))


def _moved(value: float, plain: Estimate, limits: Interval, effect: float) -> Interval:
    """The interval of the unweighted value about the weighted one, as if of so many times fewer rows."""
    assert plain.low is not None  # who asks has looked
    assert plain.high is not None
    if limits == (0.0, 1.0) and 0 < value < 1 and 0 < plain.value < 1:
        middle, root = logit(value) - math.sqrt(effect) * logit(plain.value), math.sqrt(effect)
        return float(expit(middle + root * logit(plain.low))), float(expit(middle + root * logit(plain.high)))
    # A limit of n rows is 1/n away where none of them erred.
    return value - effect * (plain.value - plain.low), value + effect * (plain.high - plain.value)


def _drawn(value: float, draws: Floats, limits: Interval, weights: WeightedCells) -> Interval | None:
    """Of the draws' spread about the value; None where they have none."""
    found = draws[np.isfinite(draws)]
    variance = float(np.var(found, ddof=1)) if len(found) > 1 else 0.0
    if variance <= 0:
        return None
    df = weights.rows / weights.design_effect - 1
    if limits == (0.0, 1.0) and 0 < value < 1:
        return interval.on_logit(value, variance, df)
    half = interval.student(df) * math.sqrt(variance)
    return value - half, value + half
