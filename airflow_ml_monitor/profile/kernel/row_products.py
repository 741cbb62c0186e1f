"""Products of matrices of a few columns and many rows, as many small ones that stay in the processor's cache.

BLAS would share a large one out among threads, which on machines of few processors wait for each other and keep these
from whoever reads the rows beside.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_WORK: Final = 2**18
"""Multiplications of a product: so few that BLAS does not share it out."""
_MOST: Final = 2048
"""Rows of a product: of more each is no cheaper."""
_GROUP: Final = 8
"""Products that are taken together: what is worked out of so many stays in the cache, and more is no faster."""


def crossed(a: Floats, b: Floats) -> Floats:
    """a bᵀ of k × rows and m × rows: sums of products over rows."""
    found, at_once = np.zeros((len(a), len(b))), _at_once(max(len(a), len(b)))
    for some, others in zip(_pieces(a, at_once), _pieces(b, at_once), strict=True):
        found += np.matmul(some, others.transpose(0, 2, 1)).sum(axis=0)
    return found


def squared(rows: Floats, there: NDArray[np.bool_], matrix: Floats, offset: Floats) -> tuple[Floats, Floats]:
    """(a aᵀ of k × rows and, below them, what is 1 where `there` is true; squared lengths of matrix · row - offset).

    Both at once, as to bring the rows into the cache takes as long as either. BLAS does a product of a matrix with its
    own transpose in half the time.
    """
    k, size = len(rows), len(rows) + len(there)
    found, lengths, start = np.zeros((size, size)), np.empty(rows.shape[1]), 0
    at_once = _at_once(size)
    held, made = np.empty((_GROUP, size, at_once)), np.empty((_GROUP, size, size))
    turned = np.empty((_GROUP, len(matrix), at_once))
    for some, is_there in zip(_groups(rows, at_once), _groups(there, at_once), strict=True):
        count, _, length = some.shape
        mine, at = held[:count, :, :length], slice(start, start + count * length)
        mine[:, :k], mine[:, k:] = some, is_there
        found += np.matmul(mine, mine.transpose(0, 2, 1), out=made[:count]).sum(axis=0)
        far = np.matmul(matrix, mine[:, :k], out=turned[:count, :, :length])
        far -= offset[:, None]
        np.einsum("sir,sir->sr", far, far, out=lengths[at].reshape(count, length))
        start = at.stop
    return found, lengths


def turned(matrix: Floats, rows: Floats) -> Floats:
    """matrix · row of each of k × rows."""
    pieces = _pieces(rows, _at_once(len(rows)))
    parts = (np.matmul(matrix, some).transpose(1, 0, 2) for some in pieces)
    return np.concatenate([part.reshape(len(matrix), part.shape[1] * part.shape[2]) for part in parts], axis=1)


def _at_once(size: int) -> int:
    """Rows of each of the products of so many columns."""
    return min(max(_WORK // max(size, 1) ** 2, 1), _MOST)


def _groups(rows: NDArray[Any], at_once: int) -> Iterator[NDArray[Any]]:
    """k × rows as groups of at most so many pieces × k × rows each."""
    for some in _pieces(rows, at_once):
        for start in range(0, len(some), _GROUP):
            yield some[start : start + _GROUP]


def _pieces(rows: NDArray[Any], at_once: int) -> Iterator[NDArray[Any]]:
    """k × rows as pieces × k × rows each, then what is left over."""
    even = rows.shape[1] - rows.shape[1] % at_once
    for part, size in ((rows[:, :even], at_once), (rows[:, even:], rows.shape[1] - even)):
        # Not -1, which of no columns says nothing.
        pieces = part.shape[1] // size if size else 0
        yield part.reshape(len(rows), pieces, size).transpose(1, 0, 2)
