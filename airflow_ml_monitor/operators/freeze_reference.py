"""Freeze the reference: choose the buckets and keep its profile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_ml_monitor.hooks.monitor_run import known_at_of, opened
from airflow_ml_monitor.operators.step import MonitorStep

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_ml_monitor.monitor.lineage import Lineage
    from airflow_ml_monitor.monitor.run import Monitor, Run


class FreezeReferenceOperator(MonitorStep):
    """Freeze the reference of every dataset that has none; returns their digests.

    About no window: it may stand in a DAG of any schedule, or of none.
    again: freeze anew. If its bytes or the spec's columns changed, the new reference counts from the end of what was
    measured before; older windows keep theirs.
    """

    def __init__(self, *, again: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.again = again
        self._is_done = False

    def execute(self, context: Context) -> dict[str, str]:
        from airflow_ml_monitor.monitor.freezing import freeze

        with opened(self.spec, self.conn_id) as monitor:
            frozen = freeze(monitor, known_at_of(context, self.known_at), again=self.again)
        self._is_done = True
        return frozen

    def lineage(self, monitor: Monitor, run: Run | None) -> Lineage:
        from airflow_ml_monitor.monitor.lineage import lineage_of_reference

        return lineage_of_reference(monitor, is_frozen=self._is_done)
