"""Products over rows, taken a piece at a time, against numpy's own."""

from __future__ import annotations

import numpy as np
import pytest

from airflow_ml_monitor.profile.kernel.row_products import crossed, squared, turned

SHAPES = [(0, 0), (1, 1), (3, 2), (24, 6), (70, 3)]
ROWS = [0, 1, 255, 256, 257, 2047, 2048, 2049, 40_000]


@pytest.mark.parametrize(("k", "m", "rows"), [*((k, m, rows) for k, m in SHAPES for rows in ROWS), (600, 1, 257)])
def test_products_by_pieces_are_those_of_the_whole(k: int, m: int, rows: int) -> None:
    rng = np.random.default_rng(rows)
    a, b, matrix, offset = (rng.normal(size=shape) for shape in ((k, rows), (m, rows), (m, k), (m,)))
    np.testing.assert_allclose(crossed(a, b), a @ b.T, atol=1e-9)
    np.testing.assert_allclose(turned(matrix, a), matrix @ a, atol=1e-12)
    products, lengths = squared(a, b > 0, matrix, offset)
    both = np.concatenate([a, b > 0])
    np.testing.assert_allclose(products, both @ both.T, atol=1e-9)
    np.testing.assert_allclose(lengths, np.square(matrix @ a - offset[:, None]).sum(axis=0), atol=1e-9)
