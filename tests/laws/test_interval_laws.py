"""Every interval covers: 93–97 % where at least ten events are expected, never below 93 % where fewer are.

An event: a row of the rarer outcome (shares), a misplaced row of the smaller class (roc_auc), a positive found or not
(average_precision), a row of the rarer class (losses), a row (means), a row beyond the quantile.
A new metric must enter INTERVALS, or WITHOUT with the reason; `pytest -s` prints the coverages measured.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from airflow_ml_monitor.errors import NoValue
from airflow_ml_monitor.measurement import Estimate
from airflow_ml_monitor.metrics.metric import metric_named, metrics

DRAWS = 1000
Rng = np.random.Generator


@dataclass(frozen=True)
class World:
    """draw: one sample's view. truths: by parameters, what an endless sample gives, and whether events are few."""

    name: str
    metric: str
    draw: Callable[[ModuleType, Rng], Any]
    truths: dict[str, tuple[float, bool]]


@cache
def scored(share: float, gap: float, spread: float = 1.0) -> tuple[float, float, float, float]:
    """(roc_auc, average_precision, log_loss, brier) of 300,000 rows of the world below."""
    from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

    label, score = sample(np.random.default_rng(77), 300_000, share, gap, spread)
    return (
        float(roc_auc_score(label, score)),
        float(average_precision_score(label, score)),
        float(log_loss(label, score)),
        float(brier_score_loss(label, score)),
    )


def sample(rng: Rng, n: int, share: float, gap: float, spread: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Labels, and scores that are about calibrated for them when spread is 1."""
    label = (rng.random(n) < share).astype(int)
    x = np.where(label == 1, gap + spread * rng.normal(0, 1, n), rng.normal(0, 1, n))
    return label, 1 / (1 + np.exp(-(gap * x - gap**2 / 2 + math.log(share / (1 - share)))))


def binary(metric: str, n: int, share: float, gap: float, few: bool, spread: float = 1.0) -> World:
    place = ("roc_auc", "average_precision", "log_loss", "brier").index(metric)
    return World(
        f"n={n} positives={share:.1%} gap={gap} spread={spread}",
        metric,
        lambda rows, rng: rows.labelled(*sample(rng, n, share, gap, spread)),
        {"": (scored(share, gap, spread)[place], few)},
    )


ERRORS: dict[str, tuple[Callable[[Rng, int], np.ndarray], dict[str, float]]] = {
    "normal": (lambda g, n: g.normal(0.3, 1, n), {"bias": 0.3, "mae": 0.8333, "rmse": math.sqrt(1.09)}),
    "Laplace": (lambda g, n: g.laplace(0, 1, n), {"bias": 0.0, "mae": 1.0, "rmse": math.sqrt(2)}),
    "uniform": (lambda g, n: g.uniform(-1, 1, n), {"bias": 0.0, "mae": 0.5, "rmse": math.sqrt(1 / 3)}),
    "exponential": (lambda g, n: g.exponential(1, n), {"bias": 1.0}),
    "minus exponential": (lambda g, n: -g.exponential(1, n), {"bias": -1.0}),
}
COLUMNS: dict[str, tuple[Callable[[Rng, int], np.ndarray], Callable[[float], float], float, float]] = {
    "normal": (lambda g, n: g.normal(5, 2, n), lambda q: 5 + 2 * float(_ndtri(q)), 5.0, 2.0),
    "exponential": (lambda g, n: g.exponential(1, n), lambda q: -math.log(1 - q), 1.0, 1.0),
    "uniform": (lambda g, n: g.uniform(0, 1, n), lambda q: q, 0.5, math.sqrt(1 / 12)),
}


def _ndtri(q: float) -> float:
    from scipy.special import ndtri

    return float(ndtri(q))


def erring(metric: str, errors: str, n: int) -> World:
    draw, truth = ERRORS[errors]
    return World(
        f"n={n} {errors}",
        metric,
        lambda rows, g: rows.regressed(np.zeros(n), draw(g, n)),
        {"": (truth[metric], n < 10)},
    )


def of_column(metric: str, values: str, n: int, *points: float) -> World:
    draw, quantile, mean, deviation = COLUMNS[values]
    cut = np.linspace(0.0005, 0.9995, 1000)
    reference = np.array([quantile(p) for p in cut])
    truths = {"": (mean if metric == "mean" else deviation, n < 10)}
    if points:
        truths = {f"q={q}": (quantile(q), n * min(q, 1 - q) < 10) for q in points}
    return World(
        f"n={n} {values}",
        metric,
        lambda rows, g: rows.column(draw(g, n), rows.grid(reference)),
        truths,
    )


def worlds() -> list[World]:
    found = [
        binary("roc_auc", 60, 0.5, 1.0, False),
        binary("roc_auc", 1000, 0.1, 1.0, False),
        binary("roc_auc", 1000, 0.1, 0.7, False, spread=2.0),
        binary("roc_auc", 12, 0.5, 1.0, True),
        binary("roc_auc", 200, 0.02, 2.0, True),
        binary("roc_auc", 100, 0.3, 3.0, True),
        binary("average_precision", 100, 0.5, 1.0, False),
        binary("average_precision", 500, 0.2, 1.5, False),
        binary("average_precision", 50, 0.1, 1.0, True),
        binary("average_precision", 300, 0.02, 2.0, True),
        binary("average_precision", 40, 0.5, 3.0, True),
    ]
    for metric in ("log_loss", "brier"):
        found += [
            binary(metric, 40, 0.5, 1.0, False),
            binary(metric, 1000, 0.02, 2.0, False),
            binary(metric, 1000, 0.2, 1.5, False),
            binary(metric, 100, 0.02, 1.0, True),
            binary(metric, 400, 0.01, 2.0, True),
            binary(metric, 8, 0.5, 1.0, True),
        ]
    found += [erring(metric, errors, n) for metric in ("mae", "rmse") for errors, n in (("normal", 15), ("normal", 3))]
    found += [erring(metric, errors, n) for errors in ERRORS for metric in ERRORS[errors][1] for n in (100, 6)]
    found += [erring("bias", errors, n) for errors in ("exponential", "minus exponential") for n in (10, 30)]
    found += [
        of_column(m, v, n) for m in ("mean", "standard_deviation") for v in ("normal", "uniform") for n in (4, 30)
    ]
    found += [of_column("mean", "exponential", n) for n in (5, 20)]
    found += [of_column("standard_deviation", "normal", 300), of_column("standard_deviation", "exponential", 2000)]
    found += [of_column("quantiles", v, 200, 0.05, 0.5, 0.75, 0.95) for v in ("normal", "exponential")]
    found += [of_column("quantiles", "uniform", 400, 0.01, 0.99), of_column("quantiles", "normal", 9, 0.5, 0.75)]
    return found


SHARES: dict[str, Callable[[ModuleType, int, int], Any]] = {
    "accuracy": lambda rows, k, n: rows.counted(k, 0, n - k, 0),
    "precision": lambda rows, k, n: rows.counted(k, n - k, 0, 3),
    "recall": lambda rows, k, n: rows.counted(k, 3, n - k, 0),
    "specificity": lambda rows, k, n: rows.counted(3, n - k, 0, k),
    "prediction_rate": lambda rows, k, n: rows.counted(k, 0, 0, n - k),
    "f1": lambda rows, k, n: rows.counted(k, (n - k) // 2, n - k - (n - k) // 2, 3),
    "completeness": lambda rows, k, n: rows.column([1.0] * k, rows.few(1.0), n - k),
    "valid_share": lambda rows, k, n: rows.column([1.0] * k + [math.nan] * (n - k), rows.few(1.0)),
    "unseen_share": lambda rows, k, n: rows.column(["z"] * k + ["a"] * (n - k), rows.named("a")),
}
"""k events of n: metrics whose interval is a share's, so that their coverage is a sum of binomial terms."""
WITHOUT = {
    "row_count": "a count of what came",
    "duplicate_rows": "a count of what came",
    "calls_per_version": "a count of what came",
    "freshness": "a time, not drawn from rows",
    "psi": "a distance",
    "jensen_shannon": "a distance",
    "kolmogorov_smirnov": "a distance",
    "wasserstein": "a distance",
    "expected_calibration_error": "a distance",
}
"""Metrics without an interval, and why; distances have a noise floor and a p-value (test_chance_laws)."""
WORLDS = worlds()


def test_every_metric_has_an_interval_law_or_a_reason_for_none() -> None:
    covered = {*SHARES, *WITHOUT, *(world.metric for world in WORLDS)}
    missing = sorted(set(metrics()) - covered)
    assert not missing, f"{missing}: add a world to worlds() or SHARES in {__name__}, or the reason to WITHOUT"
    assert not sorted(covered - set(metrics())), "laws for metrics that are gone"


def limits(metric: str, view: Any) -> dict[str, tuple[float, float]]:
    """By parameters; empty where the metric has no value. No interval covers everything."""
    try:
        found = metric_named(metric).function(view)
    except NoValue:
        return {}
    many = {"": found} if isinstance(found, Estimate) else found
    endless = (-math.inf, math.inf)
    return {key: endless if e.low is None or e.high is None else (e.low, e.high) for key, e in many.items()}


@pytest.mark.parametrize("world", WORLDS, ids=lambda w: f"{w.metric} {w.name}")
def test_intervals_cover(world: World, rows: ModuleType) -> None:
    rng = np.random.default_rng(2026)
    found = [limits(world.metric, world.draw(rows, rng)) for _ in range(DRAWS)]
    for parameters, (truth, few) in world.truths.items():
        hits = [draw[parameters][0] <= truth <= draw[parameters][1] for draw in found if draw]
        coverage, error = float(np.mean(hits)), 2.6 * math.sqrt(0.93 * 0.07 / len(hits))
        print(f"| {world.metric} {parameters} | {world.name} | {'few' if few else ''} | {coverage:.3f} |")
        assert coverage >= 0.93 - error, parameters
        assert few or coverage <= 0.97 + error, parameters


@pytest.mark.parametrize("metric", SHARES)
@pytest.mark.parametrize("n", [4, 15, 40, 120])
def test_intervals_of_shares_cover_exactly(metric: str, n: int, rows: ModuleType) -> None:
    found = np.array([limits(metric, SHARES[metric](rows, k, n))[""] for k in range(n + 1)])
    share = np.concatenate([np.linspace(0.001, 0.999, 400), np.linspace(0.1, 20, 200) / max(n, 21)])
    truth = 2 * share / (1 + share) if metric == "f1" else share
    inside = (found[:, :1] <= truth) & (truth <= found[:, 1:])
    coverage = (binom.pmf(np.arange(n + 1)[:, None], n, share) * inside).sum(axis=0)
    events = n * np.minimum(share, 1 - share)
    print(f"| {metric} | n={n} | exact | {coverage.min():.3f}–{coverage[events >= 10].max(initial=0):.3f} |")
    assert coverage.min() >= 0.93
    # Coverage of a discrete law jumps by a term: up to 97.5 % where Clopper-Pearson hands over to Wilson.
    assert coverage[events >= 10].max(initial=0) <= 0.976
