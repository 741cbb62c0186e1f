"""Which buckets, chosen once from the reference. Current data never moves them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from airflow_ml_monitor.profile.dataset import Kind
from airflow_ml_monitor.profile.ellipsoid import Ellipsoid

# Buckets that hold no ordinary value. Far below any grid bucket, so they can never collide.
NULL: Final = -1_000_005
NAN: Final = -1_000_004
MINUS_INF: Final = -1_000_003
PLUS_INF: Final = -1_000_002
OTHER: Final = -1_000_001
SPECIAL: Final = -1_000_000
"""Every bucket below this one is special."""

GRID: Final = 512
"""Half the number of grid buckets for the whole: worst error 1e-4 in KS, 2e-4 sigma in Wasserstein on 31 columns."""
FINEST: Final = 8192
"""The same at most, of a column with narrow peaks (fitting.py)."""
SLICE_GRID: Final = 64
"""The same for a slice; a power of two, so that fine cells add up to coarse ones exactly."""
SCORE_BUCKETS: Final = 4096
"""Buckets of a probability s in [0, 1]: floor(2048 (2 s)^¼) up to 0.5, mirrored above.

Equal in the fourth root, so finest near 0 and 1, where models of rare events have all their scores: at 0.2 % positives
their ROC AUC is off by at most 6e-5 (as many equal buckets: 6e-3). Of the hotel's bookings, in 3,104 pairs of a week
and a Monday on which it was looked at, by at most 7e-4 (equal: 7e-4; 1,024 equal: 2.3e-3).
"""
SLICE_SCORE_JOIN: Final = 16
"""So many of them are joined in a slice, which has fewer rows: ROC AUC off by at most 5e-3 in the same pairs."""

FEW_VALUES: Final = 20
"""A numeric column with at most this many values keeps a bucket for each: a grid may join or split atoms."""
RARE: Final = 20
"""Categories with fewer reference rows go to `other`: values that may identify someone do not enter the store."""
MOST_CATEGORIES: Final = 1000


@dataclass(frozen=True, slots=True)
class Binning:
    """How one column is cut.

    Numeric grid: bucket = floor(K u), u = d / (scale + |d|), d = x - centre: u is in (-1, 1) for every finite x, so
    nothing is out of range, and the grid is finest where the reference is. resolution: K.
    `values` (numeric, boolean) or `categories`: a bucket per entry, in order, and `other` for the rest.
    """

    column: str
    kind: Kind
    centre: float = 0.0
    scale: float = 1.0
    resolution: int = GRID
    values: tuple[float, ...] = ()
    categories: tuple[str, ...] = ()

    @property
    def is_grid(self) -> bool:
        return self.kind in (Kind.NUMERIC, Kind.DATETIME) and not self.values

    @property
    def coarse(self) -> int:
        """The resolution in slices, and in profiles that are kept for long: an eighth."""
        return min(max(SLICE_GRID, self.resolution * SLICE_GRID // GRID), self.resolution)

    @property
    def labels(self) -> tuple[str, ...]:
        """What a slice on this column is called, bucket by bucket."""
        if self.kind is Kind.BOOLEAN:
            return tuple(str(bool(value)).lower() for value in self.values)
        return self.categories


@dataclass(frozen=True, slots=True)
class Layout:
    """The buckets of every measured column, and the columns by whose values rows are sliced.

    ellipsoid: from where the distances of rows are counted; None of a layout without second moments, or
    from a release before there was one.
    """

    binnings: tuple[Binning, ...]
    slice_by: tuple[str, ...] = ()
    ellipsoid: Ellipsoid | None = None

    def __getitem__(self, column: str) -> Binning:
        for binning in self.binnings:
            if binning.column == column:
                return binning
        raise KeyError(column)

    def __contains__(self, column: str) -> bool:
        return any(binning.column == column for binning in self.binnings)

    def document(self) -> dict[str, Any]:
        """Plain JSON."""
        # Not in that of a layout without one: its digest is what it was.
        shape = {"ellipsoid": self.ellipsoid.document()} if self.ellipsoid else {}
        return {
            "version": 1,
            "slice_by": list(self.slice_by),
            "binnings": [
                {
                    "column": b.column,
                    "kind": b.kind.value,
                    "centre": b.centre,
                    "scale": b.scale,
                    "resolution": b.resolution,
                    "values": list(b.values),
                    "categories": list(b.categories),
                }
                for b in self.binnings
            ],
            **shape,
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Layout:
        return cls(
            tuple(
                Binning(
                    b["column"],
                    Kind(b["kind"]),
                    b["centre"],
                    b["scale"],
                    b["resolution"],
                    tuple(b["values"]),
                    tuple(b["categories"]),
                )
                for b in document["binnings"]
            ),
            tuple(document["slice_by"]),
            Ellipsoid.from_document(document["ellipsoid"]) if "ellipsoid" in document else None,
        )

    @property
    def digest(self) -> str:
        """Profiles add only if their digests agree."""
        return digest(self.document())


def digest(document: Any) -> str:
    """24 hexadecimal digits that name a JSON document, whatever the order of its keys."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:24]
