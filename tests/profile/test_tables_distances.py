"""How far rows of a table lie from the reference's shape: as many as of a file, in the same buckets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest

from airflow_ml_monitor.keys import EVER
from airflow_ml_monitor.profile.dataset import Kind
from airflow_ml_monitor.profile.engines.embedded.duckdb import DuckDB

pytestmark = pytest.mark.servers


@pytest.fixture(scope="module")
def there(
    builders: Callable[[str], ModuleType], empty_database: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Any]:
    with empty_database("postgresql", tmp_path_factory.mktemp("tables")) as url:
        yield builders("profile/database_tables.py").InDatabase(url)


@pytest.fixture(scope="module")
def made(builders: Callable[[str], ModuleType]) -> ModuleType:
    return builders("profile/test_outlying.py")


def test_the_shape_of_a_table_is_that_of_a_file_whatever_its_rows_lack(
    there: Any, oracle: ModuleType, made: ModuleType
) -> None:
    for frame in (made.rows(1), made.with_holes(6)):
        found, expected = (engine.layout(oracle.dataset(frame, made.KINDS), EVER) for engine in (there, DuckDB()))
        assert found.ellipsoid.columns == expected.ellipsoid.columns == tuple(made.KINDS)
        assert found.ellipsoid.rows == expected.ellipsoid.rows
        np.testing.assert_allclose(found.ellipsoid.centre, expected.ellipsoid.centre, atol=1.1e-8)
        np.testing.assert_allclose(found.ellipsoid.covariance, expected.ellipsoid.covariance, atol=1.1e-8)


@pytest.mark.parametrize("lost", [(), ("b",), ("a", "b", "c", "flag", "kind")])
def test_rows_are_counted_by_their_distance_as_those_of_a_file_are(
    there: Any, oracle: ModuleType, made: ModuleType, lost: tuple[str, ...]
) -> None:
    layout = DuckDB().layout(oracle.dataset(made.rows(1), made.KINDS), EVER)
    frame = made.with_holes(3).drop(columns=list(lost))
    frame.loc[11:13, [c for c in ("a", "c") if c not in lost]] = 1e300
    dataset = oracle.dataset(frame, made.KINDS)
    expected = DuckDB().profile(dataset, layout, oracle.DAY).traces.distances
    found = there.profile(dataset, layout, oracle.DAY).traces.distances
    assert found == expected
    assert sum(found.values()) == (len(frame) if len(lost) < len(made.KINDS) else 0)


def test_more_ways_to_lack_values_than_one_statement_takes_are_all_counted(
    there: Any, oracle: ModuleType, monkeypatch: pytest.MonkeyPatch, made: ModuleType
) -> None:
    layout = DuckDB().layout(oracle.dataset(made.rows(1), made.KINDS), EVER)
    dataset = oracle.dataset(made.with_holes(4), made.KINDS)
    whole = there.profile(dataset, layout, oracle.DAY).traces.distances
    monkeypatch.setattr("airflow_ml_monitor.profile.engines.databases.sql_distances._AT_ONCE", 7)
    assert there.profile(dataset, layout, oracle.DAY).traces.distances == whole


def test_as_many_columns_as_are_looked_at_together_are_no_statement_too_long(there: Any, oracle: ModuleType) -> None:
    rng, size = np.random.default_rng(8), 1_500
    common = rng.normal(0, 1, size)
    frame = pd.DataFrame({f"x{i}": common + rng.normal(0, 1, size) for i in range(24)})
    frame = frame.mask(rng.random(frame.shape) < 0.02).assign(at=oracle.NOON)
    dataset = oracle.dataset(frame, {f"x{i}": Kind.NUMERIC for i in range(24)})
    layout = there.layout(dataset, EVER)
    assert len(layout.ellipsoid.columns) == 24
    found = there.profile(dataset, layout, oracle.DAY).traces.distances
    assert found == DuckDB().profile(dataset, layout, oracle.DAY).traces.distances
    none = replace(dataset, source=frame.assign(at=oracle.NOON - pd.Timedelta(days=9)))
    assert there.profile(none, layout, oracle.DAY).traces.distances == {}
