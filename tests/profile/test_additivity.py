"""Cells add: the profile of A ∪ B is the profile of A plus the profile of B."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from airflow_ml_monitor.errors import LayoutMismatch
from airflow_ml_monitor.keys import EVER, WHOLE
from airflow_ml_monitor.profile.cells import Cells
from airflow_ml_monitor.profile.dataset import Dataset, Kind
from airflow_ml_monitor.profile.engines.embedded.duckdb import DuckDB
from airflow_ml_monitor.profile.layout import NULL, OTHER, Layout

KINDS = {"x": Kind.NUMERIC, "few": Kind.NUMERIC, "c": Kind.CATEGORICAL}
NUMBER = st.one_of(st.none(), st.floats(allow_subnormal=True, width=64), st.floats(-10, 10))
ROW = st.tuples(NUMBER, st.sampled_from([None, 0.0, 1.0, 2.0, 9.0]), st.sampled_from([None, "u", "v", "strange"]))


def source(oracle: ModuleType, rows: list[tuple[float | None, float | None, str | None]]) -> Dataset:
    x, few, c = ([row[i] for row in rows] for i in range(3))
    table = pa.table({
        "at": pa.array([oracle.NOON] * len(rows), pa.timestamp("us", "UTC")),
        "x": pa.array(x, pa.float64(), from_pandas=False),
        "few": pa.array(few, pa.float64()),
        "c": pa.array(c, pa.string()),
    })  # fmt: skip
    dataset: Dataset = oracle.dataset(table, KINDS, slice_by=("c",))
    return dataset


@pytest.fixture(scope="module")
def layout(engine: DuckDB, oracle: ModuleType) -> Layout:
    rng = np.random.default_rng(5)
    draws = [(float(rng.normal()), float(i % 3), ("u", "v")[i % 2]) for i in range(200)]
    return engine.layout(source(oracle, draws), EVER)


@seed(20260301)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ROW, max_size=15), st.lists(ROW, max_size=15))
def test_the_profile_of_two_parts_is_their_sum(
    either: DuckDB, oracle: ModuleType, layout: Layout, a: list, b: list
) -> None:
    with np.errstate(over="ignore", invalid="ignore"):
        added = either.profile(source(oracle, a), layout, oracle.DAY) + either.profile(
            source(oracle, b), layout, oracle.DAY
        )
        together = either.profile(source(oracle, [*a, *b]), layout, oracle.DAY)
    assert added.rows == together.rows
    assert added.newest == together.newest
    oracle.same_profile(added, together.cells)


@seed(20260302)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ROW, min_size=1, max_size=30))
def test_every_row_lies_in_one_cell_of_the_whole_and_one_slice_at_most(
    either: DuckDB, oracle: ModuleType, layout: Layout, a: list
) -> None:
    profile = either.profile(source(oracle, a), layout, oracle.DAY)
    named = sum(profile.rows[(("c", label),)] for label in ("u", "v"))
    assert profile.rows[WHOLE] == len(a)
    assert named == sum(row[2] in ("u", "v") for row in a)
    for column in KINDS:
        assert profile.cells[WHOLE, column].rows == len(a)
    assert profile.cells[WHOLE, "c"].at(OTHER) == sum(row[2] == "strange" for row in a)
    assert profile.cells[WHOLE, "c"].at(NULL) == sum(row[2] is None for row in a)


def test_the_two_ways_of_cutting_make_the_same_cells(oracle: ModuleType, layout: Layout) -> None:
    rng = np.random.default_rng(6)
    draws = [(float(rng.standard_cauchy()), float(i % 4), ("u", "v", "w")[i % 3]) for i in range(3000)]
    dataset = source(oracle, draws)
    kernel, statement = (DuckDB(small=small).profile(dataset, layout, oracle.DAY) for small in (10**6, 0))
    oracle.same_profile(kernel, statement.cells)
    assert (kernel.rows, kernel.newest) == (statement.rows, statement.newest)


def test_collecting_is_independent_of_the_order_of_the_parts() -> None:
    one, two, nan = np.array([1, 1]), np.array([2.0, 3.0]), np.array([np.nan, 5.0])
    cells = Cells.collect(np.array([7, 7]), one, two, two**2, nan, nan)
    assert (cells.bucket.tolist(), cells.count.tolist()) == ([7], [2])
    assert (cells.d1[0], cells.d2[0], cells.low[0], cells.high[0]) == (5.0, 13.0, 5.0, 5.0)
    assert Cells.collect(*(np.array(part) for part in ([], [], [], [], [], []))).rows == 0


def test_profiles_of_two_layouts_are_not_added(engine: DuckDB, oracle: ModuleType, layout: Layout) -> None:
    dataset = source(oracle, [(1.0, 1.0, "u")])
    other = Layout(layout.binnings, ())
    with pytest.raises(LayoutMismatch, match="cannot be added; profile both with the same reference"):
        engine.profile(dataset, layout, oracle.DAY) + engine.profile(dataset, other, oracle.DAY)
