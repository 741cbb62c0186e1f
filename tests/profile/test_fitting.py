"""As many buckets as a reference's narrowest peaks ask for."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.stats

from airflow_ml_monitor.errors import ReferenceMismatch
from airflow_ml_monitor.keys import EVER, WHOLE
from airflow_ml_monitor.metrics.drift.kolmogorov_smirnov import kolmogorov_smirnov
from airflow_ml_monitor.profile.coarse import coarse, coarse_layout
from airflow_ml_monitor.profile.dataset import Column, Dataset, Kind
from airflow_ml_monitor.profile.engines.embedded.duckdb import DuckDB
from airflow_ml_monitor.profile.fitting import FULL, fitted, is_full
from airflow_ml_monitor.profile.layout import FINEST, GRID, SLICE_GRID
from airflow_ml_monitor.profile.views import ColumnView, PairView

SIZE = 20_000


def peaks(rng: np.random.Generator, width: float, size: int = SIZE) -> Any:
    return rng.choice([-1.0, 0.0, 1.0, 5.0], size, p=[0.3, 0.3, 0.2, 0.2]) + width * rng.normal(size=size)


def rows(size: int = SIZE, seed: int = 3) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame({
        "peaks": peaks(rng, 0.1, size),
        "needles": peaks(rng, 1e-4, size),
        "normal": rng.normal(3, 2, size),
        "uniform": rng.random(size),
        "lognormal": rng.lognormal(0, 2, size),
        "zeros": np.where(rng.random(size) < 0.7, 0.0, rng.lognormal(0, 1, size)),
        "whole": rng.poisson(60, size).astype(float),
        "flag": rng.random(size) < 0.5,
        "group": rng.choice(["a", "b"], size),
        "at": pd.Timestamp("2026-03-01"),
    })  # fmt: skip


def declared(source: Any) -> Dataset:
    kinds = {"flag": Kind.BOOLEAN, "group": Kind.CATEGORICAL}
    names = ("peaks", "needles", "normal", "uniform", "lognormal", "zeros", "whole", *kinds)
    columns = tuple(Column(name, kinds.get(name, Kind.NUMERIC)) for name in names)
    return Dataset("d", source, columns, "at", slice_by=("group",))


def test_a_column_with_narrow_peaks_gets_as_many_buckets_as_they_ask_for_and_no_other(engine: DuckDB) -> None:
    layout, reference = fitted(engine, declared(rows()), EVER)
    found = {binning.column: binning.resolution for binning in layout.binnings if binning.is_grid}
    # In 8,192 a needle of 1e-4 is a bucket or two still.
    others = dict.fromkeys(("normal", "uniform", "lognormal", "zeros", "whole"), GRID)
    assert found == {"peaks": 8 * GRID, "needles": FINEST, **others}
    plain = engine.profile(declared(rows()), engine.layout(declared(rows()), EVER), EVER)
    assert is_full(plain.cells[WHOLE, "peaks"], FULL)
    assert not is_full(reference.cells[WHOLE, "peaks"], FULL / 2)
    assert {b.column: b.coarse for b in layout.binnings if b.is_grid} == {
        name: resolution * SLICE_GRID // GRID for name, resolution in found.items()
    }


def test_the_reference_in_it_is_what_a_scan_by_it_leaves(either: DuckDB, oracle: ModuleType) -> None:
    layout, reference = fitted(either, declared(rows()), EVER)
    again = either.profile(declared(rows()), layout, EVER)
    oracle.same_profile(reference, again.cells)
    assert (reference.rows, reference.layout_digest) == (again.rows, layout.digest)
    old, scanned = coarse(reference, layout), either.profile(declared(rows()), coarse_layout(layout), EVER)
    for column in ("peaks", "needles", "normal"):
        oracle.same_cells(old.cells[WHOLE, column], scanned.cells[WHOLE, column])


@pytest.mark.servers
def test_a_tables_narrow_peaks_are_those_of_the_same_rows_in_memory(there: Any, oracle: ModuleType) -> None:
    layout, reference = fitted(there, declared(rows(3_000)), EVER)
    here, same = fitted(DuckDB(), declared(rows(3_000)), EVER)
    assert {b.column: b.resolution for b in layout.binnings} == {b.column: b.resolution for b in here.binnings}
    assert max(b.resolution for b in layout.binnings) > GRID
    assert reference.cells[WHOLE, "peaks"].rows == same.cells[WHOLE, "peaks"].rows == 3_000


def test_what_moves_inside_a_peak_is_seen(engine: DuckDB) -> None:
    before, after = rows(), rows(seed=4)
    after["peaks"] += 0.005
    layout, reference = fitted(engine, declared(before), EVER)
    current = engine.profile(declared(after), layout, EVER)
    pair = PairView(*(ColumnView.of(profile, layout, "peaks") for profile in (reference, current)))
    exact = scipy.stats.ks_2samp(before["peaks"], after["peaks"]).statistic
    assert kolmogorov_smirnov(pair).value == pytest.approx(exact, rel=0.05)


def test_few_rows_ask_for_nothing(engine: DuckDB) -> None:
    layout, _ = fitted(engine, declared(rows(100)), EVER)
    assert {binning.resolution for binning in layout.binnings if binning.is_grid} == {GRID}


def test_what_no_layout_can_be_made_of_is_refused_as_before(engine: DuckDB) -> None:
    with pytest.raises(ReferenceMismatch, match="no rows in the reference"):
        fitted(engine, declared(rows()[:0]), EVER)
