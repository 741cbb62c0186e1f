"""Some rows of a profile, where they are asked for by name: those whose key's hash is lowest. They add."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Sequence

FINE: Final = 32_000
"""A number's u is kept to a 32,000th: in two bytes, and no value comes back to the digit."""
MISSING: Final = -32_768
"""Stands for no value, or one that is not finite."""
NAMELESS: Final = -1
"""Stands for a category without a bucket: values that may identify someone are not kept."""

Coded = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class RowSample:
    """At most so many rows, by ascending hash; of equal hashes by their values.

    hashes: (n,), whole numbers, of the entity key and the event time: a customer's rows of many days are drawn one by
    one. values: (n, k), by column: of numbers the u of their buckets, d / (scale + |d|), times FINE; of categories
    their bucket. Neither shows in a message.
    """

    columns: tuple[str, ...]
    most: int
    hashes: Coded = field(repr=False)
    values: Coded = field(repr=False)

    @classmethod
    def lowest(cls, columns: Sequence[str], most: int, hashes: NDArray[Any], values: NDArray[Any]) -> RowSample:
        """Of rows in any order."""
        hashes, values = np.asarray(hashes, np.int64), np.asarray(values, np.int64)
        order = np.lexsort((*values.T[::-1], hashes))[:most]
        return cls(tuple(columns), most, hashes[order], values[order])

    def __add__(self, other: RowSample) -> RowSample:
        """Of the columns that both have; as many rows as both may have."""
        columns = tuple(column for column in self.columns if column in other.columns)
        values = [sample.of(columns) for sample in (self, other)]
        hashes = np.concatenate([self.hashes, other.hashes])
        return RowSample.lowest(columns, min(self.most, other.most), hashes, np.concatenate(values))

    def of(self, columns: Sequence[str]) -> Coded:
        """(n, k): the values of some of its columns, in their order."""
        return self.values[:, [self.columns.index(column) for column in columns]]
