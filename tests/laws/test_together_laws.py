"""Columns together: changes of correlations and along principal components; p-values, coverage, power, oracles."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from sklearn.decomposition import PCA

from airflow_ml_monitor.errors import TooFew, Undefined
from airflow_ml_monitor.keys import WindowRule, WindowUnit
from airflow_ml_monitor.measurement import Estimate
from airflow_ml_monitor.metrics.correlation_pairs import MOST
from airflow_ml_monitor.metrics.drift.component_mean import component_mean
from airflow_ml_monitor.metrics.drift.component_variance import component_variance
from airflow_ml_monitor.metrics.drift.correlation_change import correlation_change
from airflow_ml_monitor.metrics.interval import Z
from airflow_ml_monitor.metrics.quality.reconstruction_error import reconstruction_error
from airflow_ml_monitor.metrics.together import LEAST_ROWS
from airflow_ml_monitor.policy.chart import Chart
from airflow_ml_monitor.policy.charts.charted import Charted, Part
from airflow_ml_monitor.policy.charts.watch import watch
from airflow_ml_monitor.profile.axes import axes_of
from airflow_ml_monitor.profile.traces import Traces
from airflow_ml_monitor.profile.views import DatasetPair

COLUMNS = 8
ANGLES = np.random.default_rng(1).uniform(0, np.pi, COLUMNS)
LOADINGS = math.sqrt(0.6) * np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=1)
METRICS: list[Callable[[DatasetPair], Any]] = [
    correlation_change,
    component_mean,
    component_variance,
    reconstruction_error,
]
Rng = np.random.Generator


def plain(n: int, rng: Rng, loadings: np.ndarray = LOADINGS) -> np.ndarray:
    """Columns that follow two factors; each has the same variance whatever its loadings are."""
    own = np.sqrt(1 - (loadings**2).sum(axis=1))[:, None]
    return loadings @ rng.normal(size=(2, n)) + own * rng.normal(size=(COLUMNS, n))


def heavy(n: int, rng: Rng) -> np.ndarray:
    """Rows that are large together: the products of any two columns scatter more than a normal's."""
    return plain(n, rng) * np.exp(rng.normal(size=n))


def rare(n: int, rng: Rng) -> np.ndarray:
    """Half of the columns are yes or no, the last of them in 1 of 100 rows."""
    x = plain(n, rng)
    x[:4] = x[:4] > np.array([0.0, 0.8, 1.3, 2.3])[:, None]
    return x


def holes(n: int, rng: Rng) -> np.ndarray:
    """Three columns lack values together, three others each for itself."""
    x = plain(n, rng)
    x[:3, rng.random(n) < 0.3] = np.nan
    x[3:6] = np.where(rng.random((3, n)) < 0.2, np.nan, x[3:6])
    return x


def many(found: Estimate | dict[str, Estimate]) -> dict[str, Estimate]:
    return {"": found} if isinstance(found, Estimate) else found


@pytest.mark.parametrize("world", [plain, heavy, rare, holes])
def test_without_change_p_values_alarm_as_often_as_they_say(world: Callable[..., np.ndarray], rows: ModuleType) -> None:
    rng, windows = np.random.default_rng(7), 25
    p_values: dict[str, list[float]] = {}
    noise: list[tuple[float, float]] = []
    for _ in range(16):
        reference = world(8_000, rng)
        for _ in range(windows):
            pair = rows.together(reference, world(600, rng))
            for metric in METRICS:
                for name, e in many(metric(pair)).items():
                    assert e.p_value is not None
                    p_values.setdefault(metric.__name__ + (" pair" if "~" in name else ""), []).append(e.p_value)
                    if metric is correlation_change and not name:
                        noise.append((e.value, e.noise or 0.0))
    assert len(p_values) == len(METRICS) + 1
    for name, mine in p_values.items():
        for level in (0.01, 0.05, 0.2):
            # Values of one window go together: those of 400 windows count as so many, not as their product.
            allowed = 0.15 * level + 3 * math.sqrt(level * (1 - level) / min(len(mine), 800))
            assert np.mean(np.array(mine) <= level) == pytest.approx(level, abs=allowed), (name, level)
    value, expected = np.mean(noise, axis=0)
    # Changes of pairs that share a column go together, and the largest of them is the smaller for it.
    assert 0.9 * expected <= value <= 1.03 * expected


def changed(kind: str) -> np.ndarray:
    """Other loadings: of columns whose own distribution does not change by it."""
    loadings = LOADINGS.copy()
    if kind == "one column no longer follows the others":
        loadings[2] = 0
    if kind == "all go a little less together":
        loadings *= math.sqrt(0.75)
    if kind == "one turns round":
        loadings[5] *= -1
    return loadings


@pytest.mark.parametrize(
    ("kind", "finds"),
    [
        ("one column no longer follows the others", {correlation_change}),
        ("all go a little less together", {correlation_change, component_variance, reconstruction_error}),
        ("one turns round", {correlation_change, component_variance, reconstruction_error}),
    ],
)
def test_a_change_of_correlations_alone_is_found(kind: str, finds: set[Callable[..., Any]], rows: ModuleType) -> None:
    rng, reference = np.random.default_rng(8), plain(20_000, np.random.default_rng(9))
    least: dict[str, list[float]] = {}
    for _ in range(20):
        now = plain(2_000, rng, changed(kind))
        # What each column shows by itself: nothing.
        np.testing.assert_allclose(now.std(axis=1), 1, rtol=0.08)
        pair = rows.together(reference, now)
        for metric in finds:
            found = many(metric(pair))
            p = found[""].p_value if "" in found else min(e.p_value or 0 for e in found.values()) * len(found)
            assert p is not None
            least.setdefault(metric.__name__, []).append(p)
    for name, p_values in least.items():
        assert np.mean(np.array(p_values) < 0.001) >= 0.95, name


def test_the_pair_that_changed_is_the_one_that_is_named_and_its_interval_holds_the_change(rows: ModuleType) -> None:
    rng = np.random.default_rng(10)

    def world(n: int, r: float) -> np.ndarray:
        x = heavy(n, rng)
        x[0], x[1] = rng.multivariate_normal([0, 0], [[1, r], [r, 1]], n).T * np.exp(rng.normal(size=n))
        return x

    truth = _z(world(500_000, 0.3)) - _z(world(500_000, 0.6))
    covered = []
    for _ in range(250):
        found = correlation_change(rows.together(world(4_000, 0.6), world(1_500, 0.3)))
        e = found["x0~x1"]
        covered.append(e.low <= truth <= e.high)
        assert max(found, key=lambda name: abs(found[name].value) * bool(name)) == "x0~x1"
    assert np.mean(covered) == pytest.approx(0.95, abs=3 * math.sqrt(0.95 * 0.05 / 250))


def _z(x: np.ndarray) -> float:
    u = x[:2] / (1 + np.abs(x[:2]))
    return math.atanh(np.corrcoef(u)[0, 1])


def test_by_hand_a_correlation_of_yes_and_no_that_was_none(rows: ModuleType) -> None:
    # Of 400 rows a quarter in each cell of a table of two: r = 0. Then 160, 40, 40, 160: r = (160 - 40) / 200 = 0.6,
    # and artanh 0.6 = ½ ln(1.6 / 0.4) = ln 2. What a row adds to r is xy - r: 1 - 0.36 = 0.64 is its variance, over
    # (1 - 0.36)² = 0.4096 that of z: 1.5625; the reference's is 1. Together (1 + 1.5625) / 2 a row on either side.
    sides = [
        np.repeat([[1.0, 1, -1, -1], [1, -1, 1, -1]], counts, axis=1) for counts in ([100] * 4, [160, 40, 40, 160])
    ]
    found = correlation_change(rows.together(*sides))["x0~x1"]
    assert found.value == pytest.approx(math.log(2))
    half = 1.959964 * math.sqrt((1 + 1.5625) / 2 * 2 / 397)
    assert (found.low, found.high) == pytest.approx((math.log(2) - half, math.log(2) + half), rel=1e-5)


@pytest.mark.parametrize("world", [plain, heavy, holes])
def test_changes_are_those_of_numpys_correlations(world: Callable[..., np.ndarray], rows: ModuleType) -> None:
    rng = np.random.default_rng(11)
    sides = world(900, rng), world(700, rng)
    found = correlation_change(rows.together(*sides))
    z = [np.zeros((COLUMNS, COLUMNS)), np.zeros((COLUMNS, COLUMNS))]
    for side, mine in zip(sides, z, strict=True):
        u = side / (1 + np.abs(side))
        for i in range(COLUMNS):
            for j in range(i):
                both = ~np.isnan(u[i]) & ~np.isnan(u[j])
                covariance = np.cov(u[i, both], u[j, both], ddof=0)[0, 1]
                mine[j, i] = math.atanh(covariance / np.nanstd(u[i]) / np.nanstd(u[j]))
    for i in range(COLUMNS):
        for j in range(i):
            assert found[f"x{j}~x{i}"].value == pytest.approx(z[1][j, i] - z[0][j, i], abs=1e-9)
    assert found[""].value == pytest.approx(np.abs(z[1] - z[0]).max(), abs=1e-9)


def test_to_swap_sides_turns_the_sign_and_no_change_is_none(rows: ModuleType) -> None:
    rng = np.random.default_rng(12)
    a, b = holes(3_000, rng), holes(500, rng)
    there, back = correlation_change(rows.together(a, b)), correlation_change(rows.together(b, a))
    assert there.keys() == back.keys()
    for name, e in there.items():
        assert e.value == pytest.approx(back[name].value if not name else -back[name].value, abs=1e-12)
        assert e.p_value == pytest.approx(back[name].p_value, abs=1e-9)
    for e in correlation_change(rows.together(a, a)).values():
        assert (e.value, e.p_value) == (0, 1)


def test_along_components_lies_what_projected_rows_show(rows: ModuleType) -> None:
    rng = np.random.default_rng(13)
    old, new = plain(50_000, rng), plain(3_000, rng, changed("one turns round")) + 0.1
    pair = rows.together(old, new)
    u = [side / (1 + np.abs(side)) for side in (old, new)]
    centre, deviation = u[0].mean(axis=1, keepdims=True), u[0].std(axis=1, keepdims=True)
    x = [((side - centre) / deviation).T for side in u]
    by_rows = PCA().fit(x[0])
    p = axes_of(pair.layout.ellipsoid).vectors.shape[1]
    assert p == np.searchsorted(np.cumsum(by_rows.explained_variance_ratio_), 0.65) + 1
    t = [by_rows.transform(side)[:, :p] for side in x]
    # The largest weight of an axis is positive.
    vectors = by_rows.components_[:p]
    t[1] = t[1] * np.sign(vectors[np.arange(p), np.abs(vectors).argmax(axis=1)])
    means, variances = component_mean(pair), component_variance(pair)
    for i in range(p):
        root = t[0][:, i].std()
        assert means[f"component={i + 1}"].value == pytest.approx(t[1][:, i].mean() / root, abs=1e-3)
        ratio = math.log(t[1][:, i].var() / root**2)
        assert variances[f"component={i + 1}"].value == pytest.approx(ratio, abs=2e-2)
    found = reconstruction_error(pair)
    outside = 1 - t[1].var(axis=0).sum() / x[1].var(axis=0).sum()
    assert found.value == pytest.approx(outside, abs=1e-6)
    assert found.noise == pytest.approx(1 - by_rows.explained_variance_ratio_[:p].sum(), abs=2e-3)
    itself = reconstruction_error(DatasetPair(pair.layout, pair.reference, pair.reference))
    assert (itself.value, itself.p_value) == (itself.noise, 1)


def test_a_shift_of_many_columns_by_little_moves_one_component_much(rows: ModuleType) -> None:
    rng = np.random.default_rng(14)
    old, new = plain(20_000, rng), plain(2_000, rng)
    new += 0.12 * LOADINGS[:, :1]
    found = component_mean(rows.together(old, new))
    assert max(abs(e.value) for e in found.values()) > 0.05
    assert min(e.p_value or 0 for e in found.values()) < 1e-4


@pytest.mark.parametrize("metric", METRICS)
def test_values_that_go_missing_at_random_are_no_change(metric: Callable[..., Any], rows: ModuleType) -> None:
    rng = np.random.default_rng(15)
    reference, low = plain(20_000, rng), 0
    for _ in range(40):
        now = plain(1_500, rng)
        now[:2, rng.random(1_500) < 0.4] = np.nan
        found = many(metric(rows.together(reference, now)))
        told = found[""].p_value if "" in found else min(e.p_value or 0 for e in found.values()) * len(found)
        low += told < 0.05
    assert low <= 7


def test_a_column_that_does_not_vary_and_one_that_says_the_same_are_no_change(rows: ModuleType) -> None:
    rng = np.random.default_rng(16)
    reference, now = plain(3_000, rng), plain(800, rng)
    now[1] = 3.0
    reference[2], now[2] = reference[0], now[0]
    found = correlation_change(rows.together(reference, now))
    assert not [name for name in found if "x1" in name.split("~")]
    assert found["x0~x2"].value == 0
    assert found["x0~x2"].p_value == 1
    assert (found[""].p_value or 0) > 0.01


def test_a_column_in_another_unit_has_no_correlation_that_rounding_could_make(rows: ModuleType) -> None:
    rng = np.random.default_rng(20)
    reference, now = plain(3_000, rng), plain(800, rng)
    now[3] = 1e7 + 1e4 * now[3]
    found = correlation_change(rows.together(reference, now))
    assert not [name for name in found if "x3" in name.split("~")]
    assert (found[""].p_value or 0) > 0.01


def test_of_many_columns_the_references_strongest_pairs_are_told_whatever_comes(rows: ModuleType) -> None:
    rng = np.random.default_rng(17)
    x = rng.normal(size=(24, 4_000)) + np.linspace(0, 1.5, 24)[:, None] * rng.normal(size=4_000)
    one, other = (set(correlation_change(rows.together(x[:, :2_000], part))) for part in (x[:, 2_000:], -x[:, :900]))
    assert one == other
    assert len(one) == MOST + 1
    assert "x22~x23" in one
    assert "x0~x1" not in one


@pytest.mark.parametrize("metric", METRICS)
def test_where_it_cannot_be_told_the_reason_says_why(metric: Callable[..., Any], rows: ModuleType) -> None:
    x = plain(500, np.random.default_rng(18))
    few = rows.together(x, x[:, : LEAST_ROWS - 1])
    with pytest.raises(TooFew, match="49 rows in the window, 50 needed"):
        metric(few)
    whole = rows.together(x, x)
    old = replace(whole.reference, traces=Traces(products=whole.reference.traces.products))
    with pytest.raises(Undefined, match="of the reference: an older release profiled it"):
        metric(DatasetPair(whole.layout, old, whole.current))


@pytest.mark.parametrize(("kind", "metric", "within"), [
    ("one turns round", correlation_change, 2),
    ("all go a little less together", component_variance, 5),
])  # fmt: skip
def test_charts_find_a_change_of_correlations_alone_within_days_and_nothing_before(
    kind: str, metric: Callable[[DatasetPair], dict[str, Estimate]], within: int, rows: ModuleType
) -> None:
    rng, before, quiet = np.random.default_rng(19), 60, 30
    days = [plain(1_500, rng) for _ in range(before + quiet)] + [plain(1_500, rng, changed(kind)) for _ in range(8)]
    reference = np.concatenate(days[:before], axis=1)
    frozen = rows.together(reference, days[0])
    found = [metric(replace(frozen, current=rows.together(reference, day).current)) for day in days]
    names = sorted(name for name in found[0] if name)
    value, low, high = (
        np.array([[getattr(each[name], part) for name in names] for each in found]) for part in ("value", "low", "high")
    )
    windows = WindowRule(WindowUnit.DAY).between(rows.DAY.start, rows.DAY.start + timedelta(days=len(days)))
    parts = tuple(Part("", name) for name in names)
    variance, count = ((high - low) / (2 * Z)) ** 2, np.full(value.shape, 1_500.0)
    about = (Chart(metric.__name__), "", WindowRule(WindowUnit.DAY), "")
    charted = Charted(*about, tuple(windows), parts, value, variance, count)
    panel = replace(charted.panel(()), trusted=before)
    alarms = watch(panel, 1.0).alarm.any(axis=1)
    assert not alarms[: before + quiet].any()
    assert alarms[before + quiet :][:within].any()
