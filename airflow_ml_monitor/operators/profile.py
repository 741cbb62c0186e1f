"""Scan the window's data once, into a stored profile."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.operators.step import MonitorStep

if TYPE_CHECKING:
    from airflow_ml_monitor.monitor.lineage import Lineage
    from airflow_ml_monitor.monitor.parting import Written
    from airflow_ml_monitor.monitor.run import Monitor, Run


class ProfileOperator(MonitorStep):
    """Profile every dataset of the monitor in the run's window.

    Freezes the reference first if there is none. Data that arrives broken (a column missing, no rows, no file) is kept
    in the profile as a fault; the task succeeds. Returns rows and faults by dataset.

    part: scan this part of the window alone, for another task to put together: the second of four equal spans of its
    time ('2/4'); a partition, as its path or glob, or as {dataset, source}; or the rows by a column of categories,
    {country: DE}, {country: [FR, IT]}, and all others, {country: {other_than: [DE, FR, IT]}}, in which NULL is as well
    (`parts_by_value` writes them). Mapped,
    `ProfileOperator.partial(task_id="part", spec=spec).expand(part=["1/4", "2/4", "3/4", "4/4"])`, each is a process,
    on a worker, of its own. parts: make the window's profile of these, without a second scan: the number of spans, or
    the same list. Exactly what one task would store; a part that is not there fails the task, and the window says so.
    Freeze the reference before (FreezeReferenceOperator), or every part would.
    """

    template_fields: Sequence[str] = (*MonitorStep.template_fields, "part", "parts")

    def __init__(
        self, *, part: Written | None = None, parts: int | Sequence[Written] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.part = part
        self.parts = parts

    def measure(self, monitor: Monitor, run: Run) -> dict[str, Any]:
        from airflow_ml_monitor.monitor.parting import Part, parts_of
        from airflow_ml_monitor.monitor.parts import merge_parts, scan_part
        from airflow_ml_monitor.monitor.steps import scan

        if self.part is not None and self.parts is not None:
            raise SpecError("a task scans a part, or puts parts together; leave one of them out", field="part, parts")
        if self.part is not None:
            return scan_part(monitor, run, Part.read(self.part))
        return scan(monitor, run) if self.parts is None else merge_parts(monitor, run, parts_of(self.parts))

    def lineage(self, monitor: Monitor, run: Run | None) -> Lineage:
        from airflow_ml_monitor.monitor.lineage import Flow, lineage_of

        return lineage_of(monitor, run, Flow(writes=("profile",)))
