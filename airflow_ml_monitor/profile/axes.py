"""The directions in which a reference's features lie together: its principal components."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from airflow_ml_monitor.profile.ellipsoid import Ellipsoid

Floats = NDArray[np.float64]

EXPLAINED: Final = 0.65
"""The leading components hold at least such a part of the features' variance: what is left is mostly each one's own.
NannyML's reconstruction keeps as much."""
MOST_AXES: Final = 8
"""So many at most: of more columns that hardly correlate none is a direction of its own."""


@dataclass(frozen=True, slots=True, eq=False)
class Axes:
    """The leading eigenvectors of the correlations of a reference's u (see traces.Products), the largest first.

    centre, deviation: (k,) by which a u is standardised. vectors: (k, p), of length 1; the largest part of each is
    positive. What the ellipsoid adds to the variance of a rare category weakens its part here, too.
    """

    columns: tuple[str, ...]
    centre: Floats
    deviation: Floats
    vectors: Floats


@lru_cache(maxsize=64)
def axes_of(ellipsoid: Ellipsoid) -> Axes:
    """The axes of an ellipsoid; none where it has no columns."""
    if not ellipsoid.columns:
        return Axes((), np.zeros(0), np.zeros(0), np.zeros((0, 0)))
    covariance = np.array(ellipsoid.covariance)
    deviation = np.sqrt(np.diag(covariance))
    values, vectors = np.linalg.eigh(covariance / np.outer(deviation, deviation))
    values, vectors = values[::-1], vectors[:, ::-1]
    enough = int(np.searchsorted(np.cumsum(values) / values.sum(), EXPLAINED - 1e-9)) + 1
    # All of them would leave nothing outside.
    kept = vectors[:, : min(enough, MOST_AXES, len(values) - 1)]
    largest = kept[np.abs(kept).argmax(axis=0), np.arange(kept.shape[1])]
    return Axes(ellipsoid.columns, np.array(ellipsoid.centre), deviation, kept * np.sign(largest))
