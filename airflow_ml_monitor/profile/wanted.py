"""What a scan of a large window is asked for, whatever the engine, and whoever works it out. Light."""

from __future__ import annotations

from dataclasses import dataclass

from airflow_ml_monitor.profile.dataset import Kind
from airflow_ml_monitor.profile.ellipsoid import Ellipsoid
from airflow_ml_monitor.profile.layout import Binning


@dataclass(frozen=True, slots=True)
class Wanted:
    """Cells of columns, of the whole and by slice; and what rows tell by some together, and of an ellipsoid."""

    binnings: tuple[Binning, ...] = ()
    slices: tuple[Binning, ...] = ()
    together: tuple[Binning, ...] = ()
    ellipsoid: Ellipsoid | None = None
    event_time: str = ""

    @property
    def numbers(self) -> tuple[Binning, ...]:
        return tuple(b for b in self.binnings if b.kind is not Kind.CATEGORICAL)

    @property
    def categories(self) -> tuple[Binning, ...]:
        return tuple(b for b in self.binnings if b.kind is Kind.CATEGORICAL)

    @property
    def columns(self) -> tuple[tuple[str, Kind], ...]:
        """What is read of a row: each column once, with its kind."""
        return tuple(dict.fromkeys((b.column, b.kind) for b in (*self.binnings, *self.slices, *self.together)))
