"""Numbers counted batch after batch, against numpy on all of them."""

from __future__ import annotations

import numpy as np
import pytest

from airflow_ml_monitor.keys import WHOLE
from airflow_ml_monitor.profile.dataset import Kind
from airflow_ml_monitor.profile.kernel.tally import Room, Tally
from airflow_ml_monitor.profile.layout import MINUS_INF, NAN, NULL, OTHER, PLUS_INF, Binning

GRID = Binning("x", Kind.NUMERIC, 0.5, 2.0)
BY = Binning("g", Kind.CATEGORICAL, categories=("a", "b"))


def counted(binning: Binning, x: list[float], missing: list[int] | None = None, at_once: int = 3) -> dict[int, int]:
    tally, room = Tally(binning), Room(at_once)
    absent = np.zeros(len(x), bool)
    absent[missing or []] = True
    for start in range(0, len(x), at_once):
        part = slice(start, start + at_once)
        tally.add(np.array(x[part], float), absent[part] if absent[part].any() else None, {}, room)
    cells = tally.cells()[WHOLE, binning.column]
    return dict(zip(cells.bucket.tolist(), cells.count.tolist(), strict=True))


def test_what_is_no_finite_number_has_a_bucket_of_its_own() -> None:
    # u of 0.5 is 0 and of 2.5 is 2 / (2 + 2): buckets 0 and floor(512 / 2).
    x = [0.5, 2.5, np.nan, np.nan, np.inf, -np.inf, -np.inf]
    assert counted(GRID, x, missing=[3]) == {0: 1, 256: 1, NAN: 1, NULL: 1, PLUS_INF: 1, MINUS_INF: 2}


def test_a_number_beyond_all_scales_lies_in_the_last_bucket() -> None:
    assert counted(GRID, [1e308, -1e308]) == {512: 1, -512: 1}


@pytest.mark.parametrize("values", [(0.0, 1.0, 3.0), (0.25, 1.0, 3.0), (-7.0, 1e6)])
def test_a_value_of_a_few_is_found_and_any_other_is_other(values: tuple[float, ...]) -> None:
    binning = Binning("x", Kind.NUMERIC, values=values)
    x = [*values, *values, 0.5, 1e9, -1e9, 2.0, np.nan]
    assert counted(binning, x) == {**dict.fromkeys(range(len(values)), 2), OTHER: 4, NAN: 1}


def test_slices_add_up_to_the_whole_and_leave_out_rows_without_a_label() -> None:
    rng = np.random.default_rng(5)
    x, label = rng.standard_cauchy(5000), rng.integers(0, 3, 5000)
    tally, room = Tally(GRID, {BY: 2}), Room(5000)
    tally.add(x, None, {BY: label}, room)
    cells = tally.cells()
    np.testing.assert_allclose(room.u, (x - 0.5) / (2.0 + np.abs(x - 0.5)))
    for i, name in enumerate(BY.categories):
        found = cells[(("g", name),), "x"]
        mine = x[label == i]
        # Powers of two: a slice's bucket is eight of the whole's.
        expected = np.unique(np.floor(512 * room.u[label == i]).astype(int) // 8, return_counts=True)
        assert (found.bucket.tolist(), found.count.tolist()) == tuple(part.tolist() for part in expected)
        assert found.d1.sum() == pytest.approx((mine - 0.5).sum(), rel=1e-12)
        assert found.d2.sum() == pytest.approx(((mine - 0.5) ** 2).sum(), rel=1e-12)
        assert (found.low.min(), found.high.max()) == (mine.min(), mine.max())
    assert cells[WHOLE, "x"].rows == 5000
