"""Intervals of several labels a row cover: 93–97 % with rows enough, at least 93 % with few; macro areas from 93 % on.

A row's decisions hang together: what makes one of its labels likely makes the others likely too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import sklearn.metrics as oracle

from airflow_ml_monitor.errors import NoValue
from airflow_ml_monitor.measurement import Estimate
from airflow_ml_monitor.metrics.metric import metric_named

DRAWS = 400
SHARES = ("precision", "recall", "f1")
WIDE = {("roc_auc", "average=macro")}
"""Limits are the means of the classes', as if they erred together: measured, they cover all of 400 draws."""


@dataclass(frozen=True)
class World:
    """classes: how many; rarer: how much each than the one before, in logits; tied: by how much a row's decisions hang
    together; first: the logit of the first class; sharp: how far scores part the labels."""

    classes: int
    rarer: float = 0.0
    tied: float = 1.0
    first: float = -1.0
    sharp: float = 2.0


FREE, TIED, RARE = World(5, tied=0.0), World(5, tied=2.0), World(6, rarer=0.6, tied=1.0)
MANY, GOOD = World(20, rarer=0.1, tied=1.0, first=-1.5), World(4, tied=1.0, sharp=6.0)


def drawn(rng: np.random.Generator, n: int, world: World) -> tuple[np.ndarray, np.ndarray]:
    """(labels, scores): a row's scores are off by one error that all its classes share, and are likely together."""
    base = world.first - world.rarer * np.arange(world.classes)
    seen = rng.normal(size=(n, world.classes)) * world.sharp + world.tied * rng.normal(size=(n, 1)) + base
    off = world.tied * rng.normal(size=(n, 1)) / 2
    label = (rng.random((n, world.classes)) < 1 / (1 + np.exp(-(seen + off)))).astype(int)
    return label, 1 / (1 + np.exp(-seen))


@cache
def truths(world: World) -> dict[tuple[str, str], float]:
    """{(metric, parameters): value} of 300,000 rows, by scikit-learn."""
    y, p = drawn(np.random.default_rng(77), 300_000, world)
    guess = (p >= 0.5).astype(int)
    found = {("hamming_loss", ""): oracle.hamming_loss(y, guess), ("accuracy", ""): oracle.accuracy_score(y, guess)}
    found["jaccard", ""] = oracle.jaccard_score(y, guess, average="samples", zero_division=1)
    found["roc_auc", "average=macro"] = oracle.roc_auc_score(y, p, average="macro")
    for metric in SHARES:
        for average in ("macro", "micro", "weighted"):
            found[metric, f"average={average}"] = getattr(oracle, f"{metric}_score")(y, guess, average=average)
        each = getattr(oracle, f"{metric}_score")(y, guess, average=None)
        found[metric, "class=c1"] = each[1]
    return {key: float(value) for key, value in found.items()}


def estimates(metric: str, view: Any) -> dict[str, Estimate]:
    try:
        found = metric_named(metric).function(view)
    except NoValue:
        return {}
    return {"": found} if isinstance(found, Estimate) else dict(found)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("world", "n", "few"),
    [
        (FREE, 40, True),
        (FREE, 500, False),
        (TIED, 40, True),
        (TIED, 500, False),
        (RARE, 100, True),
        (RARE, 2000, False),
        (GOOD, 60, True),
        (GOOD, 1000, False),
        (MANY, 100, True),
        (MANY, 800, False),
    ],
)
def test_intervals_cover(world: World, n: int, few: bool, rows: ModuleType) -> None:
    rng = np.random.default_rng(2026)
    views = [rows.tagged(*drawn(rng, n, world)) for _ in range(DRAWS)]
    for metric in dict.fromkeys(name for name, _ in truths(world)):
        found = [estimates(metric, view) for view in views]
        for parameters in (p for name, p in truths(world) if name == metric):
            truth = truths(world)[metric, parameters]
            limits = [(e[parameters].low, e[parameters].high) for e in found if e]
            limits = [(low, high) for low, high in limits if low is not None and high is not None]
            coverage = float(np.mean([low <= truth <= high for low, high in limits]))
            under, over = (2.6 * math.sqrt(share * (1 - share) / len(limits)) for share in (0.93, 0.97))
            width = float(np.mean([high - low for low, high in limits]))
            print(f"| {metric} {parameters} | {world} n={n} | {'few' if few else ''} | {coverage:.3f} | {width:.3f} |")
            assert coverage >= 0.93 - under, (metric, parameters)
            is_wide = few or (metric, parameters) in WIDE
            assert is_wide or coverage <= 0.97 + over, (metric, parameters)
