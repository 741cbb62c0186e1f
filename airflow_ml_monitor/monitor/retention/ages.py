"""How long what is kept, and what went."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import timedelta

from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.keys import Window


@dataclass(frozen=True, slots=True)
class Ages:
    """From which age on what is no longer kept as it was. weeks: at least `profiles`."""

    profiles: timedelta = timedelta(days=90)
    weeks: timedelta = timedelta(days=365)
    revisions: timedelta = timedelta(days=90)

    def __post_init__(self) -> None:
        for name in (field.name for field in fields(self)):
            if getattr(self, name) < timedelta(days=1):
                raise SpecError(f"{getattr(self, name)} is less than a day; keep at least 1d", field=f"keep-{name}")
        if self.weeks < self.profiles:
            raise SpecError(
                f"days become weeks after {self.weeks}, while they are kept for {self.profiles}; give at least that",
                field="keep-weeks",
            )


@dataclass(frozen=True, slots=True)
class Gone:
    """Rows of a table that went, or would. bytes: exact of profiles, about of measurements, 0 where they hardly count.

    span: from the start of the oldest window that they are about to the end of the newest.
    """

    monitor: str
    table: str
    what: str
    rows: int
    bytes: int
    span: Window

    def __add__(self, other: Gone) -> Gone:
        span = Window(min(self.span.start, other.span.start), max(self.span.end, other.span.end))
        return replace(self, rows=self.rows + other.rows, bytes=self.bytes + other.bytes, span=span)
