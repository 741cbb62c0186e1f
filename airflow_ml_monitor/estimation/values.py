"""Expected labels → the values of metrics, each with two intervals."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from scipy.special import expit, logit

from airflow_ml_monitor.errors import Undefined
from airflow_ml_monitor.estimation.expected import Expected
from airflow_ml_monitor.metrics.interval import Interval, Z
from airflow_ml_monitor.metrics.metric import Metric
from airflow_ml_monitor.profile.cells import Floats
from airflow_ml_monitor.profile.labelled_view import ScoredCells

MOST_UNDEFINED: Final = 0.05
"""Where more of the draws have no value, the value is not defined well enough to be given."""
_AT_ONCE: Final = 40
"""Draws: a formula makes several arrays of them, each of 8 MB if 240 draws of 4,096 cells were worked out at once."""


@dataclass(frozen=True, slots=True)
class Value:
    """A metric's expected value; final: where the window's own will lie; model: where the model's performance lies.

    Both intervals are 95 %; that of the model is never the narrower one.
    """

    value: float
    final: Interval
    model: Interval


def value_of(expected: Expected, metric: Metric) -> Value:
    """A metric of the expected labels; Undefined where the formula has no value, or hardly.

    Value: of the expected rows; of a metric that chance lifts the mean over the draws, as the window will show whole
    rows. Expected rows are smooth: 300 of them put the KS 0.7 of its standard deviation too low, most metrics less than
    a twentieth. Intervals: the draws' standard deviation about the value, on the logit scale for a metric in [0, 1]: of
    a few hundred draws it is known to a few per cent, their quantiles to ten.
    """
    formula = metric.formula
    assert formula is not None  # only such a metric is asked
    value = float(formula(expected.cells))
    if not math.isfinite(value):
        raise Undefined("the labels that are known or expected give it no value")
    drawn = [_drawn(formula, draws) for draws in (expected.final, expected.model)]
    if metric.by_draws:
        value = float(drawn[0].mean())
    final, model = (_about(value, found, metric.range) for found in drawn)
    if final[1] - final[0] > 1e-9 and metric.range == (0.0, 1.0):
        # What will be counted are whole rows.
        half = 0.5 / max(float(expected.cells.rows.sum()), 1.0)
        final = (max(final[0] - half, 0.0), min(final[1] + half, 1.0))
    return Value(value, final, (min(final[0], model[0]), max(final[1], model[1])))


def _drawn(formula: Callable[[ScoredCells], Floats], draws: ScoredCells) -> Floats:
    drawn = np.concatenate([np.asarray(formula(some), np.float64) for some in _parts(draws)])
    found: Floats = drawn[np.isfinite(drawn)]
    if len(found) < (1 - MOST_UNDEFINED) * len(drawn):
        raise Undefined("too often undefined among the labels that may be expected")
    return found


def _parts(draws: ScoredCells) -> Iterator[ScoredCells]:
    for start in range(0, len(draws.positives), _AT_ONCE):
        end = start + _AT_ONCE
        yield replace(draws, positives=draws.positives[start:end], negatives=draws.negatives[start:end])


def _about(value: float, found: Floats, limits: tuple[float, float]) -> Interval:
    if limits == (0.0, 1.0) and 0 < value < 1:
        # A draw on the edge is as far out as half a row in a thousand.
        spread = float(np.std(logit(np.clip(found, 5e-4, 1 - 5e-4)), ddof=1))
        low, high = (float(expit(logit(value) + sign * Z * spread)) for sign in (-1, 1))
        return low, high
    spread = float(np.std(found, ddof=1))
    return max(value - Z * spread, limits[0]), min(value + Z * spread, limits[1])
