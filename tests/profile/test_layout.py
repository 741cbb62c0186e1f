"""How buckets are chosen from a reference."""

from __future__ import annotations

import json
from types import ModuleType
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from airflow_ml_monitor.errors import ReferenceMismatch
from airflow_ml_monitor.keys import EVER
from airflow_ml_monitor.profile.codec import encode_profile
from airflow_ml_monitor.profile.dataset import Column, Dataset, Kind, Role
from airflow_ml_monitor.profile.engines.embedded.duckdb import DuckDB
from airflow_ml_monitor.profile.layout import FEW_VALUES, RARE, Binning, Layout, digest


def chosen(engine: DuckDB, values: Any, kind: Kind = Kind.NUMERIC, role: Role = Role.FEATURE) -> Binning:
    table = pa.table({"x": values if isinstance(values, pa.Array) else pa.array(values, from_pandas=False)})
    return engine.layout(Dataset("d", table, (Column("x", kind, role),), "at"), EVER)["x"]


def test_the_centre_is_the_median_and_the_scale_the_quartiles(engine: DuckDB) -> None:
    binning = chosen(engine, np.arange(101.0))
    # Quartiles 25 and 75: 50 / 1.349.
    assert (binning.centre, binning.scale) == (50.0, 37.0645)
    assert binning.is_grid


def test_outliers_do_not_coarsen_the_grid(engine: DuckDB) -> None:
    values = [*np.arange(101.0), 1e300, -1e300, float("inf"), float("nan"), None]
    assert chosen(engine, values).scale == pytest.approx(38.5, rel=0.05)


def test_without_a_quartile_range_the_scale_is_the_standard_deviation(engine: DuckDB) -> None:
    values = [0.0] * 900 + [float(i) for i in range(100)]
    assert chosen(engine, values).scale == pytest.approx(np.std(values, ddof=1), rel=1e-5)


@pytest.mark.parametrize(
    "values", [[7.0] * 50, [7.0], [0.0] * 99 + [1e308] + [-1e308] * 22, [1e308] * 60 + [-1e308] * 60]
)
def test_a_scale_is_always_a_positive_number(engine: DuckDB, values: list[float]) -> None:
    binning = chosen(engine, values)
    assert 0 < binning.scale < float("inf")


def test_a_constant_column_has_one_bucket(engine: DuckDB) -> None:
    assert chosen(engine, [7.0] * 50).values == (7.0,)


@pytest.mark.parametrize("values", [pa.nulls(30), pa.array([None, float("nan"), float("inf")], from_pandas=False)])
def test_a_column_without_a_value_is_refused(engine: DuckDB, values: pa.Array) -> None:
    with pytest.raises(ReferenceMismatch, match="column 'x' has no value in the reference; leave it out of the spec"):
        chosen(engine, values)


def test_few_values_have_a_bucket_each_and_many_a_grid(engine: DuckDB) -> None:
    assert chosen(engine, list(range(FEW_VALUES)) * 10).values == tuple(float(i) for i in range(FEW_VALUES))
    assert chosen(engine, list(range(FEW_VALUES + 1)) * 10).is_grid
    # Five rows of five values say nothing about how many there are.
    assert chosen(engine, list(range(5))).is_grid
    assert chosen(engine, [0.5, 0.25] * 50, role=Role.SCORE).is_grid


def test_zero_has_no_sign(engine: DuckDB) -> None:
    names = {digest(Layout((chosen(engine, [sign * 0.0, 1.0] * 50),)).document()) for sign in (1, -1)}
    assert len(names) == 1
    assert "-0.0" not in json.dumps(Layout((chosen(engine, [-0.0] * 50),)).document())


def test_categories_rarer_than_the_minimum_leave_no_byte_in_layout_or_profile(
    engine: DuckDB, oracle: ModuleType
) -> None:
    values = ["common"] * 50 + ["at-the-limit"] * RARE + ["one-too-few"] * (RARE - 1) + ["jane@example.org"]
    table = pa.table({"at": [oracle.NOON] * len(values), "x": values, "y": [1.0] * len(values)})
    dataset = oracle.dataset(table, {"x": Kind.CATEGORICAL, "y": Kind.NUMERIC}, slice_by=("x",))
    layout = engine.layout(dataset, EVER)
    assert layout["x"].categories == ("at-the-limit", "common")
    profile = engine.profile(dataset, layout, oracle.DAY)
    written = json.dumps(layout.document()) + str(profile) + encode_profile(profile).hex()
    for rare in ("one-too-few", "jane@example.org"):
        assert rare not in written
        assert rare.encode().hex() not in written
    assert "common" in written


def test_the_digest_is_the_same_from_run_to_run_and_after_a_round_trip(oracle: ModuleType) -> None:
    rng = np.random.default_rng(8)
    size = 20_000
    table = pa.table({
        "x": rng.normal(size=size) * rng.choice([0, 0, 0, 1], size),
        "y": rng.lognormal(0, 2, size),
        "c": rng.choice(["a", "b", "c"], size),
        "b": rng.random(size) < 0.5,
    })  # fmt: skip
    kinds = {"x": Kind.NUMERIC, "y": Kind.NUMERIC, "c": Kind.CATEGORICAL, "b": Kind.BOOLEAN}
    dataset = oracle.dataset(table, kinds, slice_by=("c", "b"))
    layouts = [DuckDB(threads=threads).layout(dataset, EVER) for threads in (1, 2, 4, 2, 4)]
    assert len({layout.digest for layout in layouts}) == 1
    stored = json.loads(json.dumps(layouts[0].document()))
    assert Layout.from_document(stored) == layouts[0]
    assert Layout.from_document(stored).digest == layouts[0].digest


def test_another_bucket_is_another_digest() -> None:
    plain = Binning("x", Kind.NUMERIC, 1.0, 2.0)
    others = [
        Layout((Binning("y", Kind.NUMERIC, 1.0, 2.0),)),
        Layout((Binning("x", Kind.NUMERIC, 1.5, 2.0),)),
        Layout((Binning("x", Kind.NUMERIC, 1.0, 2.5),)),
        Layout((Binning("x", Kind.NUMERIC, 1.0, 2.0, values=(1.0,)),)),
        Layout((plain,), ("c",)),
    ]
    assert len({layout.digest for layout in (Layout((plain,)), *others)}) == 6


@seed(20260303)
@settings(max_examples=50, deadline=None)
@given(
    st.builds(
        Binning,
        st.text(max_size=5),
        st.sampled_from(Kind),
        st.floats(allow_nan=False, allow_infinity=False),
        st.floats(min_value=5e-324, allow_infinity=False),
        st.sampled_from([64, 512]),
        st.lists(st.floats(allow_nan=False), max_size=3).map(tuple),
        st.lists(st.text(max_size=4), max_size=3).map(tuple),
    )
)
def test_every_layout_survives_its_json(binning: Binning) -> None:
    layout = Layout((binning,), ())
    assert Layout.from_document(json.loads(json.dumps(layout.document()))) == layout


def test_the_columns_of_a_layout_are_found_by_name() -> None:
    layout = Layout((Binning("x", Kind.NUMERIC),))
    assert "x" in layout
    assert "y" not in layout
    with pytest.raises(KeyError, match="y"):
        layout["y"]
