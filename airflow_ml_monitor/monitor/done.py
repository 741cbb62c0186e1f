"""What a step did, as Airflow hands it on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from airflow_ml_monitor.measurement import Measurement, Status
from airflow_ml_monitor.profile.traces import added


@dataclass(frozen=True, slots=True)
class Done:
    """What a step did, as small JSON for XCom: rows stored by status, and how many revisions were new."""

    rows: dict[str, int]
    revisions: int

    @classmethod
    def of(cls, rows: list[Measurement], wrote: int) -> Done:
        return cls({s.value: n for s in Status if (n := sum(row.status is s for row in rows))}, wrote)

    def __add__(self, other: Done) -> Done:
        return Done(added(self.rows, other.rows), self.revisions + other.revisions)

    def document(self) -> dict[str, Any]:
        return {"measurements": self.rows, "revisions": self.revisions}
