"""Signed components: how a column's distribution moved, as a few numbers that are near 0 and normal without change.

A distance is never negative, and drowns a small lasting shift in its own noise floor; a signed number does not. Each
has about the variance 1/n of independent rows, whatever the column holds: ranks and arcsines see to that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from airflow_ml_monitor.profile.cells import Counts, Floats

Flags = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]

SHAPES: Final = ("location", "scale", "skewness")
"""Means of the first three orthonormal polynomials of the reference's mid-rank."""
LEAST_SHARE: Final = 0.005
"""A category with less of the reference has no component of its own."""
MOST_CATEGORIES: Final = 30
"""So many have one, the most frequent; the rest are `rare` together."""


@dataclass(frozen=True)
class Cut:
    """Which cells make a column's components: shares of the rows of each of `shares`, and of the cells `ordered`, by
    ascending value, the polynomials' means; none of categories."""

    shares: Mapping[str, Flags]
    ordered: Counts

    @classmethod
    def of_categories(cls, shares: Mapping[str, Flags], known: Mapping[str, int], reference: Floats) -> Cut:
        """known: {category: its cell}. Each of the frequent ones has a share of its own."""
        cells = np.array([*known.values()], np.int64)
        rows = reference[cells] if len(cells) else np.zeros(0)
        share = rows / max(float(rows.sum()), 1.0)
        order = np.argsort(-share, kind="stable")[:MOST_CATEGORIES]
        frequent = [int(i) for i in order if share[i] >= LEAST_SHARE]
        # Of two the second says nothing that the first does not.
        told = frequent[:1] if len(frequent) == len(cells) == 2 else frequent
        names, every = list(known), np.arange(len(reference))
        found = {f"category={names[i]}": every == cells[i] for i in told}
        rare = np.isin(every, np.delete(cells, frequent))
        return cls({**shares, **found, **({"rare": rare} if rare.any() else {})}, np.zeros(0, np.int64))


def components(cut: Cut, reference: Floats, current: Floats) -> dict[str, tuple[Floats, Floats]]:
    """{component: (value, rows behind it)} of rows by cell: (cells,) of the reference, (…, cells) now.

    Each value is 0 where nothing moved; NaN without rows. Shapes are in standard deviations: a normal column that moved
    by 0.2 of its own has a location of 0.195. Shares are Cohen's h: differences of 2·asin √share.
    """
    found = {}
    before, now = reference[cut.ordered], current[..., cut.ordered]
    if before.sum() > 0:
        moved, n = means(polynomials(before), now), now.sum(axis=-1)
        found = {name: (moved[..., i], n) for name, i in zip(SHAPES, range(moved.shape[-1]), strict=False)}
    m, rows = reference.sum(), current.sum(axis=-1)
    for name, cells in cut.shares.items():
        found[name] = (arcsine(current[..., cells].sum(axis=-1), rows) - arcsine(reference[cells].sum(), m), rows)
    return found


def polynomials(reference: Floats) -> Floats:
    """(order, cells): orthonormal polynomials of the reference's mid-rank, for cells in ascending order of value.

    reference: its rows by cell. As many as three; fewer where it has fewer values: k values carry k - 1. Under the
    reference each has mean 0 and variance 1, so heavy tails and atoms do no harm (Legendre's, where there are none).
    """
    share = reference / np.sum(reference)
    order = min(len(SHAPES), int(np.count_nonzero(share)) - 1)
    if order < 1:
        return np.zeros((0, len(share)))
    rank = 2 * (np.cumsum(share) - share / 2) - 1
    powers = rank[:, None] ** np.arange(order + 1)
    _, upper = np.linalg.qr(np.sqrt(share)[:, None] * powers)
    made: Floats = np.linalg.solve(upper.T, powers.T)[1:] * np.sign(np.diag(upper))[1:, None]
    return made


def means(basis: Floats, rows: Floats) -> Floats:
    """(…, order): the mean of each polynomial over rows by cell (…, cells); NaN without rows."""
    n = rows.sum(axis=-1, keepdims=True)
    found: Floats = np.divide(rows @ basis.T, n, out=np.full((*rows.shape[:-1], len(basis)), np.nan), where=n > 0)
    return found


def arcsine(rows: Floats, n: Floats) -> Floats:
    """2·asin of the root of a share: variance 1/n whatever the share; NaN without rows. Anscombe 1948."""
    root = np.sqrt((rows + 3 / 8) / (n + 3 / 4))
    found: Floats = np.where(n > 0, 2 * np.arcsin(np.minimum(root, 1.0)), np.nan)
    return found
