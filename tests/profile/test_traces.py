"""What a scan notes besides cells, against pandas; and that it adds."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from airflow_ml_monitor.keys import EVER, WHOLE
from airflow_ml_monitor.profile.cells import Profile
from airflow_ml_monitor.profile.codec import decode_profile, encode_profile
from airflow_ml_monitor.profile.dataset import Dataset, Kind
from airflow_ml_monitor.profile.engines.embedded.duckdb import DuckDB
from airflow_ml_monitor.profile.layout import RARE, Layout
from airflow_ml_monitor.profile.traces import MOST_CANDIDATES, WEEK_HOURS, Products, Traces

KINDS = {"x": Kind.NUMERIC, "y": Kind.NUMERIC, "flag": Kind.BOOLEAN, "c": Kind.CATEGORICAL}
SIZE = 1_000


def rows(seed: int = 1) -> pd.DataFrame:
    """y follows x; some x are missing or infinite."""
    rng = np.random.default_rng(seed)
    x = rng.normal(5, 2, SIZE)
    frame = pd.DataFrame({
        "at": pd.Timestamp("2026-03-01", tz="UTC") + pd.to_timedelta(rng.integers(0, 86_400, SIZE), unit="s"),
        "x": x,
        "y": x + rng.normal(0, 1, SIZE),
        "flag": x > 6,
        "c": np.where(x > 5, "high", "low"),
        "undeclared": 1,
    })  # fmt: skip
    frame.loc[frame.index % 50 == 0, "x"] = [np.nan, np.inf] * (SIZE // 100)
    return frame


@pytest.fixture(scope="module")
def layout(engine: DuckDB, oracle: ModuleType) -> Layout:
    return engine.layout(dataset(oracle, rows()), EVER)


def dataset(oracle: ModuleType, frame: pd.DataFrame) -> Dataset:
    made: Dataset = oracle.dataset(frame, KINDS)
    return made


def profiled(engine: DuckDB, oracle: ModuleType, layout: Layout, frame: pd.DataFrame) -> Profile:
    return engine.profile(dataset(oracle, frame), layout, oracle.DAY)


def u(layout: Layout, frame: pd.DataFrame) -> pd.DataFrame:
    """Column by column what products are made of, by pandas."""
    found = {}
    for name in KINDS:
        binning = layout[name]
        if binning.kind is Kind.CATEGORICAL:
            found[name] = (frame[name] == binning.categories[0]).astype(float)
        else:
            d = frame[name].astype(float).replace([np.inf, -np.inf], np.nan) - binning.centre
            found[name] = (d / (binning.scale + d.abs())).fillna(0.0)
    return pd.DataFrame(found)


def test_products_give_the_correlations_that_pandas_gives(either: DuckDB, oracle: ModuleType, layout: Layout) -> None:
    found = profiled(either, oracle, layout, rows(2)).traces.products
    assert found is not None
    assert (found.columns, found.n) == (tuple(KINDS), SIZE)
    np.testing.assert_allclose(found.correlations, u(layout, rows(2)).corr().to_numpy(), atol=1e-9)


def test_a_column_without_spread_has_no_correlation(engine: DuckDB, oracle: ModuleType, layout: Layout) -> None:
    found = profiled(engine, oracle, layout, rows().assign(y=3.0)).traces.products
    assert found is not None
    place = found.columns.index("y")
    assert np.isnan(found.correlations[place]).all()
    assert not np.isnan(np.delete(np.delete(found.correlations, place, 0), place, 1)).any()


def test_rows_are_counted_by_hour_of_the_week(either: DuckDB, oracle: ModuleType, layout: Layout) -> None:
    frame = rows()
    found = profiled(either, oracle, layout, frame).traces.hours
    # 1 March 2026 is a Sunday; hours count from Thursday.
    expected = (frame["at"].dt.hour + 3 * 24).value_counts().to_dict()
    assert found == expected
    assert max(found) < WEEK_HOURS


def test_unseen_values_are_named_unless_they_are_rare(either: DuckDB, oracle: ModuleType, layout: Layout) -> None:
    frame = rows()
    frame.loc[: RARE - 1, "c"] = "often enough"
    frame.loc[RARE : 2 * RARE - 2, "c"] = "too rare"
    assert profiled(either, oracle, layout, frame).traces.unseen == {"c": {"often enough": RARE}}


def test_where_a_column_is_missing_undeclared_ones_are_cut_as_it_is(
    either: DuckDB, oracle: ModuleType, layout: Layout
) -> None:
    frame = rows(2)
    sound = profiled(either, oracle, layout, frame)
    found = profiled(either, oracle, layout, frame.rename(columns={"x": "xx", "c": "cc"})).traces.candidates
    assert {missing: set(names) for missing, names in found.items()} == {
        "x": {"xx", "undeclared"},
        "c": {"cc", "undeclared"},
    }
    for missing, new in (("x", "xx"), ("c", "cc")):
        factor = layout[missing].resolution // layout[missing].coarse if layout[missing].is_grid else 1
        cells = sound.cells[WHOLE, missing].coarsened(factor)
        assert found[missing][new] == dict(zip(cells.bucket.tolist(), cells.count.tolist(), strict=True))


def test_nothing_is_read_besides_while_no_column_is_missing(either: DuckDB, oracle: ModuleType, layout: Layout) -> None:
    traces = profiled(either, oracle, layout, rows()).traces
    assert (traces.candidates, traces.forms, traces.damaged) == ({}, {}, {})


def test_of_many_undeclared_columns_those_with_the_nearest_names_are_read(
    either: DuckDB, oracle: ModuleType, layout: Layout
) -> None:
    many = pd.DataFrame({f"other{i}": np.zeros(SIZE, int) for i in range(MOST_CANDIDATES + 9)})
    frame = pd.concat([many, rows().rename(columns={"flag": "flags"})], axis=1)
    found = profiled(either, oracle, layout, frame).traces
    assert len(found.columns) > MOST_CANDIDATES + 9
    assert len(found.candidates["flag"]) == MOST_CANDIDATES
    assert "flags" in found.candidates["flag"]


def test_every_column_of_the_source_is_noted(either: DuckDB, oracle: ModuleType, layout: Layout) -> None:
    assert set(profiled(either, oracle, layout, rows()).traces.columns) >= {"at", *KINDS, "undeclared"}


def test_traces_of_two_parts_add_up(either: DuckDB, oracle: ModuleType, layout: Layout) -> None:
    whole = rows(3).assign(c=lambda f: f["c"].where(f.index % 3 > 0, "new"))
    parts = [profiled(either, oracle, layout, part) for part in (whole[:400], whole[400:])]
    added, together = (parts[0] + parts[1]).traces, profiled(either, oracle, layout, whole).traces
    same_traces(added, together)


def test_traces_survive_their_bytes(engine: DuckDB, oracle: ModuleType, layout: Layout) -> None:
    profile = profiled(engine, oracle, layout, rows().assign(c="new"))
    same_traces(decode_profile(encode_profile(profile)).traces, profile.traces)


def broken(seed: int) -> pd.DataFrame:
    """One column under another name, one as text, one wrongly decoded."""
    frame = rows(seed).rename(columns={"x": "xx"})
    return frame.assign(y=frame["y"].map("{:.1f}".format), c=frame["c"].where(frame.index % 3 > 0, "Ã©"))


def test_traces_of_what_broke_add_up_and_survive_their_bytes(
    either: DuckDB, oracle: ModuleType, layout: Layout
) -> None:
    whole = broken(4)
    parts = [profiled(either, oracle, layout, part) for part in (whole[:400], whole[400:])]
    together = profiled(either, oracle, layout, whole)
    assert together.traces.forms == {"y": {"number": SIZE}}
    assert together.traces.damaged == {"c": 334}
    same_traces((parts[0] + parts[1]).traces, together.traces)
    same_traces(decode_profile(encode_profile(together)).traces, together.traces)


def same_traces(a: Traces, b: Traces) -> None:
    for name in ("columns", "hours", "unseen", "damaged", "forms", "candidates", "distances"):
        assert getattr(a, name) == getattr(b, name), name
    assert a.products is not None
    assert b.products is not None
    assert (a.products.columns, a.products.n) == (b.products.columns, b.products.n)
    np.testing.assert_allclose(a.products.sums, b.products.sums, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(a.products.matrix, b.products.matrix, rtol=1e-9, atol=1e-9)


def test_products_of_other_columns_add_where_they_are_the_same() -> None:
    a = Products(("x", "y"), 2, np.array([1.0, 2.0]), np.array([[1.0, 2.0], [2.0, 4.0]]))
    b = Products(("y", "z"), 3, np.array([5.0, 6.0]), np.array([[7.0, 8.0], [8.0, 9.0]]))
    added = a + b
    assert (added.columns, added.n, added.sums.tolist(), added.matrix.tolist()) == (("y",), 5, [7.0], [[11.0]])
