"""Products where values are missing, and how they scatter from row to row: against pandas, row by row."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from airflow_ml_monitor.keys import EVER
from airflow_ml_monitor.profile.axes import EXPLAINED, MOST_AXES, axes_of
from airflow_ml_monitor.profile.codec import decode_profile, encode_profile
from airflow_ml_monitor.profile.dataset import Column, Dataset, Kind, Role
from airflow_ml_monitor.profile.ellipsoid import Ellipsoid
from airflow_ml_monitor.profile.engines.embedded.duckdb import DuckDB
from airflow_ml_monitor.profile.layout import Layout
from airflow_ml_monitor.profile.scatter import LEAST, Scatter, scatter_of
from airflow_ml_monitor.profile.traces import MOST_PRODUCTS, Products


@pytest.fixture(scope="module")
def made(builders: Callable[[str], ModuleType]) -> ModuleType:
    """Rows of two factors and their u, of which some lack values."""
    return builders("profile/test_outlying.py")


@pytest.fixture(scope="module")
def layout(oracle: ModuleType, made: ModuleType) -> Layout:
    return DuckDB().layout(oracle.dataset(made.rows(1), made.KINDS), EVER)


def test_products_of_rows_that_lack_values_are_those_of_the_rows_that_have_both(
    either: DuckDB, oracle: ModuleType, made: ModuleType, layout: Layout
) -> None:
    frame = made.with_holes(5)
    found = either.profile(oracle.dataset(frame, made.KINDS), layout, oracle.DAY).traces.products
    assert found is not None
    u = pd.DataFrame(made.u(layout, frame).T)
    rows, mean, covariance = found.moments
    for i in u:
        for j in u:
            both = u.loc[u[i].notna() & u[j].notna()]
            assert rows[i, j] == len(both)
            assert mean[i, j] == pytest.approx(both[i].mean(), abs=1e-12)
            assert covariance[i, j] == pytest.approx(np.cov(both[i], both[j], ddof=0)[0, 1], abs=1e-12)


def test_where_no_value_is_missing_nothing_is_kept_by_pair(
    either: DuckDB, oracle: ModuleType, made: ModuleType, layout: Layout
) -> None:
    found = either.profile(oracle.dataset(made.rows(5), made.KINDS), layout, oracle.DAY).traces.products
    assert found is not None
    assert found.pairs is found.shared is None
    rows, mean, _ = found.moments
    assert (rows == found.n).all()
    np.testing.assert_allclose(mean, np.repeat(found.sums[:, None] / found.n, len(mean), axis=1))


def by_row(u: np.ndarray, shape: Ellipsoid) -> tuple[np.ndarray, np.ndarray, float]:
    """(variance of what rows add to Fisher's z, kurtosis - 1 along the axes, variance of what rows add to the rest)."""
    x = (u - np.nanmean(u, axis=1, keepdims=True)) / np.nanstd(u, axis=1, keepdims=True)
    pairs = np.zeros((len(u), len(u)))
    for i, a in enumerate(x):
        for j, b in enumerate(x):
            both = ~np.isnan(a) & ~np.isnan(b)
            y, z = a[both], b[both]
            r = float(np.mean(y * z) - np.mean(y) * np.mean(z))
            pairs[i, j] = np.mean((y * z - r * (y * y + z * z) / 2) ** 2) / (1 - r * r) ** 2 if i != j else 0
        pairs[i, i] = np.nanmean(a**4)
    axes = axes_of(shape)
    d = np.nan_to_num(u - np.nanmean(u, axis=1, keepdims=True)) / np.sqrt(np.diag(shape.covariance))[:, None]
    t = axes.vectors.T @ d
    whole, outside = (d**2).sum(axis=0), (d**2).sum(axis=0) - (t**2).sum(axis=0)
    kurtosis = np.mean(t**4, axis=1) / np.mean(t**2, axis=1) ** 2
    rest = np.var((outside - outside.mean() / whole.mean() * whole) / whole.mean())
    return pairs, kurtosis - 1, float(rest)


@pytest.mark.parametrize("holes", [True, False])
def test_rows_scatter_as_they_do_one_by_one(
    either: DuckDB, oracle: ModuleType, made: ModuleType, layout: Layout, holes: bool
) -> None:
    frame = made.with_holes(6) if holes else made.rows(6)
    found = either.profile(oracle.dataset(frame, made.KINDS), layout, oracle.DAY).traces.scatter
    assert found is not None
    assert layout.ellipsoid is not None
    u = made.u(layout, frame)
    there = (~np.isnan(u)).astype(float)
    pairs, components, rest = by_row(u, layout.ellipsoid)
    np.testing.assert_array_equal(found.rows, there @ there.T)
    np.testing.assert_allclose(found.pairs / found.rows, pairs, rtol=1e-9)
    np.testing.assert_allclose(found.components / found.seen, components, rtol=1e-9)
    assert found.rest / found.seen == pytest.approx(rest, rel=1e-9)


def test_a_part_of_many_rows_tells_as_much() -> None:
    rng = np.random.default_rng(1)
    u = rng.normal(size=(3, 200_000))
    u[1] += u[0]
    few = scatter_of(("a", "b", "c"), u, None)
    assert few is not None
    assert few.rows.max() == 10_000
    # Of normal columns Fisher's z has the variance 1/n, whatever their correlation is (Fisher 1921).
    off = ~np.eye(3, dtype=bool)
    np.testing.assert_allclose((few.pairs / few.rows)[off], 1, atol=0.1)
    np.testing.assert_allclose(np.diag(few.pairs / few.rows), 3, atol=0.2)


def test_a_column_that_does_not_vary_scatters_nowhere_and_too_few_rows_do_not_tell() -> None:
    rng = np.random.default_rng(2)
    u = np.stack([rng.normal(size=LEAST), np.full(LEAST, 0.3), np.full(LEAST, np.nan)])
    found = scatter_of(("a", "b", "c"), u, None)
    assert found is not None
    assert (found.rows[0] == [LEAST, 0, 0]).all()
    assert np.isfinite(found.pairs).all()
    assert scatter_of(("a", "b", "c"), u[:, 1:], None) is None


def test_scatter_and_products_by_pair_outlive_their_bytes(oracle: ModuleType, made: ModuleType, layout: Layout) -> None:
    profile = DuckDB().profile(oracle.dataset(made.with_holes(7), made.KINDS), layout, oracle.DAY)
    a, b = profile.traces, decode_profile(encode_profile(profile)).traces
    assert isinstance(a.scatter, Scatter)
    assert isinstance(b.scatter, Scatter)
    assert isinstance(a.products, Products)
    assert isinstance(b.products, Products)
    assert (a.scatter.columns, a.scatter.seen, a.scatter.rest) == (b.scatter.columns, b.scatter.seen, b.scatter.rest)
    for one, other in zip(a.products.by_pair, b.products.by_pair, strict=True):
        np.testing.assert_array_equal(one, other)
    for name in ("rows", "pairs", "components"):
        np.testing.assert_array_equal(getattr(a.scatter, name), getattr(b.scatter, name))


def test_parts_add_up_to_the_whole(either: DuckDB, oracle: ModuleType, made: ModuleType, layout: Layout) -> None:
    frame = made.with_holes(8)
    parts = [frame[:700], frame[700:]]
    one, other = (either.profile(oracle.dataset(part, made.KINDS), layout, oracle.DAY).traces for part in parts)
    whole = either.profile(oracle.dataset(frame, made.KINDS), layout, oracle.DAY).traces
    added = (one + other).products
    assert added is not None
    assert whole.products is not None
    for mine, its in zip(added.moments, whole.products.moments, strict=True):
        np.testing.assert_allclose(mine, its, rtol=1e-9, atol=1e-12)
    scatter = (one + other).scatter
    assert scatter is not None
    assert whole.scatter is not None
    np.testing.assert_array_equal(scatter.rows, whole.scatter.rows)
    # Each part about its own means and correlations.
    np.testing.assert_allclose(scatter.pairs, whole.scatter.pairs, rtol=0.2)
    assert scatter.seen == whole.scatter.seen


def test_parts_with_other_columns_add_what_both_have() -> None:
    rng = np.random.default_rng(3)
    one, other = (scatter_of(names, rng.normal(size=(2, 100)), None) for names in (("a", "b"), ("b", "c")))
    assert one is not None
    assert other is not None
    found = one + other
    assert found.columns == ("b",)
    assert found.rows.tolist() == [[200.0]]
    assert found.pairs[0, 0] == pytest.approx(one.pairs[1, 1] + other.pairs[0, 0])


def test_the_axes_are_the_leading_eigenvectors_of_the_correlations(layout: Layout) -> None:
    shape = layout.ellipsoid
    assert shape is not None
    axes, covariance = axes_of(shape), np.array(shape.covariance)
    root = np.sqrt(np.diag(covariance))
    values, p = np.linalg.eigvalsh(covariance / np.outer(root, root))[::-1], axes.vectors.shape[1]
    np.testing.assert_allclose(
        axes.vectors.T @ (covariance / np.outer(root, root)) @ axes.vectors, np.diag(values[:p]), atol=1e-9
    )
    assert 1 <= p <= min(MOST_AXES, len(root) - 1)
    assert values[: p - 1].sum() < EXPLAINED * values.sum()
    assert (axes.vectors[np.abs(axes.vectors).argmax(axis=0), range(p)] > 0).all()


def test_of_many_columns_those_that_the_model_makes_are_multiplied_too(engine: DuckDB, oracle: ModuleType) -> None:
    rng = np.random.default_rng(4)
    names = [f"x{i}" for i in range(MOST_PRODUCTS + 6)]
    frame = pd.DataFrame({name: rng.normal(size=300) for name in [*names, "score"]}).assign(at=oracle.NOON)
    columns = (*(Column(name, Kind.NUMERIC) for name in names), Column("score", Kind.NUMERIC, Role.SCORE))
    dataset = Dataset("d", frame, columns, "at")
    layout = engine.layout(dataset, EVER)
    found = engine.profile(dataset, layout, oracle.DAY).traces.products
    assert found is not None
    assert found.columns == (*names[:MOST_PRODUCTS], "score")
