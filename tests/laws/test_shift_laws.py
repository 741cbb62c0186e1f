"""Components of a column's change: p-values uniform under no change, intervals that cover, and Mann-Whitney's U."""

from __future__ import annotations

import math
from types import ModuleType

import numpy as np
import pytest
from scipy.special import ndtr, ndtri
from scipy.stats import mannwhitneyu

from airflow_ml_monitor.metrics.components import SHAPES, Cut, components
from airflow_ml_monitor.metrics.drift.shift import shift
from airflow_ml_monitor.metrics.interval import Z

DRAWS = 10_000
REFERENCE, WINDOW = 2000, 600
CELLS = 40
"""Of a numeric column's values; the cell after them holds the missing ones."""
NUMBERS = Cut({"missing": np.arange(CELLS + 1) == CELLS}, np.arange(CELLS))
CATEGORIES = Cut.of_categories(
    {"missing": np.arange(5) == 4}, {name: i for i, name in enumerate("abcd")}, np.array([500, 300, 150, 50, 100.0])
)
WORLDS = {
    "even": (NUMBERS, np.append(np.full(CELLS, 1.0), 3.0)),
    "normal": (NUMBERS, np.append(np.diff(ndtr(np.linspace(-3, 3, CELLS + 1))), 0.05)),
    "lumpy": (NUMBERS, np.append(np.where(np.arange(CELLS) % 7 == 0, 5.0, 0.2), 2.0)),
    "skewed": (NUMBERS, np.append(0.8 ** np.arange(CELLS), 0.3)),
    "categories": (CATEGORIES, np.array([500, 300, 150, 50, 100.0])),
}


@pytest.mark.parametrize("world", WORLDS)
def test_under_no_change_every_component_is_as_often_beyond_as_its_p_value_says(world: str) -> None:
    cut, weight = WORLDS[world]
    rng, share = np.random.default_rng(5), weight / weight.sum()
    drawn: dict[str, list[float]] = {}
    for reference, current in zip(
        rng.multinomial(REFERENCE, share, DRAWS).astype(float), rng.multinomial(WINDOW, share, DRAWS), strict=True
    ):
        for name, (value, rows) in components(cut, reference, current.astype(float)).items():
            before = reference[cut.ordered].sum() if name in SHAPES else REFERENCE
            drawn.setdefault(name, []).append(2 * ndtr(-abs(value) / math.sqrt(1 / rows + 1 / before)))
    assert len(drawn) == (4 if cut is NUMBERS else 5)
    for name, p in drawn.items():
        assert len(p) == DRAWS
        for a in (0.001, 0.01, 0.05, 0.2, 0.5):
            # The chance of a mean of few dozen events is lumpy: a tenth of it is allowed for.
            allowed = 0.1 * a + 4 * math.sqrt(a * (1 - a) / DRAWS)
            assert np.mean(np.array(p) <= a) == pytest.approx(a, abs=allowed), (name, a)


@pytest.mark.parametrize("moved", [0.0, 0.2])
def test_intervals_cover_what_an_endless_window_shows(moved: float) -> None:
    edges, rng = np.linspace(-3, 3, CELLS + 1), np.random.default_rng(6)
    reference, now = (np.append(np.diff(ndtr(edges - mean)), 0.05) for mean in (0.0, moved))
    share = now / now.sum()
    windows = rng.multinomial(WINDOW, share, DRAWS).astype(float)
    endless = components(NUMBERS, reference * 1e9, share * 1e9)
    for name, (value, rows) in components(NUMBERS, reference * 1e9, windows).items():
        covered = np.mean(np.abs(value - endless[name][0]) <= Z / np.sqrt(rows))
        assert 0.935 <= covered <= 0.965, name


def test_the_metric_says_what_the_components_of_its_cells_are(rows: ModuleType) -> None:
    rng = np.random.default_rng(8)
    for _ in range(20):
        x, y = rng.normal(0, 1, 900), rng.normal(0.1, 1.1, 400)
        cut = rows.grid(x)
        pair = rows.pair([*x, *[math.nan] * 30], [*y, *[math.nan] * 50], cut)
        bucket, reference, current = pair.aligned
        told, valued = shift(pair), bucket >= -cut.resolution
        same = components(Cut({}, np.flatnonzero(valued)), reference.astype(float), current.astype(float))
        for name in SHAPES:
            assert told[name].value == pytest.approx(float(same[name][0]))
            assert told[name].n == 400
        assert told["missing"].value == pytest.approx(2 * (_root(50, 450) - _root(30, 930)))


def _root(k: int, n: int) -> float:
    return math.asin(math.sqrt((k + 0.375) / (n + 0.75)))


def test_location_is_mann_whitneys_u(rows: ModuleType) -> None:
    rng = np.random.default_rng(9)
    x, y = rng.lognormal(0, 1, 3000), rng.lognormal(0.2, 1, 800)
    found = shift(rows.pair(x, y, rows.grid(x)))["location"]
    oracle = mannwhitneyu(y, x, alternative="two-sided", method="asymptotic")
    assert found.value == pytest.approx(math.sqrt(3) * (2 * oracle.statistic / (len(x) * len(y)) - 1), rel=0.01)
    # Both are normal: U's variance holds the reference's error as we do.
    assert ndtri(found.p_value / 2) == pytest.approx(ndtri(oracle.pvalue / 2), rel=0.02)


def test_a_normal_column_that_moved_by_a_fifth_of_its_deviation_has_a_location_of_about_that(rows: ModuleType) -> None:
    x = ndtri((np.arange(20_000) + 0.5) / 20_000)
    found = shift(rows.pair(x, x + 0.2, rows.grid(x)))
    assert found["location"].value == pytest.approx(0.195, abs=0.002)
    wider = shift(rows.pair(x, 1.2 * x, rows.grid(x)))
    assert wider["location"].value == pytest.approx(0, abs=1e-3)
    assert wider["scale"].value > 0.15
