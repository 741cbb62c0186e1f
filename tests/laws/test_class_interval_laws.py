"""Intervals of several classes cover: 93–97 % where classes have rows enough, at least 93 % where they have few."""

from __future__ import annotations

import math
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import sklearn.metrics as oracle

from airflow_ml_monitor.errors import NoValue
from airflow_ml_monitor.measurement import Estimate
from airflow_ml_monitor.metrics.metric import metric_named

DRAWS = 500
AGREEMENT = ("balanced_accuracy", "cohen_kappa", "matthews_correlation", "precision", "recall", "f1")
LOSSES = ("log_loss", "brier")
SKILL = ("log_loss_skill", "brier_skill", "accuracy_over_majority")
Model = tuple[int, float, float, float]
"""(classes, how far the scores part them, how much rarer each is than the one before, how much too sure they are)."""
EVEN, RARE, SURE, MANY = (3, 1.5, 0.0, 1.0), (4, 2.0, 0.8, 1.0), (5, 1.5, 0.3, 2.0), (10, 3.0, 0.0, 1.0)


def drawn(rng: np.random.Generator, n: int, model: Model) -> tuple[np.ndarray, np.ndarray]:
    """(labels, scores)."""
    size, gap, rarer, over = model
    p = np.exp(gap * rng.normal(size=(n, size)) - rarer * np.arange(size))
    p /= p.sum(axis=1, keepdims=True)
    label = np.minimum((p.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1), size - 1)
    p = p**over
    return label, p / np.add.accumulate(p, axis=1)[:, -1:]


@cache
def truths(model: Model) -> dict[tuple[str, str], float]:
    """{(metric, parameters): value} of 300,000 rows, by scikit-learn."""
    y, p = drawn(np.random.default_rng(77), 300_000, model)
    guess = p.argmax(axis=1)
    found = {
        ("balanced_accuracy", ""): oracle.balanced_accuracy_score(y, guess),
        ("cohen_kappa", ""): oracle.cohen_kappa_score(y, guess),
        ("matthews_correlation", ""): oracle.matthews_corrcoef(y, guess),
        ("log_loss", ""): oracle.log_loss(y, p),
        ("brier", ""): oracle.brier_score_loss(y, p),
    }
    share = np.bincount(y) / len(y)
    always = np.broadcast_to(share, p.shape)
    found["accuracy_over_majority", ""] = (guess == y).mean() - share.max()
    found["log_loss_skill", ""] = 1 - oracle.log_loss(y, p) / oracle.log_loss(y, always)
    found["brier_skill", ""] = 1 - oracle.brier_score_loss(y, p) / oracle.brier_score_loss(y, always)
    for metric in ("precision", "recall", "f1"):
        for average in ("macro", "weighted"):
            value = getattr(oracle, f"{metric}_score")(y, guess, average=average)
            found[metric, f"average={average}"] = value
    return {key: float(value) for key, value in found.items()}


def estimates(metric: str, view: Any) -> dict[str, Estimate]:
    try:
        found = metric_named(metric).function(view)
    except NoValue:
        return {}
    return {"": found} if isinstance(found, Estimate) else dict(found)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "n", "few"),
    [
        (EVEN, 30, True),
        (EVEN, 300, False),
        (RARE, 100, True),
        (RARE, 2000, False),
        (SURE, 150, True),
        (SURE, 1000, False),
        (MANY, 100, True),
        (MANY, 1000, False),
    ],
)
def test_intervals_cover(model: Model, n: int, few: bool, rows: ModuleType) -> None:
    rng = np.random.default_rng(2026)
    views = [rows.classified(*drawn(rng, n, model)) for _ in range(DRAWS)]
    for metric in (*AGREEMENT, *LOSSES, *SKILL):
        found = [estimates(metric, view) for view in views]
        for parameters in (p for name, p in truths(model) if name == metric):
            truth = truths(model)[metric, parameters]
            limits = [(e[parameters].low, e[parameters].high) for e in found if e]
            hits = [low is None or high is None or low <= truth <= high for low, high in limits]
            coverage = float(np.mean(hits))
            under, over = (2.6 * math.sqrt(share * (1 - share) / len(hits)) for share in (0.93, 0.97))
            print(f"| {metric} {parameters} | {model} n={n} | {'few' if few else ''} | {coverage:.3f} |")
            assert coverage >= 0.93 - under, (metric, parameters)
            assert few or coverage <= 0.97 + over, (metric, parameters)
