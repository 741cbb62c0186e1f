"""Features with labels: changes of their correlations; p-values, coverage, power, oracles."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from airflow_ml_monitor.errors import TooFew, Undefined
from airflow_ml_monitor.metrics.metric import metric_named
from airflow_ml_monitor.profile.labelled_view import LabelledPair
from airflow_ml_monitor.profile.task import TaskKind

Rng = np.random.Generator
Drawn = tuple[np.ndarray, np.ndarray]
CLASSES = ("a", "b", "c")
label_correlation_change: Callable[[LabelledPair], Any] = metric_named("label_correlation_change").function


def features(n: int, rng: Rng) -> np.ndarray:
    """Normal, heavy-tailed, mostly zero, and in one of twenty rows."""
    return np.stack([
        rng.normal(size=n),
        rng.lognormal(0, 1.5, n),
        np.where(rng.random(n) < 0.7, 0.0, rng.exponential(2, n)),
        (rng.random(n) < 0.05).astype(float),
    ])  # fmt: skip


def binary(n: int, rng: Rng, slope: float = 1.0) -> Drawn:
    """One in five, the more often the larger x0."""
    x = features(n, rng)
    return (rng.random(n) < 1 / (1 + np.exp(1.6 - slope * x[0]))).astype(int), x


def rare(n: int, rng: Rng) -> Drawn:
    """One in fifty."""
    x = features(n, rng)
    return (rng.random(n) < 0.02 * np.exp(0.4 * x[0] - 0.08)).astype(int), x


def holes(n: int, rng: Rng) -> Drawn:
    """Values that are missing, the more often where the label is 1."""
    y, x = binary(n, rng)
    x[:2] = np.where(rng.random((2, n)) < 0.1 + 0.3 * y, np.nan, x[:2])
    return y, x


def several(n: int, rng: Rng) -> Drawn:
    """Three classes and one that is not declared."""
    x = features(n, rng)
    return np.clip(np.round(1 + 0.5 * x[0] + rng.normal(0, 0.7, n)), 0, 3).astype(int), x


def numbers(n: int, rng: Rng, slope: float = 1.0) -> Drawn:
    """A label whose error is the wider the larger x0."""
    x = features(n, rng)
    return slope * x[0] + np.exp(x[0] / 2) * rng.standard_t(4, n), x


WORLDS = {
    binary: (TaskKind.BINARY, ()),
    rare: (TaskKind.BINARY, ()),
    holes: (TaskKind.BINARY, ()),
    several: (TaskKind.MULTICLASS, CLASSES),
    numbers: (TaskKind.REGRESSION, ()),
}


def pair_of(rows: ModuleType, world: Any, before: Drawn, now: Drawn) -> LabelledPair:
    kind, classes = WORLDS[world]
    found: LabelledPair = rows.label_pair(*(rows.featured(*side, kind, classes) for side in (before, now)))
    return found


@pytest.mark.parametrize("world", WORLDS)
def test_without_change_p_values_alarm_as_often_as_they_say(world: Any, rows: ModuleType) -> None:
    rng = np.random.default_rng(7)
    p_values: dict[bool, list[float]] = {True: [], False: []}
    noise = []
    for _ in range(16):
        reference = world(8_000, rng)
        for _ in range(50):
            found = label_correlation_change(pair_of(rows, world, reference, world(1_200, rng)))
            for name, e in found.items():
                p_values[bool(name)].append(e.p_value)
            noise.append((found[""].value, found[""].noise))
    for is_pair, mine in p_values.items():
        for level in (0.01, 0.05, 0.2):
            allowed = 0.15 * level + 3 * math.sqrt(level * (1 - level) / 800)
            assert np.mean(np.array(mine) <= level) == pytest.approx(level, abs=allowed), (is_pair, level)
    value, expected = np.mean(noise, axis=0)
    # Classes go together, as one of them has what another has not: the largest change is the smaller for it.
    assert 0.85 * expected <= value <= 1.05 * expected


@pytest.mark.parametrize(("world", "change"), [(binary, -0.4), (numbers, 0.3)])
def test_the_feature_that_tells_something_else_is_named_and_its_interval_holds_the_change(
    world: Any, change: float, rows: ModuleType
) -> None:
    rng, covered, low = np.random.default_rng(8), [], 0
    truth = _z(world, *world(500_000, rng, change)) - _z(world, *world(500_000, rng))
    for _ in range(250):
        found = label_correlation_change(pair_of(rows, world, world(6_000, rng), world(1_500, rng, change)))
        e = found["x0~label"]
        covered.append(e.low <= truth <= e.high)
        low += found[""].p_value < 0.001
        assert max(found, key=lambda name: abs(found[name].value) * bool(name)) == "x0~label"
    assert low >= 245
    assert np.mean(covered) == pytest.approx(0.95, abs=3 * math.sqrt(0.95 * 0.05 / 250))


def _z(world: Any, y: np.ndarray, x: np.ndarray, column: int = 0, label: int | None = None) -> float:
    u = x[column] / (1 + np.abs(x[column]))
    v = y / (1 + np.abs(y)) if world is numbers else y if label is None else y == label
    there = ~np.isnan(u)
    return math.atanh(np.corrcoef(u[there], v[there])[0, 1])


@pytest.mark.parametrize("world", WORLDS)
def test_changes_are_those_of_numpys_correlations(world: Any, rows: ModuleType) -> None:
    rng = np.random.default_rng(9)
    sides = world(5_000, rng), world(4_000, rng)
    found = label_correlation_change(pair_of(rows, world, *sides))
    labels = {f"={name}": i for i, name in enumerate(CLASSES)} if world is several else {"": None}
    changes = {
        f"x{i}~label{name}": _z(world, *sides[1], i, label) - _z(world, *sides[0], i, label)
        for name, label in labels.items()
        for i in range(4)
    }
    told = {name: e.value for name, e in found.items() if name}
    assert told == pytest.approx({name: changes[name] for name in told}, abs=1e-9)
    # A rare label with a rare value is of too few rows.
    assert set(changes) - set(told) == ({"x3~label"} if world is rare else set())
    assert found[""].value == pytest.approx(max(map(abs, told.values())), abs=1e-12)


def test_by_hand_a_feature_that_told_nothing(rows: ModuleType) -> None:
    # As of two columns (test_together_laws): r = 0, then 0.6; artanh 0.6 = ln 2; the variances 1 and 1.5625 a row.
    # Which are weighed by the rows of either side, as they are taken to be of one kind.
    cells = np.array([[1.0, 1, 0, 0], [1, -1, 1, -1]])
    sides = [np.repeat(cells, counts, axis=1) for counts in ([100] * 4, [160, 40, 40, 160])]
    found = label_correlation_change(rows.label_pair(*(rows.featured(side[0], side[1:]) for side in sides)))
    e = found["x0~label"]
    assert e.value == pytest.approx(math.log(2))
    half = 1.959964 * math.sqrt((1 + 1.5625) / 2 * 2 / 397)
    assert (e.low, e.high) == pytest.approx((math.log(2) - half, math.log(2) + half), rel=1e-5)


def test_to_swap_sides_turns_the_sign_and_no_change_is_none(rows: ModuleType) -> None:
    rng = np.random.default_rng(12)
    a, b = holes(3_000, rng), holes(900, rng)
    there, back = (label_correlation_change(pair_of(rows, holes, *sides)) for sides in ((a, b), (b, a)))
    assert there.keys() == back.keys()
    for name, e in there.items():
        assert e.value == pytest.approx(back[name].value if not name else -back[name].value, abs=1e-12)
        assert e.p_value == pytest.approx(back[name].p_value, abs=1e-9)
    for e in label_correlation_change(pair_of(rows, holes, a, a)).values():
        assert (e.value, e.p_value) == (0, 1)


def test_a_feature_that_does_not_vary_is_left_out_and_one_in_another_unit_is_no_rounding(rows: ModuleType) -> None:
    rng = np.random.default_rng(16)
    (y, x), (now, other) = binary(3_000, rng), binary(900, rng)
    other[1], other[2] = 3.0, 1e9 + other[2]
    found = label_correlation_change(pair_of(rows, binary, (y, x), (now, other)))
    assert set(found) == {"", "x0~label", "x3~label"}


def test_where_it_cannot_be_told_the_reason_says_why(rows: ModuleType) -> None:
    y, x = binary(500, np.random.default_rng(18))
    whole = rows.featured(y, x)
    with pytest.raises(TooFew, match="500 labels in the reference and 49 in the window, 50 needed in both"):
        label_correlation_change(rows.label_pair(whole, rows.featured(y[:49], x[:, :49])))
    bare = rows.featured(y, x[:0])
    with pytest.raises(Undefined, match="the reference was frozen without label_moments"):
        label_correlation_change(rows.label_pair(bare, whole))
    with pytest.raises(Undefined, match="no feature of the reference arrived as declared"):
        label_correlation_change(rows.label_pair(whole, bare))
    with pytest.raises(TooFew, match="none of 4 pairs has rows enough in which both vary"):
        label_correlation_change(rows.label_pair(rows.featured(y * 0, x), whole))
