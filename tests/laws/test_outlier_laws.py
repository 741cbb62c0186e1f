"""The share of outliers under no change, and of rows whose values were exchanged; references made anew, too."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest

from airflow_ml_monitor.errors import TooFew, Undefined
from airflow_ml_monitor.keys import EVER
from airflow_ml_monitor.measurement import Estimate
from airflow_ml_monitor.metrics.quality.outlier_share import BEYOND, outlier_share
from airflow_ml_monitor.profile.cells import Profile
from airflow_ml_monitor.profile.dataset import Kind
from airflow_ml_monitor.profile.ellipsoid import Ellipsoid
from airflow_ml_monitor.profile.kernel import outlying
from airflow_ml_monitor.profile.kernel.outlying import Moments
from airflow_ml_monitor.profile.layout import Binning, Layout
from airflow_ml_monitor.profile.traces import Traces
from airflow_ml_monitor.profile.views import DatasetPair

COLUMNS = 6
BINNINGS = tuple(Binning(f"x{i}", Kind.NUMERIC) for i in range(COLUMNS))
NAMES = tuple(binning.column for binning in BINNINGS)
LOADINGS = np.random.default_rng(1).normal(size=(COLUMNS, 2))
REFERENCES, WINDOWS = 60, 5


def drawn(n: int, rng: np.random.Generator) -> np.ndarray:
    """Rows of two factors, one column heavy-tailed, one of few values; as u."""
    x = LOADINGS @ rng.normal(size=(2, n)) + 0.3 * rng.normal(size=(COLUMNS, n))
    x[0], x[1] = np.sinh(x[0]), np.round(x[1])
    return x / (1 + np.abs(x))


def profile(shape: Ellipsoid, u: np.ndarray) -> Profile:
    return Profile("d", EVER, "", {}, {}, traces=Traces(distances=outlying.counted(shape, NAMES, u)))


@cache
def reference(m: int, seed: int) -> tuple[Layout, Profile]:
    u = drawn(m, np.random.default_rng([m, seed]))
    shape = outlying.enclosing(BINNINGS, Moments.of(u), m)
    return Layout(BINNINGS, (), shape), profile(shape, u)


def measured(m: int, seed: int, u: np.ndarray) -> Estimate:
    layout, of_reference = reference(m, seed)
    assert layout.ellipsoid is not None
    found = outlier_share(DatasetPair(layout, of_reference, profile(layout.ellipsoid, u)))
    assert isinstance(found, Estimate)
    return found


@pytest.mark.parametrize("m", [2_000, 50_000])
@pytest.mark.parametrize("n", [200, 600, 10_000])
def test_without_change_the_interval_covers_one_in_a_thousand_and_p_values_do_not_alarm(n: int, m: int) -> None:
    references = REFERENCES if m < 10_000 else 10
    rng = np.random.default_rng([n, m])
    found = [measured(m, i % references, drawn(n, rng)) for i in range(REFERENCES * WINDOWS)]
    covered = np.mean([e.low <= BEYOND <= e.high for e in found if e.low is not None and e.high is not None])
    # Three deviations of the simulation below 95 %; few events are covered more often.
    assert covered >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / len(found))
    p_values = np.array([e.p_value for e in found], float)
    for level in (0.01, 0.05, 0.2):
        assert np.mean(p_values <= level) <= level + 3 * np.sqrt(level * (1 - level) / len(found))
    # What is to be expected is what comes on average.
    expected, came = np.mean([e.noise or 0 for e in found]), np.mean([e.value for e in found])
    assert came == pytest.approx(expected, abs=4 * np.sqrt(BEYOND / (len(found) * n) + BEYOND / (references * m)))


def scrambled(u: np.ndarray, rng: np.random.Generator) -> None:
    """Rows with every value of another row's."""
    u[:] = rng.permuted(u, axis=1)


def exchanged(u: np.ndarray, rng: np.random.Generator) -> None:
    """Rows with one value of another row's."""
    which, every = rng.integers(0, COLUMNS, u.shape[1]), np.arange(u.shape[1])
    u[which, every] = u[which, rng.permutation(every)]


@pytest.mark.parametrize(
    ("m", "n", "how"), [(2_000, 600, scrambled), (50_000, 600, scrambled), (50_000, 5_000, exchanged)]
)
def test_values_of_other_rows_in_a_twentieth_of_the_rows_are_found(m: int, n: int, how: Callable[..., None]) -> None:
    rng = np.random.default_rng(3)
    for i in range(20):
        u = drawn(n, rng)
        broken = rng.random(n) < 0.05
        part = u[:, broken]
        how(part, rng)
        u[:, broken] = part
        found = measured(m, i % 10, u)
        assert found.low is not None
        assert found.low > BEYOND
        assert found.p_value is not None
        assert found.p_value < 0.01


def test_the_reference_itself_has_the_share_that_new_rows_will() -> None:
    layout, of_reference = reference(50_000, 0)
    found = outlier_share(DatasetPair(layout, of_reference, of_reference))
    assert isinstance(found, Estimate)
    assert found.value == found.noise == pytest.approx(BEYOND, rel=0.2)
    assert found.p_value == 1


@pytest.mark.parametrize(
    ("shape", "distances", "error", "told"),
    [
        (None, {3: 9}, Undefined, "freeze it again"),
        (Ellipsoid((), 5_000), {}, Undefined, "fewer than two features"),
        (Ellipsoid(NAMES, 999), {3: 9}, TooFew, "999 rows in the reference"),
        (Ellipsoid(NAMES, 1_000), {}, TooFew, "no rows"),
    ],
)
def test_where_it_cannot_be_told_the_reason_says_why(
    shape: Ellipsoid | None, distances: dict[int, int], error: type[Exception], told: str
) -> None:
    both = [Profile("d", EVER, "", {}, {}, traces=Traces(distances=d)) for d in ({1: 1_000}, distances)]
    with pytest.raises(error, match=told):
        outlier_share(DatasetPair(Layout(BINNINGS, (), shape), *both))
