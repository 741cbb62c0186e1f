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
import sklearn.metrics as oracle
from scipy.optimize import brentq
from scipy.special import expit, logit
from scipy.stats import binom
from sklearn.linear_model import LogisticRegression

from airflow_ml_monitor.errors import NoValue
from airflow_ml_monitor.measurement import Estimate
from airflow_ml_monitor.metrics.metric import metric_named, metrics

DRAWS = 1000
Rng = np.random.Generator
Truths = dict[str, tuple[float, bool]]


@dataclass(frozen=True)
class World:
    """draw: one sample's view. truths, made when asked for: by parameters, what an endless sample gives, and whether
    events are few."""

    name: str
    metric: str
    draw: Callable[[ModuleType, Rng], Any]
    truths: Callable[[], Truths]


def _slope(label: np.ndarray, score: np.ndarray) -> float:
    return float(LogisticRegression(C=np.inf).fit(logit(score)[:, None], label).coef_[0, 0])


def _intercept(label: np.ndarray, score: np.ndarray) -> float:
    return float(brentq(lambda a: expit(logit(score) + a).mean() - label.mean(), -9, 9))


def _separation(label: np.ndarray, score: np.ndarray) -> float:
    false, true, _ = oracle.roc_curve(label, score)
    return float(np.max(true - false))


ORACLES: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "roc_auc": oracle.roc_auc_score,
    "average_precision": oracle.average_precision_score,
    "log_loss": oracle.log_loss,
    "brier": oracle.brier_score_loss,
    "balanced_accuracy": lambda label, score: oracle.balanced_accuracy_score(label, score >= 0.5),
    "matthews_correlation": lambda label, score: oracle.matthews_corrcoef(label, score >= 0.5),
    "cohen_kappa": lambda label, score: oracle.cohen_kappa_score(label, score >= 0.5),
    "ks_separation": _separation,
    "calibration_in_the_large": lambda label, score: score.mean() - label.mean(),
    "calibration_slope": _slope,
    "calibration_intercept": _intercept,
}


@cache
def scored(metric: str, share: float, gap: float, spread: float) -> dict[str, float]:
    """By parameters, what a metric comes to on 300,000 rows of the world below."""
    label, score = sample(np.random.default_rng(77), 300_000, share, gap, spread)
    if metric != "lift":
        return {"": float(ORACLES[metric](label, score))}
    best = label[np.argsort(-score)]
    return {f"top={top}": best[: int(top * len(best))].mean() / label.mean() for top in (0.05, 0.1, 0.2)}


def sample(rng: Rng, n: int, share: float, gap: float, spread: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Labels, and scores that are about calibrated for them when spread is 1."""
    label = (rng.random(n) < share).astype(int)
    x = np.where(label == 1, gap + spread * rng.normal(0, 1, n), rng.normal(0, 1, n))
    return label, 1 / (1 + np.exp(-(gap * x - gap**2 / 2 + math.log(share / (1 - share)))))


def binary(metric: str, n: int, share: float, gap: float, few: bool, spread: float = 1.0) -> World:
    return World(
        f"n={n} positives={share:.1%} gap={gap} spread={spread}",
        metric,
        lambda rows, rng: rows.labelled(*sample(rng, n, share, gap, spread)),
        lambda: {parameters: (value, few) for parameters, value in scored(metric, share, gap, spread).items()},
    )


def surplus(n: int, more: float, fewer: float, few: bool) -> World:
    """Of three classes, one that is predicted in `more` of the rows and not the label, and `fewer` the other way."""

    def draw(rows: ModuleType, rng: Rng) -> Any:
        label = rng.choice(3, n, p=[more, fewer, 1 - more - fewer])
        return rows.decided(label == 1, label == 0, 3)

    return World(f"n={n} {more} {fewer}", "prediction_surplus", draw, lambda: {"class=c1": (more - fewer, few)})


ERRORS: dict[str, tuple[Callable[[Rng, int], np.ndarray], dict[str, float]]] = {
    "normal": (lambda g, n: g.normal(0.3, 1, n), {"bias": 0.3, "mae": 0.8333, "rmse": math.sqrt(1.09)}),
    "Laplace": (lambda g, n: g.laplace(0, 1, n), {"bias": 0.0, "mae": 1.0, "rmse": math.sqrt(2)}),
    "uniform": (lambda g, n: g.uniform(-1, 1, n), {"bias": 0.0, "mae": 0.5, "rmse": math.sqrt(1 / 3)}),
    "exponential": (lambda g, n: g.exponential(1, n), {"bias": 1.0}),
    "minus exponential": (lambda g, n: -g.exponential(1, n), {"bias": -1.0}),
}
Pairs = tuple[np.ndarray, np.ndarray]
PREDICTED: dict[str, Callable[[Rng, int], Pairs]] = {
    "normal": lambda g, n: _with_error(g.normal(10, 3, n), g.normal(0.5, 1.5, n)),
    "shrunk": lambda g, n: _with_error(y := g.normal(0, 1, n), g.normal(0, 0.5, n) - y / 2),
    "uniform": lambda g, n: _with_error(g.uniform(0, 10, n), g.uniform(-2, 2, n)),
    "exponential": lambda g, n: _with_error(1 + g.exponential(5, n), g.laplace(0, 1, n)),
    "lognormal": lambda g, n: _with_error(y := g.lognormal(1, 0.8, n), y * (np.exp(g.normal(0, 0.4, n)) - 1)),
}
"""Worlds of (label, prediction)."""


def _with_error(label: np.ndarray, error: np.ndarray) -> Pairs:
    return label, label + error


@cache
def predicted(world: str) -> dict[str, float]:
    """What the metrics of a regression come to on a million rows."""
    y, p = PREDICTED[world](np.random.default_rng(78), 1_000_000)
    return {
        "r2": float(oracle.r2_score(y, p)),
        "pearson_correlation": float(np.corrcoef(y, p)[0, 1]),
        "mape": float(oracle.mean_absolute_percentage_error(y, p)),
        "wape": float(oracle.mean_absolute_percentage_error(y, p, sample_weight=np.abs(y))),
        "smape": float(np.mean(2 * np.abs(p - y) / (np.abs(p) + np.abs(y)))),
        "mean_label": float(y.mean()),
        "mean_prediction": float(p.mean()),
    }


def regressing(metric: str, world: str, n: int, few: bool = False) -> World:
    return World(
        f"n={n} {world}",
        metric,
        lambda rows, g: rows.regressed(*PREDICTED[world](g, n)),
        lambda: {"": (predicted(world)[metric], few or n < 10)},
    )


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
        lambda: {"": (truth[metric], n < 10)},
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
        lambda: truths,
    )


PLACES = np.arange(1, 13)
RANKINGS: dict[str, Callable[[Rng, int], np.ndarray]] = {
    "easy": lambda g, n: g.random((n, 12)) < 0.8 / np.sqrt(PLACES),
    "usual": lambda g, n: g.random((n, 12)) < 0.35 / PLACES,
    "rare": lambda g, n: g.random((n, 12)) < 0.003,
    "sure": lambda g, n: np.where(g.random((n, 1)) < 0.02, 99, 1 + (g.random((n, 1)) < 0.05)) == PLACES,
}
"""Worlds of queries of twelve items: whether the item at each place is relevant."""


@cache
def ranked(metric: str, world: str) -> dict[str, float]:
    """By parameters, what a ranking comes to on 300,000 queries."""
    hits = RANKINGS[world](np.random.default_rng(79), 300_000)
    number, discount = hits.sum(axis=1), 1 / np.log2(PLACES + 1)
    found = {}
    for k in (5, 10):
        among = np.where(k >= PLACES, hits, 0)
        most = np.maximum(np.minimum(number, k), 1)
        worth = {
            "ndcg": (among * discount).sum(axis=1) / np.cumsum(discount)[most - 1],
            "mean_average_precision": (among * hits.cumsum(axis=1) / PLACES).sum(axis=1) / most,
            "mean_reciprocal_rank": (among / PLACES).max(axis=1),
            "recall_at_k": among.sum(axis=1) / np.maximum(number, 1),
            "precision_at_k": among.sum(axis=1) / k,
        }
        found[f"at={k}"] = float(worth[metric].mean())
    return found


def ranking(metric: str, world: str, n: int, few: bool) -> World:
    return World(
        f"n={n} {world}",
        metric,
        lambda rows, g: rows.ranked(RANKINGS[world](g, n), at=(5, 10)),
        lambda: {parameters: (value, few) for parameters, value in ranked(metric, world).items()},
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
    for metric in ("balanced_accuracy", "matthews_correlation", "cohen_kappa"):
        found += [
            binary(metric, 60, 0.5, 1.0, False),
            binary(metric, 300, 0.2, 1.5, False),
            binary(metric, 2000, 0.1, 1.5, False),
            binary(metric, 12, 0.5, 1.0, True),
            binary(metric, 100, 0.05, 2.0, True),
            binary(metric, 60, 0.3, 4.0, True),
        ]
    found += [
        binary("ks_separation", 60, 0.5, 1.0, False),
        binary("ks_separation", 1000, 0.1, 1.0, False),
        binary("ks_separation", 2000, 0.3, 0.3, False),
        binary("ks_separation", 200, 0.02, 2.0, True),
        binary("ks_separation", 12, 0.5, 1.0, True),
        binary("lift", 1000, 0.2, 1.0, False),
        binary("lift", 2000, 0.1, 1.5, False),
        binary("lift", 60, 0.5, 1.0, True),
        binary("lift", 500, 0.02, 1.5, True),
        binary("calibration_in_the_large", 60, 0.5, 1.0, False),
        binary("calibration_in_the_large", 1000, 0.02, 2.0, False),
        binary("calibration_in_the_large", 1000, 0.2, 1.5, False, spread=2.0),
        binary("calibration_in_the_large", 8, 0.5, 1.0, True),
        binary("calibration_in_the_large", 100, 0.02, 1.0, True),
        binary("calibration_in_the_large", 400, 0.01, 2.0, True),
        binary("calibration_intercept", 60, 0.5, 1.0, False),
        binary("calibration_intercept", 1000, 0.02, 2.0, False),
        binary("calibration_intercept", 1000, 0.1, 0.7, False, spread=2.0),
        binary("calibration_intercept", 12, 0.5, 1.0, True),
        binary("calibration_intercept", 300, 0.01, 1.5, True),
        binary("calibration_slope", 100, 0.5, 1.0, False),
        binary("calibration_slope", 1000, 0.1, 1.0, False),
        binary("calibration_slope", 1000, 0.1, 0.7, False, spread=2.0),
        binary("calibration_slope", 20, 0.5, 1.0, True),
        binary("calibration_slope", 300, 0.02, 1.5, True),
    ]
    found += [surplus(n, *chances, few) for n, *chances, few in ((60, 0.3, 0.25, False), (400, 0.1, 0.03, False))]
    found += [surplus(20, 0.3, 0.25, True), surplus(200, 0.02, 0.01, True)]
    for metric in ("log_loss", "brier"):
        found += [
            binary(metric, 40, 0.5, 1.0, False),
            binary(metric, 1000, 0.02, 2.0, False),
            binary(metric, 1000, 0.2, 1.5, False),
            binary(metric, 100, 0.02, 1.0, True),
            binary(metric, 400, 0.01, 2.0, True),
            binary(metric, 8, 0.5, 1.0, True),
        ]
    for metric in ("ndcg", "mean_average_precision", "mean_reciprocal_rank", "recall_at_k", "precision_at_k"):
        found += [ranking(metric, "usual", 100, False), ranking(metric, "easy", 30, True)]
        found += [ranking(metric, "usual", 12, True), ranking(metric, "rare", 150, True)]
        found += [ranking(metric, "sure", 60, True), ranking(metric, "easy", 4, True)]
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
    for metric in ("wape", "smape", "mean_label", "mean_prediction"):
        found += [regressing(metric, world, n) for world, n in (("normal", 12), ("exponential", 60), ("uniform", 5))]
    found += [regressing("mape", world, n) for world, n in (("lognormal", 15), ("exponential", 100), ("lognormal", 4))]
    # A ratio of two mean squares: below thirty rows their tails are few.
    found += [regressing("r2", world, n, n < 30) for world in ("normal", "shrunk") for n in (5, 12, 40, 300)]
    found += [regressing("r2", world, n) for world, n in (("uniform", 100), ("exponential", 60), ("lognormal", 400))]
    found += [regressing("pearson_correlation", "shrunk", n) for n in (5, 12, 40, 300)]
    found += [regressing("pearson_correlation", world, n) for world, n in (("normal", 30), ("uniform", 60))]
    found += [regressing("pearson_correlation", "exponential", 400)]
    return found


SHARES: dict[str, Callable[[ModuleType, int, int], Any]] = {
    "accuracy": lambda rows, k, n: rows.counted(k, 0, n - k, 0),
    "precision": lambda rows, k, n: rows.counted(k, n - k, 0, 3),
    "recall": lambda rows, k, n: rows.counted(k, 3, n - k, 0),
    "specificity": lambda rows, k, n: rows.counted(3, n - k, 0, k),
    "prediction_rate": lambda rows, k, n: rows.counted(k, 0, 0, n - k),
    "label_rate": lambda rows, k, n: rows.counted(k, 0, 0, n - k),
    "negative_predictive_value": lambda rows, k, n: rows.counted(0, 3, n - k, k),
    "calibration_curve": lambda rows, k, n: rows.labelled([1] * k + [0] * (n - k), [0.25] * n),
    "f1": lambda rows, k, n: rows.counted(k, (n - k) // 2, n - k - (n - k) // 2, 3),
    "top_k_accuracy": lambda rows, k, n: rows.classified([1] * k + [2] * (n - k), [[0.5, 0.4, 0.1]] * n),
    "confusion": lambda rows, k, n: rows.decided([0] * n, [0] * k + [1] * (n - k), 3),
    "hit_rate": lambda rows, k, n: rows.ranked([[1]] * k + [[0]] * (n - k), at=(1,)),
    "queries_without_relevant": lambda rows, k, n: rows.ranked([[0]] * k + [[1]] * (n - k)),
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
LONG = {"ks_separation", "calibration_slope", "calibration_intercept"}
"""Metrics of which a thousand windows take seconds: drawn or fitted anew in each."""
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


@pytest.mark.parametrize(
    "world",
    [pytest.param(w, marks=pytest.mark.slow if w.metric in LONG else (), id=f"{w.metric} {w.name}") for w in WORLDS],
)
def test_intervals_cover(world: World, rows: ModuleType) -> None:
    rng = np.random.default_rng(2026)
    found = [limits(world.metric, world.draw(rows, rng)) for _ in range(DRAWS)]
    for parameters, (truth, few) in world.truths().items():
        hits = [draw[parameters][0] <= truth <= draw[parameters][1] for draw in found if draw]
        coverage, error = float(np.mean(hits)), 2.6 * math.sqrt(0.93 * 0.07 / len(hits))
        print(f"| {world.metric} {parameters} | {world.name} | {'few' if few else ''} | {coverage:.3f} |")
        assert coverage >= 0.93 - error, parameters
        assert few or coverage <= 0.97 + error, parameters


@pytest.mark.parametrize("metric", SHARES)
@pytest.mark.parametrize("n", [4, 15, 40, 120])
def test_intervals_of_shares_cover_exactly(metric: str, n: int, rows: ModuleType) -> None:
    found = np.array([next(iter(limits(metric, SHARES[metric](rows, k, n)).values())) for k in range(n + 1)])
    share = np.concatenate([np.linspace(0.001, 0.999, 400), np.linspace(0.1, 20, 200) / max(n, 21)])
    truth = 2 * share / (1 + share) if metric == "f1" else share
    inside = (found[:, :1] <= truth) & (truth <= found[:, 1:])
    coverage = (binom.pmf(np.arange(n + 1)[:, None], n, share) * inside).sum(axis=0)
    events = n * np.minimum(share, 1 - share)
    print(f"| {metric} | n={n} | exact | {coverage.min():.3f}–{coverage[events >= 10].max(initial=0):.3f} |")
    assert coverage.min() >= 0.93
    # Coverage of a discrete law jumps by a term: up to 97.5 % where Clopper-Pearson hands over to Wilson.
    assert coverage[events >= 10].max(initial=0) <= 0.976
