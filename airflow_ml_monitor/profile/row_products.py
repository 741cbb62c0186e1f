"""Products of matrices of a few columns and many rows, as many small ones that stay in the processor's cache.

BLAS would share a large one out among threads that wait for each other: to turn a million rows of 24 columns took 490
ms of two processors instead of 30 of one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_AT_ONCE: Final = 256
"""Rows of a product: of fifty columns BLAS takes it alone."""


def crossed(a: Floats, b: Floats) -> Floats:
    """a bᵀ of k × rows and m × rows: sums of products over rows."""
    found = np.zeros((len(a), len(b)))
    for some, others in zip(_pieces(a), _pieces(b), strict=True):
        found += np.matmul(some, others.transpose(0, 2, 1)).sum(axis=0)
    return found


def square_lengths(matrix: Floats, rows: Floats, offset: Floats) -> Floats:
    """The squared length of matrix · row - offset of each of k × rows."""
    found = []
    for some in _pieces(rows):
        turned = np.matmul(matrix, some)
        turned -= offset[:, None]
        found.append(np.einsum("sir,sir->sr", turned, turned).ravel())
    return np.concatenate(found)


def turned(matrix: Floats, rows: Floats) -> Floats:
    """matrix · row of each of k × rows."""
    parts = (np.matmul(matrix, some).transpose(1, 0, 2) for some in _pieces(rows))
    return np.concatenate([part.reshape(len(matrix), part.shape[1] * part.shape[2]) for part in parts], axis=1)


def _pieces(rows: Floats) -> Iterator[Floats]:
    """k × rows as pieces × k × rows each, then what is left over."""
    even = rows.shape[1] - rows.shape[1] % _AT_ONCE
    for part, size in ((rows[:, :even], _AT_ONCE), (rows[:, even:], rows.shape[1] - even)):
        # Not -1, which of no columns says nothing.
        pieces = part.shape[1] // size if size else 0
        yield part.reshape(len(rows), pieces, size).transpose(1, 0, 2)
