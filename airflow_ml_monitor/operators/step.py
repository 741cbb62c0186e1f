"""What every step of a monitor shares as an Airflow task: which monitor, which window, what is known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from airflow_ml_monitor.airflow_compat import BaseOperator
from airflow_ml_monitor.hooks.lineage import as_facets, is_installed
from airflow_ml_monitor.hooks.metrics_store import MetricsStoreHook
from airflow_ml_monitor.hooks.monitor_run import opened, run_of
from airflow_ml_monitor.monitor.spec import MonitorSpec

if TYPE_CHECKING:
    from airflow.providers.openlineage.extractors import OperatorLineage
    from airflow.sdk import Context

    from airflow_ml_monitor.monitor.lineage import Lineage
    from airflow_ml_monitor.monitor.run import Monitor, Run

STARTED: Final = "{{ dag_run.start_date.isoformat() }}"
"""The moment at which the run was started: every try of its tasks knows the same."""


class MonitorStep(BaseOperator):
    """One step of a monitor, for the window that the run is about.

    spec: the monitor. rule: which of its window rules ('day', 'week' …); empty means the first.
    window_start, window_end: measure this window instead of the run's. known_at: the evidence cut-off, ISO 8601 with
    an offset; a run's conf and a backfill decide before it; without any, now. conn_id: the metrics database.
    """

    template_fields: Sequence[str] = ("window_start", "window_end", "known_at")

    def __init__(
        self,
        *,
        spec: MonitorSpec,
        rule: str = "",
        window_start: str | None = None,
        window_end: str | None = None,
        known_at: str | None = None,
        conn_id: str = MetricsStoreHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.spec = spec
        # MonitorOperator alone is given what is read when it runs.
        self.rule = str(spec.rule(rule)) if isinstance(spec, MonitorSpec) else rule
        self.window_start = window_start
        self.window_end = window_end
        self.known_at = known_at
        self.conn_id = conn_id
        self._stored: Run | None = None

    def execute(self, context: Context) -> Any:
        run = self.run_of(context)
        with opened(self.spec, self.conn_id) as monitor:
            told = self.measure(monitor, run)
        self._stored = run
        return told

    def run_of(self, context: Any) -> Run:
        """The run's window and evidence cut-off."""
        return run_of(context, self.spec, self.rule, (self.window_start, self.window_end), self.known_at)

    def measure(self, monitor: Monitor, run: Run) -> Any:
        """The step itself; returns small JSON."""
        raise TypeError(f"{type(self).__name__} does not say what it measures")

    def lineage(self, monitor: Monitor, run: Run | None) -> Lineage:
        """The datasets that the step reads and writes, with what it stored in a run; their names alone without one."""
        raise TypeError(f"{type(self).__name__} does not say what it reads and writes")

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> OperatorLineage[Any, Any] | None:
        """What OpenLineage is told once the step is done, from the metrics database: no second scan.

        Its provider calls this, and goes on without where it raises; without the provider nobody does. It calls it of a
        failed task too, which may be one that could not read its spec.
        """
        if not is_installed() or not isinstance(self.spec, MonitorSpec):
            return None
        with opened(self.spec, self.conn_id) as monitor:
            return as_facets(self.lineage(monitor, self._stored))
