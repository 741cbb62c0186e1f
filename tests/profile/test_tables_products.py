"""Products and their scatter in every database, against those of a file of the same rows."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest

from airflow_ml_monitor.keys import EVER
from airflow_ml_monitor.measurement import Estimate
from airflow_ml_monitor.metrics.drift.component_mean import component_mean
from airflow_ml_monitor.metrics.drift.component_variance import component_variance
from airflow_ml_monitor.metrics.drift.correlation_change import correlation_change
from airflow_ml_monitor.metrics.quality.reconstruction_error import reconstruction_error
from airflow_ml_monitor.profile.dataset import Kind
from airflow_ml_monitor.profile.engines.embedded.duckdb import DuckDB
from airflow_ml_monitor.profile.traces import Traces
from airflow_ml_monitor.profile.views import DatasetPair

pytestmark = pytest.mark.servers


@pytest.fixture(scope="module")
def made(builders: Callable[[str], ModuleType]) -> ModuleType:
    return builders("profile/test_outlying.py")


def assert_same(found: Traces, expected: Traces) -> None:
    assert found.products is not None
    assert expected.products is not None
    assert (found.products.columns, found.products.n) == (expected.products.columns, expected.products.n)
    for one, other in zip(found.products.moments, expected.products.moments, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)
    assert (found.scatter is None) == (expected.scatter is None)
    if found.scatter is not None and expected.scatter is not None:
        np.testing.assert_allclose(found.scatter.rows, expected.scatter.rows)
        np.testing.assert_allclose(found.scatter.pairs, expected.scatter.pairs, rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(found.scatter.components, expected.scatter.components, rtol=1e-6)
        assert (found.scatter.seen, found.scatter.rest) == pytest.approx((expected.scatter.seen, expected.scatter.rest))


@pytest.mark.parametrize("lost", [(), ("b",), ("a", "b", "c", "flag", "kind")])
@pytest.mark.parametrize("holes", [True, False])
def test_products_scatter_as_those_of_a_file_do(
    there: Any, oracle: ModuleType, made: ModuleType, lost: tuple[str, ...], holes: bool
) -> None:
    layout = DuckDB().layout(oracle.dataset(made.rows(1), made.KINDS), EVER)
    frame = (made.with_holes(3) if holes else made.rows(3)).drop(columns=list(lost))
    frame.loc[11:13, [c for c in ("a", "c") if c not in lost]] = 1e300
    dataset = oracle.dataset(frame, made.KINDS)
    found, expected = (e.profile(dataset, layout, oracle.DAY).traces for e in (there, DuckDB()))
    if len(lost) == len(made.KINDS):
        assert found.scatter is expected.scatter is None
        return
    assert_same(found, expected)


@pytest.mark.parametrize(
    "metric", [correlation_change, component_mean, component_variance, reconstruction_error], ids=lambda m: m.__name__
)
def test_what_columns_do_together_is_the_same_in_a_table_as_in_a_file(
    there: Any, oracle: ModuleType, made: ModuleType, metric: Callable[..., Any]
) -> None:
    layout = DuckDB().layout(oracle.dataset(made.rows(1), made.KINDS), EVER)
    reference, now = (oracle.dataset(frame, made.KINDS) for frame in (made.rows(1), made.with_holes(3)))
    found, expected = (
        metric(DatasetPair(layout, *(e.profile(dataset, layout, oracle.DAY) for dataset in (reference, now))))
        for e in (there, DuckDB())
    )
    ours, theirs = ({"": e} if isinstance(e, Estimate) else e for e in (found, expected))
    assert ours.keys() == theirs.keys()
    for name, e in ours.items():
        assert e.n == theirs[name].n
        for part in ("value", "low", "high", "p_value", "noise"):
            expected_part = getattr(theirs[name], part)
            assert getattr(e, part) == (expected_part if expected_part is None else pytest.approx(expected_part, 1e-6))


def test_of_many_rows_and_columns_a_part_that_the_database_draws_tells_as_much(there: Any, oracle: ModuleType) -> None:
    rng, size = np.random.default_rng(8), 15_000
    common = rng.normal(0, 1, size)
    frame = pd.DataFrame({f"x{i}": common + rng.normal(0, 1, size) for i in range(24)})
    # Of a column most of whose values are missing or the same.
    frame["x3"] = np.where(rng.random(size) < 0.6, np.nan, np.floor(frame["x3"]))
    dataset = oracle.dataset(frame.assign(at=oracle.NOON, x4=1.0), {f"x{i}": Kind.NUMERIC for i in range(24)})
    layout = DuckDB().layout(dataset, EVER)
    found, expected = (e.profile(dataset, layout, oracle.DAY).traces for e in (there, DuckDB()))
    assert found.scatter is not None
    assert expected.scatter is not None
    assert 4_500 < found.scatter.seen < 5_500
    one, other = (s.pairs / np.maximum(s.rows, 1) for s in (found.scatter, expected.scatter))
    told = expected.scatter.rows > 0
    np.testing.assert_array_equal(found.scatter.rows > 0, told)
    np.testing.assert_allclose(one[told], other[told], rtol=0.2)
    assert found.scatter.rest / found.scatter.seen == pytest.approx(
        expected.scatter.rest / expected.scatter.seen, rel=0.1
    )
