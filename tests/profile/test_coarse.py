"""Coarse profiles: what a scan by the coarse layout leaves, and they add as fine ones do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from airflow_ml_monitor.errors import LayoutMismatch
from airflow_ml_monitor.keys import WHOLE, Window
from airflow_ml_monitor.profile.cells import Profile
from airflow_ml_monitor.profile.coarse import coarse, coarse_layout
from airflow_ml_monitor.profile.codec import encode_profile
from airflow_ml_monitor.profile.dataset import Column, Dataset, Kind
from airflow_ml_monitor.profile.engines.embedded.duckdb import DuckDB
from airflow_ml_monitor.profile.layout import Layout

START = datetime(2026, 3, 2, tzinfo=UTC)


def window(first: int, last: int) -> Window:
    return Window(START + timedelta(days=first), START + timedelta(days=last))


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    rng = np.random.default_rng(20)
    n = 3000
    heavy = rng.standard_cauchy(n)
    heavy[:30] = [np.nan, np.inf, -np.inf] * 10
    frame = pd.DataFrame(
        {
            "at": pd.Timestamp(START) + pd.to_timedelta(rng.integers(0, 2 * 86_400, n), unit="s"),
            "heavy": pd.Series(heavy).where(rng.random(n) > 0.1),
            "few": rng.integers(0, 4, n),
            "name": rng.choice(["a", "b", "c"], n),
        }
    )
    frame.to_parquet(tmp_path / "rows.parquet")
    columns = (Column("heavy"), Column("few"), Column("name", Kind.CATEGORICAL))
    return Dataset("rows", str(tmp_path / "rows.parquet"), columns, "at", slice_by=("name",))


@pytest.fixture
def layout(dataset: Dataset) -> Layout:
    return DuckDB().layout(dataset, window(0, 2))


def same_cells(a: Profile, b: Profile) -> None:
    assert (a.layout_digest, a.rows) == (b.layout_digest, b.rows)
    assert set(a.cells) == set(b.cells)
    for key, cells in a.cells.items():
        other = b.cells[key]
        np.testing.assert_array_equal(cells.bucket, other.bucket)
        np.testing.assert_array_equal(cells.count, other.count)
        np.testing.assert_allclose(cells.d1, other.d1, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(cells.d2, other.d2, rtol=1e-9)
        np.testing.assert_array_equal(cells.low, other.low)
        np.testing.assert_array_equal(cells.high, other.high)


def test_a_profile_made_coarse_is_what_a_coarse_scan_leaves(dataset: Dataset, layout: Layout) -> None:
    engine = DuckDB()
    made = coarse(engine.profile(dataset, layout, window(0, 2)), layout)
    same_cells(made, engine.profile(dataset, coarse_layout(layout), window(0, 2)))
    assert list(made.rows) == [WHOLE]


def test_coarse_days_add_up_to_the_coarse_whole(dataset: Dataset, layout: Layout) -> None:
    days = [DuckDB().profile(dataset, layout, window(d, d + 1)) for d in range(2)]
    same_cells(coarse(days[0], layout) + coarse(days[1], layout), coarse(days[0] + days[1], layout))


def test_coarse_is_smaller_and_coarse_for_good(dataset: Dataset, layout: Layout) -> None:
    fine = DuckDB().profile(dataset, layout, window(0, 1))
    assert len(encode_profile(coarse(fine, layout))) < len(encode_profile(fine)) / 2
    again = coarse_layout(layout)
    assert coarse_layout(again) == again
    with pytest.raises(LayoutMismatch, match="take the layout of the reference"):
        coarse(fine, again)
