"""Distances under no change: p-values are uniform (or stay above), noise floors are means, and drift is not hidden."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from scipy.stats import kstest

from airflow_ml_monitor.metrics.metric import Subject, metric_named, metrics
from airflow_ml_monitor.metrics.names import fault_names
from airflow_ml_monitor.profile.dataset import Kind

DRAWS = 1000
CALIBRATION = ["expected_calibration_error"]
LABELS = ["label_drift"]
Rng = np.random.Generator
Draw = Callable[[ModuleType, Rng], Any]
DISTANCES = [m for m in metrics().values() if m.subject is Subject.PAIR and m.range[0] == 0]
NUMERIC = [m.name for m in DISTANCES if Kind.NUMERIC in m.kinds]
CATEGORICAL = [m.name for m in DISTANCES if Kind.CATEGORICAL in m.kinds]


def normal(rows: ModuleType, rng: Rng) -> Any:
    return rows.pair(rng.normal(0, 1, 1500), rng.normal(0, 1, 600))


def skewed(rows: ModuleType, rng: Rng) -> Any:
    return rows.pair(rng.lognormal(0, 0.8, 800), rng.lognormal(0, 0.8, 1200))


def few_values(rows: ModuleType, rng: Rng) -> Any:
    return rows.pair(rng.binomial(3, 0.4, 900), rng.binomial(3, 0.4, 400), rows.few(0.0, 1.0, 2.0, 3.0))


def categories(rows: ModuleType, rng: Rng) -> Any:
    names, share = np.array(["a", "b", "c", "d"]), [0.4, 0.3, 0.2, 0.1]
    return rows.pair(rng.choice(names, 1500, p=share), rng.choice(names, 700, p=share), rows.named(*names))


def rare_categories(rows: ModuleType, rng: Rng) -> Any:
    names, share = np.array(list("abcdefgh")), [0.6, 0.2, 0.1, 0.05, 0.03, 0.01, 0.007, 0.003]
    return rows.pair(rng.choice(names, 1000, p=share), rng.choice(names, 200, p=share), rows.named(*names))


def calibrated(rows: ModuleType, rng: Rng) -> Any:
    score = rng.beta(2, 3, 500)
    return rows.labelled(rng.random(500) < score, score)


def calibrated_few(rows: ModuleType, rng: Rng) -> Any:
    score = rng.beta(0.3, 3, 25)
    return rows.labelled(rng.random(25) < score, score)


def symmetric(rows: ModuleType, rng: Rng) -> Any:
    """Errors between classes that are as likely as back."""
    label = rng.choice(4, 300, p=[0.5, 0.3, 0.15, 0.05])
    other = rng.choice(4, 300, p=[0.5, 0.3, 0.15, 0.05])
    return rows.decided(label, np.where(rng.random(300) < 0.7, label, other), 4)


def labels(rows: ModuleType, rng: Rng) -> Any:
    """Labels of the reference and of a window, of one rate."""
    return rows.label_pair(*(rows.labelled(rng.random(n) < 0.2, rng.random(n)) for n in (2000, 500)))


def few_labels(rows: ModuleType, rng: Rng) -> Any:
    return rows.label_pair(*(rows.labelled(rng.random(n) < 0.02, rng.random(n)) for n in (1500, 120)))


def labels_of_several(rows: ModuleType, rng: Rng) -> Any:
    drawn = (rng.choice(4, n, p=[0.5, 0.3, 0.15, 0.05]) for n in (1500, 400))
    return rows.label_pair(*(rows.decided(label, label, 3) for label in drawn))


WORLDS: dict[Draw, list[str]] = {
    **dict.fromkeys((normal, skewed, few_values), NUMERIC),
    **dict.fromkeys((categories, rare_categories), CATEGORICAL),
    **dict.fromkeys((calibrated, calibrated_few), CALIBRATION),
    symmetric: ["total_variation"],
    **dict.fromkeys((labels, few_labels, labels_of_several), LABELS),
}


def test_every_distance_is_looked_at_under_no_change() -> None:
    of_labels = {m.name for m in metrics().values() if m.subject is Subject.LABELLED_PAIR}
    distances = {m.name for m in DISTANCES} | (of_labels - fault_names())
    missing = sorted(distances - {name for names in WORLDS.values() for name in names})
    assert not missing, f"{missing}: add a world to WORLDS in {__name__}"


@pytest.mark.parametrize("draw", WORLDS, ids=lambda draw: draw.__name__)
def test_under_no_change_p_is_uniform_and_noise_is_the_mean(draw: Draw, rows: ModuleType) -> None:
    rng = np.random.default_rng(7)
    views = [draw(rows, rng) for _ in range(DRAWS)]
    for metric in WORLDS[draw]:
        found = [metric_named(metric).function(view) for view in views]
        value, p, noise = (np.array([getattr(e, part) for e in found], float) for part in ("value", "p_value", "noise"))
        shares = {a: float(np.mean(p <= a)) for a in (0.01, 0.05, 0.2)}
        print(f"| {metric} | {draw.__name__} | {value.mean() / noise.mean():.3f} | {shares} |")
        for a, share in shares.items():
            assert share <= a + 3 * math.sqrt(a * (1 - a) / DRAWS), metric
        if draw in (normal, skewed):
            assert kstest(p, "uniform").pvalue > 1e-3, metric
        by_chance = 4 * value.std() / math.sqrt(DRAWS)
        assert value.mean() == pytest.approx(noise.mean(), abs=by_chance + 0.03 * noise.mean()), metric


@pytest.mark.parametrize("metric", NUMERIC)
def test_one_outlier_neither_hides_drift_nor_makes_it(metric: str, rows: ModuleType) -> None:
    rng = np.random.default_rng(3)
    reference, same, moved = rng.normal(0, 1, 2000), rng.normal(0, 1, 2000), rng.normal(1, 1, 2000)
    function = metric_named(metric).function
    plain, stained = (function(rows.pair(reference, x)) for x in (moved, [*moved, 1e6]))
    assert stained.value >= 0.99 * plain.value
    if metric != "wasserstein":
        # A distance in the column's unit must see how far out it lies; to the others it is one row of 2,000.
        assert stained.p_value < 0.001
        quiet = function(rows.pair(reference, same)).value
        assert function(rows.pair(reference, [*same, 1e6])).value == pytest.approx(quiet, abs=0.005)


@pytest.mark.parametrize("metric", sorted({*NUMERIC, *CATEGORICAL}))
def test_a_changed_share_is_found_in_few_values(metric: str, rows: ModuleType) -> None:
    rng = np.random.default_rng(4)
    cut = rows.few(0.0, 1.0)
    found = metric_named(metric).function(rows.pair(rng.random(2000) < 0.2, rng.random(2000) < 0.3, cut))
    assert found.p_value < 0.001
    assert found.value > 3 * found.noise
