"""Quartiles of a stream against numpy and DuckDB, exactly, whether values are held or counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import duckdb
import numpy as np
import pandas as pd
import pytest

from airflow_ml_monitor.keys import EVER
from airflow_ml_monitor.profile.dataset import Kind
from airflow_ml_monitor.profile.engines.embedded.duckdb import DuckDB
from airflow_ml_monitor.profile.kernel.quartiles import QUARTILES, spread_of

Rng = np.random.Generator
SHAPES: dict[str, Callable[[Rng, int], np.ndarray]] = {
    "normal": lambda rng, n: rng.normal(3, 2, n),
    "heavy": lambda rng, n: rng.standard_cauchy(n) * 1e200,
    "near": lambda rng, n: 1 + rng.integers(0, 1000, n) * 2.0**-52,
    "counts": lambda rng, n: rng.poisson(4, n).astype(float),
    "sorted": lambda rng, n: np.sort(rng.exponential(1, n)),
    "atom": lambda rng, n: np.where(rng.random(n) < 0.7, 0.0, rng.standard_cauchy(n)),
    "signs": lambda rng, n: rng.choice([-0.0, 0.0, 5e-324, -5e-324], n),
    "one": lambda rng, n: np.full(n, -7.25),
    "ends": lambda rng, n: rng.choice([1.7e308, -1.7e308, 1.0], n),
}


def cut(x: np.ndarray, size: int = 97) -> Callable[[], Iterator[np.ndarray]]:
    return lambda: (x[i : i + size] for i in range(0, max(len(x), 1), size))


@pytest.mark.parametrize("held", [10**6, 400, 3])
@pytest.mark.parametrize("rows", [1, 2, 5, 2_000])
@pytest.mark.parametrize("shape", SHAPES)
def test_they_are_duckdbs(shape: str, rows: int, held: int) -> None:
    x = SHAPES[shape](np.random.default_rng([len(shape), rows]), rows)
    found = spread_of(cut(x), 20, held)
    rows_of = pd.DataFrame({"x": x})  # noqa: F841
    [(expected,)] = duckdb.sql(f"SELECT quantile_cont(x, {list(QUARTILES)}) FROM rows_of").fetchall()  # noqa: S608
    # The centre of a grid to the last digit; of the others, which make its scale, six count: DuckDB rounds once less.
    assert found.median == expected[1]
    assert (found.low, found.high) == pytest.approx((expected[0], expected[2]), rel=1e-15, abs=0)
    assert found.rows == rows
    different = np.unique(x).tolist()
    assert found.values == (tuple(different) if len(different) <= 20 else None)


@pytest.mark.parametrize("held", [10**6, 3])
def test_what_is_missing_or_infinite_has_no_part(held: int) -> None:
    x = np.array([1.0, np.nan, 2.0, np.inf, -np.inf, 4.0, np.nan])
    found = spread_of(cut(x, 2), 20, held)
    assert (found.rows, found.low, found.median, found.high) == (3, 1.5, 2.0, 3.0)
    assert found.values == (1.0, 2.0, 4.0)
    none = spread_of(cut(x[[1, 3]], 2), 20, held)
    assert (none.rows, none.deviation, none.values) == (0, None, ())
    assert np.isnan(none.median)


def test_the_deviation_is_told_where_the_quartiles_tell_nothing() -> None:
    rng = np.random.default_rng(2)
    atom, normal = SHAPES["atom"](rng, 3_000), SHAPES["normal"](rng, 3_000)
    for held in (10**6, 100):
        assert spread_of(cut(atom), 20, held).deviation == pytest.approx(np.std(atom, ddof=1), rel=1e-12)
        assert spread_of(cut(normal), 20, held).deviation is None
    assert spread_of(cut(np.array([3.0])), 20).deviation is None
    assert spread_of(cut(np.array([3.0, 3.0, 3.0])), 20).deviation == 0.0


def test_a_layout_is_that_of_statements(oracle: ModuleType, tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    frame = pd.DataFrame({name: shape(rng, 3_000) for name, shape in SHAPES.items() if name != "ends"})
    frame.loc[rng.random(3_000) < 0.1, "normal"] = np.nan
    frame["at"] = pd.Timestamp("2026-03-01 12:00", tz="UTC") + pd.to_timedelta(rng.integers(0, 3_600, 3_000), unit="s")
    frame.to_parquet(tmp_path / "x.parquet")
    dataset = oracle.dataset(str(tmp_path / "x.parquet"), dict.fromkeys(set(frame) - {"at"}, Kind.NUMERIC))
    for window in (EVER, oracle.DAY):
        layout = DuckDB().layout(dataset, window)
        for binning in layout.binnings:
            x = f'"{binning.column}"'
            finite = f"FROM '{tmp_path}/x.parquet' WHERE isfinite({x})"
            asked = f"quantile_cont({x}, {list(QUARTILES)}), stddev_samp({x})"
            [((low, median, high), deviation)] = duckdb.sql(f"SELECT {asked} {finite}").fetchall()
            scale = (high - low) / 1.349 or deviation or 1.0
            assert (binning.centre, binning.scale) == (median, float(f"{scale:.6g}"))
            different = duckdb.sql(f"SELECT DISTINCT {x} {finite} ORDER BY 1").fetchall()
            assert binning.values == (tuple(v for (v,) in different) if len(different) <= 20 else ())
