"""A window's rows beside the same rows as training computes their features: counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from airflow_ml_monitor.errors import DataFault, TooFew


@dataclass(frozen=True, slots=True)
class Skew:
    """What came of joining a window's rows with their replay.

    rows: of the window. joined: those with one partner; repeated: those whose key stands in the replay more than once.
    differing: of the joined rows, by column; columns that the window itself lacks are left out. faults: why a column of
    the replay cannot be compared.
    """

    rows: int
    joined: int
    repeated: int
    differing: Mapping[str, int]
    faults: Mapping[str, str]

    @property
    def coverage(self) -> float:
        """The share of the rows that has one partner; 0 without rows."""
        return self.joined / self.rows if self.rows else 0.0


@dataclass(frozen=True, slots=True)
class SkewedColumn:
    """One column of it, as metrics see it."""

    skew: Skew
    name: str

    def differing(self, least: int) -> int:
        """Rows whose value differs; DataFault where it cannot be compared, TooFew below so many joined rows."""
        if reason := self.skew.faults.get(self.name):
            raise DataFault(reason)
        if self.skew.joined < least:
            raise TooFew(f"{self.skew.joined} of {self.skew.rows} rows found a partner in the replay, {least} needed")
        return self.skew.differing[self.name]
