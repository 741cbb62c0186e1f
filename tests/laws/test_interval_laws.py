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
from scipy.special import entr, expit, logit
from scipy.stats import beta, binom
from sklearn.linear_model import LogisticRegression

from airflow_ml_monitor.errors import NoValue
from airflow_ml_monitor.measurement import Estimate
from airflow_ml_monitor.metrics.metric import metric_named, metrics
from airflow_ml_monitor.metrics.names import fault_names
from airflow_ml_monitor.profile.payoff import Payoff, Worth

DRAWS = 500
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


def better(metric: str, n: int, share: float, gap: float, few: bool) -> World:
    """A model and a baseline of half its gap that sees the same rows less well."""
    return World(
        f"n={n} positives={share:.1%} gap={gap}",
        metric,
        lambda rows, rng: rows.labelled(*(drawn := beside(rng, n, share, gap))[:2], baseline=drawn[2]),
        lambda: {"": (gained(metric, share, gap), few)},
    )


def beside(rng: Rng, n: int, share: float, gap: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(labels, scores, a baseline's scores)."""
    label = (rng.random(n) < share).astype(int)
    x = gap * label + rng.normal(0, 1, n)
    seen = x + rng.normal(0, 1, n)
    base = math.log(share / (1 - share))
    return label, expit(gap * x - gap**2 / 2 + base), expit(gap / 2 * seen - gap**2 / 4 + base)


@cache
def gained(metric: str, share: float, gap: float) -> float:
    """What a metric of `better` comes to on 300,000 rows, by scikit-learn."""
    label, score, baseline = beside(np.random.default_rng(77), 300_000, share, gap)
    always = np.full(len(label), label.mean())
    if metric == "accuracy_over_majority":
        return float(oracle.accuracy_score(label, score >= 0.5) - max(label.mean(), 1 - label.mean()))
    if metric == "accuracy_gain":
        ours, theirs = (oracle.accuracy_score(label, s >= 0.5) for s in (score, baseline))
        return float(ours - theirs)
    loss, kind = metric.rsplit("_", 1)
    ours, theirs, alone = (ORACLES[loss](label, s) for s in (score, baseline, always))
    return float(theirs - ours if kind == "gain" else 1 - ours / alone)


def surplus(n: int, more: float, fewer: float, few: bool) -> World:
    """Of three classes, one that is predicted in `more` of the rows and not the label, and `fewer` the other way."""

    def draw(rows: ModuleType, rng: Rng) -> Any:
        label = rng.choice(3, n, p=[more, fewer, 1 - more - fewer])
        return rows.decided(label == 1, label == 0, 3)

    return World(f"n={n} {more} {fewer}", "prediction_surplus", draw, lambda: {"class=c1": (more - fewer, few)})


def tagging(metric: str, n: int, wrong: float, few: bool) -> World:
    """Rows of four labels, each missed by a chance that a row's labels share: none in half of the rows."""

    def draw(rows: ModuleType, rng: Rng) -> Any:
        chance = rng.choice([0.0, 2 * wrong], (n, 1))
        return rows.tagged(np.ones((n, 4)), np.full((n, 4), 0.5), rng.random((n, 4)) >= chance)

    truth = wrong if metric == "hamming_loss" else 1 - wrong
    return World(f"n={n} {wrong}", metric, draw, lambda: {"": (truth, few)})


ERRORS: dict[str, tuple[Callable[[Rng, int], np.ndarray], dict[str, float]]] = {
    "normal": (
        lambda g, n: g.normal(0.3, 1, n),
        {"bias": 0.3, "mae": 0.8333, "mase": 0.8333 / 2, "rmse": math.sqrt(1.09)},
    ),
    "Laplace": (lambda g, n: g.laplace(0, 1, n), {"bias": 0.0, "mae": 1.0, "mase": 0.5, "rmse": math.sqrt(2)}),
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


NAIVE: dict[str, Callable[[Rng, int], tuple[np.ndarray, np.ndarray, np.ndarray]]] = {
    "normal": lambda g, n: (y := g.normal(10, 3, n), y + g.normal(0.5, 1.5, n), y + g.normal(0, 2, n)),
    "constant": lambda g, n: (y := g.normal(10, 3, n), y + g.normal(0, 1, n), np.full(n, 10.0)),
    "alike": lambda g, n: (y := g.normal(10, 3, n), (b := y + g.laplace(0, 1, n)) + g.normal(0, 0.3, n), b),
    "uniform": lambda g, n: (y := g.uniform(0, 10, n), y + g.uniform(-2, 2, n), np.full(n, 5.0)),
    "exponential": lambda g, n: (y := 1 + g.exponential(5, n), y + g.laplace(0, 1, n), np.full(n, 6.0)),
}
"""Worlds of (label, prediction, baseline)."""


@cache
def outdone(world: str) -> dict[str, float]:
    """What a regression's gains come to on a million rows."""
    y, p, b = NAIVE[world](np.random.default_rng(78), 1_000_000)
    (mae, rmse), (theirs, root) = (
        (oracle.mean_absolute_error(y, x), oracle.root_mean_squared_error(y, x)) for x in (p, b)
    )
    return {"mae_gain": theirs - mae, "relative_mae": mae / theirs, "rmse_gain": root - rmse}


def outdoing(metric: str, world: str, n: int, few: bool = False) -> World:
    return World(
        f"n={n} {world}",
        metric,
        lambda rows, g: rows.regressed(*NAIVE[world](g, n)),
        lambda: {"": (outdone(world)[metric], few or n < 10)},
    )


def regressing(metric: str, world: str, n: int, few: bool = False) -> World:
    return World(
        f"n={n} {world}",
        metric,
        lambda rows, g: rows.regressed(*PREDICTED[world](g, n)),
        lambda: {"": (predicted(world)[metric], few or n < 10)},
    )


LEVELS = (0.1, 0.5, 0.9)
Forecast = tuple[np.ndarray, dict[float, np.ndarray]]
FORECASTS: dict[str, Callable[[Rng, int], Forecast]] = {
    "normal": lambda g, n: _forecast(g.normal(10, 3, n), g.normal(0, 1, n)),
    "Laplace": lambda g, n: _forecast(g.normal(10, 3, n), g.laplace(0, 0.8, n)),
    "lognormal": lambda g, n: _on_exp(_forecast(g.normal(3, 0.7, n), g.normal(0, 0.5, n), 0.5)),
}
"""Worlds of (label, quantiles), which are those of a normal error."""


def _forecast(middle: np.ndarray, error: np.ndarray, deviation: float = 1.0) -> Forecast:
    return middle + error, {level: middle + deviation * _ndtri(level) for level in LEVELS}


def _on_exp(drawn: Forecast) -> Forecast:
    return np.exp(drawn[0]), {level: np.exp(x) for level, x in drawn[1].items()}


@cache
def forecast(metric: str, world: str) -> dict[str, float]:
    """What a forecast metric comes to on a million rows."""
    y, q = FORECASTS[world](np.random.default_rng(79), 1_000_000)
    low, middle, high = q.values()
    inside, tails = (low <= y) & (y <= high), np.maximum(low - y, 0) + np.maximum(y - high, 0)
    losses = [float(oracle.mean_pinball_loss(y, x, alpha=level)) for level, x in q.items()]
    share = np.quantile((middle - y) / np.abs(y), [0.05, 0.25, 0.5, 0.75, 0.95])
    of_level = {f"level={level}": x for level, x in zip(LEVELS, losses, strict=True)}
    of_pair = {
        "interval_score": float((high - low + 10 * tails).mean()),
        "interval_width": float((high - low).mean()),
        "interval_coverage_gap": float(inside.mean()) - 0.8,
    }
    return {
        "pinball_loss": {**of_level, "level=mean": float(np.mean(losses))},
        "percentage_error": {f"quantile={p}": x for p, x in zip((0.05, 0.25, 0.5, 0.75, 0.95), share, strict=True)},
        **{name: {"levels=0.1-0.9": value} for name, value in of_pair.items()},
    }[metric]


def forecasting(metric: str, world: str, n: int, few: bool = False) -> World:
    def draw(rows: ModuleType, rng: Rng) -> Any:
        y, q = FORECASTS[world](rng, n)
        return rows.regressed(y, q[0.5], quantiles=q)

    return World(f"n={n} {world}", metric, draw, lambda: {key: (x, few) for key, x in forecast(metric, world).items()})


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
        lambda rows, g: rows.regressed(np.zeros(n), draw(g, n), naive_error=2.0),
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


def of_scores(metric: str, a: float, b: float, clipped: float, n: int, few: bool = False) -> World:
    """Beta scores, a share of them clipped to 0; cut by a grid about other scores of the same law."""

    def drawn(rng: Rng, size: int) -> np.ndarray:
        return np.where(rng.random(size) < clipped, 0.0, rng.beta(a, b, size))

    @cache
    def truths() -> Truths:
        law, entropy = beta(a, b), drawn(np.random.default_rng(80), 1_000_000)
        found = {
            "score_entropy": {"": float((entr(entropy) + entr(1 - entropy)).mean())},
            "score_near_threshold": {"threshold=0.5": (1 - clipped) * (law.cdf(0.55) - law.cdf(0.45))},
            "score_at_ends": {"at=0": clipped + (1 - clipped) * law.cdf(0.001), "at=1": (1 - clipped) * law.sf(0.999)},
        }
        return {key: (float(value), few) for key, value in found[metric].items()}

    return World(
        f"n={n} beta({a}, {b}) clipped={clipped}",
        metric,
        lambda rows, rng: rows.scores(drawn(rng, n), binning=rows.grid(drawn(np.random.default_rng(5), 3000))),
        truths,
    )


PAYOFFS = {
    "fraud": Payoff(Worth(-5, 1), Worth(-5), Worth(0, -1)),
    "loans": Payoff(false_positive=Worth(0, -0.05), false_negative=Worth(0, -0.6), true_negative=Worth(0, 0.05)),
    "calls": Payoff(Worth(10), Worth(-3), Worth(-8)),
}


def _threshold(share: float) -> float:
    """Rare positives are decided for where they are likelier than on average."""
    return 0.5 if share > 0.3 else share


@cache
def worth(payoff: str, share: float, gap: float, deviation: float) -> float:
    """What a row is worth on average: outcomes of a million, amounts by their law."""
    label, score = sample(np.random.default_rng(79), 1_000_000, share, gap)
    decided, amount = (score >= _threshold(share)).astype(int), math.exp(3 + deviation**2 / 2)
    parts = PAYOFFS[payoff].by_outcome.items()
    return sum(
        float(np.mean((label == y) & (decided == d))) * (w.per_row + w.of_amount * amount) for (y, d), w in parts
    )


def paying(payoff: str, n: int, share: float, gap: float, deviation: float, few: bool = False) -> World:
    """Decisions on lognormal amounts, of this deviation of the logarithm."""

    def draw(rows: ModuleType, rng: Rng) -> Any:
        label, score = sample(rng, n, share, gap)
        amount = rng.lognormal(3, deviation, n)
        return rows.labelled(label, score, _threshold(share), amount=amount, payoff=PAYOFFS[payoff])

    name = f"n={n} {payoff} positives={share:.1%} gap={gap} deviation={deviation}"
    return World(name, "profit", draw, lambda: {"": (worth(payoff, share, gap, deviation), few)})


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
    for payoff in PAYOFFS:
        found += [
            paying(payoff, n, *shape) for n, *shape in ((60, 0.5, 1, 0.5), (300, 0.2, 1.5, 1), (5000, 0.02, 2, 1))
        ]
        found += [
            paying(payoff, n, *shape, few=True) for n, *shape in ((8, 0.5, 1, 0.5), (20, 0.3, 1, 1), (400, 0.01, 2, 1))
        ]
    found += [surplus(n, *chances, few) for n, *chances, few in ((60, 0.3, 0.25, False), (400, 0.1, 0.03, False))]
    found += [surplus(20, 0.3, 0.25, True), surplus(200, 0.02, 0.01, True)]
    for metric in ("hamming_loss", "jaccard"):
        found += [tagging(metric, n, wrong, few=False) for n, wrong in ((80, 0.3), (600, 0.1))]
        found += [tagging(metric, n, wrong, few=True) for n, wrong in ((6, 0.3), (40, 0.05), (300, 0.005))]
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
    found += [of_scores("score_entropy", a, b, 0.0, n) for a, b in ((2, 2), (0.5, 4), (0.3, 3)) for n in (30, 1000)]
    found += [of_scores("score_entropy", 2, 5, 0.1, n) for n in (40, 3000)] + [
        of_scores("score_entropy", 2, 5, 0, 6, True)
    ]
    # What a cell across a limit leaves open widens them.
    found += [of_scores("score_near_threshold", 2, 2, 0.0, n, True) for n in (40, 2000)]
    found += [of_scores("score_at_ends", a, 4, c, n, True) for a in (1, 2) for c in (0.0, 0.05) for n in (50, 2000)]
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
    for metric in ("accuracy_gain", "brier_gain", "log_loss_gain", "brier_skill", "log_loss_skill"):
        found += [better(metric, n, share, gap, False) for n, share, gap in ((100, 0.5, 1.0), (2000, 0.1, 1.5))]
        rare = ((12, 0.5, 1.0), (100, 0.05, 2.0), (400, 0.01, 2.0), (60, 0.3, 4.0))
        found += [better(metric, n, share, gap, True) for n, share, gap in rare]
    found += [better("accuracy_over_majority", n, 0.5, 1.0, False) for n in (60, 600)]
    found += [
        better("accuracy_over_majority", 600, 0.3, 1.5, False),
        better("accuracy_over_majority", 15, 0.5, 1, True),
    ]
    found += [outdoing(metric, "normal", n) for metric in ("mae_gain", "relative_mae", "rmse_gain") for n in (5, 100)]
    found += [outdoing(metric, "constant", n) for metric in ("mae_gain", "relative_mae", "rmse_gain") for n in (12, 60)]
    found += [outdoing(metric, "uniform", 60) for metric in ("mae_gain", "relative_mae", "rmse_gain")]
    found += [outdoing(metric, "exponential", 100) for metric in ("mae_gain", "relative_mae")]
    found += [outdoing(metric, "alike", 100) for metric in ("mae_gain", "relative_mae")]
    # Wide where the two err alike.
    found += [outdoing("rmse_gain", "alike", n, True) for n in (12, 100)]
    # Fewer than ten rows in a tail, up to some draws of 100 rows: their loss is rare.
    for metric in ("pinball_loss", "interval_score"):
        found += [forecasting(metric, world, n, n < 200) for world in FORECASTS for n in (8, 60, 200)]
    found += [forecasting("interval_width", "lognormal", n, n < 10) for n in (8, 60)]
    found += [
        forecasting("interval_coverage_gap", world, n, n < 200) for world in ("normal", "Laplace") for n in (30, 200)
    ]
    found += [forecasting("percentage_error", "lognormal", n) for n in (200, 2000)]
    found += [erring("mase", errors, n) for errors, n in (("normal", 15), ("Laplace", 100))]
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
    "accuracy_at_threshold": lambda rows, k, n: rows.reached(k, 0, n - k, 0),
    "precision_at_threshold": lambda rows, k, n: rows.reached(k, n - k, 0, 3),
    "recall_at_threshold": lambda rows, k, n: rows.reached(k, 3, n - k, 0),
    "specificity_at_threshold": lambda rows, k, n: rows.reached(3, n - k, 0, k),
    "prediction_rate_at_threshold": lambda rows, k, n: rows.reached(k, 0, 0, n - k),
    "f1_at_threshold": lambda rows, k, n: rows.reached(k, (n - k) // 2, n - k - (n - k) // 2, 3),
    "top_k_accuracy": lambda rows, k, n: rows.classified([1] * k + [2] * (n - k), [[0.5, 0.4, 0.1]] * n),
    "confusion": lambda rows, k, n: rows.decided([0] * n, [0] * k + [1] * (n - k), 3),
    "interval_coverage": lambda rows, k, n: rows.regressed([0] * k + [2] * (n - k), [0] * n),
    "quantile_coverage": lambda rows, k, n: rows.regressed([-2] * k + [2] * (n - k), [0] * n),
    "share_beyond": lambda rows, k, n: rows.regressed([9] * n, [10] * k + [9] * (n - k)),
    "hit_rate": lambda rows, k, n: rows.ranked([[1]] * k + [[0]] * (n - k), at=(1,)),
    "queries_without_relevant": lambda rows, k, n: rows.ranked([[0]] * k + [[1]] * (n - k)),
    "completeness": lambda rows, k, n: rows.column([1.0] * k, rows.few(1.0), n - k),
    "valid_share": lambda rows, k, n: rows.column([1.0] * k + [math.nan] * (n - k), rows.few(1.0)),
    "unseen_share": lambda rows, k, n: rows.column(["z"] * k + ["a"] * (n - k), rows.named("a")),
    "score_near_threshold": lambda rows, k, n: rows.scores([0.55] * k + [0.2] * (n - k), binning=rows.few(0.2, 0.55)),
    "score_at_ends": lambda rows, k, n: rows.scores([0.0] * k + [0.2] * (n - k), binning=rows.few(0.0, 0.2)),
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
    "total_variation": "a distance",
    "label_drift": "a distance",
}
"""Metrics without an interval, and why; distances have a noise floor and a p-value (test_chance_laws)."""
LONG = {"ks_separation", "calibration_slope", "calibration_intercept"}
"""Metrics of which a thousand windows take seconds: drawn or fitted anew in each."""
WORLDS = worlds()
ELSEWHERE = {
    *("outlier_share", "shift"),
    *("component_mean", "component_variance", "correlation_change", "reconstruction_error"),
    *("domain_auc", "energy_distance"),
    "label_correlation_change",
}
"""Of two sides, not of one view: test_outlier_laws, test_shift_laws, test_together_laws, test_sample_laws,
test_label_correlation_laws."""


def test_every_metric_has_an_interval_law_or_a_reason_for_none() -> None:
    covered = {*SHARES, *WITHOUT, *ELSEWHERE, *(world.metric for world in WORLDS)}
    # Named faults have an interval only where they are found: tests/metrics/fault.
    missing = sorted(set(metrics()) - fault_names() - covered)
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
    truth = 2 * share / (1 + share) if metric.startswith("f1") else share
    inside = (found[:, :1] <= truth) & (truth <= found[:, 1:])
    coverage = (binom.pmf(np.arange(n + 1)[:, None], n, share) * inside).sum(axis=0)
    events = n * np.minimum(share, 1 - share)
    print(f"| {metric} | n={n} | exact | {coverage.min():.3f}–{coverage[events >= 10].max(initial=0):.3f} |")
    assert coverage.min() >= 0.93
    # Coverage of a discrete law jumps by a term: up to 97.5 % where Clopper-Pearson hands over to Wilson.
    assert coverage[events >= 10].max(initial=0) <= 0.976
