"""The shape of a reference's rows: where its features lie together. Light; what is done with it: outlying.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Ellipsoid:
    """Means and covariances of the u (see traces.Products) of a reference's features.

    Without columns where fewer than two of them vary: one alone has no combinations. rows: of the reference.
    """

    columns: tuple[str, ...]
    rows: int
    centre: tuple[float, ...] = ()
    covariance: tuple[tuple[float, ...], ...] = ()

    def document(self) -> dict[str, Any]:
        """Plain JSON."""
        covariance = [list(row) for row in self.covariance]
        return {"columns": list(self.columns), "rows": self.rows, "centre": list(self.centre), "covariance": covariance}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Ellipsoid:
        covariance = tuple(tuple(row) for row in document["covariance"])
        return cls(tuple(document["columns"]), document["rows"], tuple(document["centre"]), covariance)
