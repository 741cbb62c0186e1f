"""Wait for a stored measurement or decision of a monitor: for other DAGs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from airflow_ml_monitor.airflow_compat import BaseSensorOperator
from airflow_ml_monitor.errors import SpecError, UnknownName
from airflow_ml_monitor.hooks.metrics_store import MetricsStoreHook
from airflow_ml_monitor.hooks.run_window import resolve_window
from airflow_ml_monitor.keys import WindowRule, WindowUnit
from airflow_ml_monitor.metrics.metric import metric_names
from airflow_ml_monitor.policy.rule import Action, Bounds

if TYPE_CHECKING:
    from airflow.sdk import Context


class MeasurementSensor(BaseSensorOperator):
    """Wait until what a monitor stored about the run's window fulfils a condition.

    monitor: 'namespace/name'. Either actions: the window's newest decision asks for one of them; or metric (and
    column): its current value in the whole window has status ok and lies within bounds.
    rule: the monitor's window rule. Reads the metrics database only.
    """

    template_fields: Sequence[str] = ("monitor", "window_start", "window_end")

    def __init__(
        self,
        *,
        monitor: str,
        actions: Collection[str] = (),
        metric: str = "",
        column: str = "",
        bounds: Bounds | None = None,
        rule: WindowRule = WindowRule(WindowUnit.DAY),  # noqa: B008  frozen
        window_start: str | None = None,
        window_end: str | None = None,
        conn_id: str = MetricsStoreHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        waits = {"mode": "reschedule", "poke_interval": 300.0, "retries": 2}
        super().__init__(**{**waits, **kwargs})
        if bool(actions) == bool(metric):
            raise SpecError("give either actions or a metric to wait for", field=self.task_id)
        if unknown := sorted(set(actions) - set(Action)):
            raise UnknownName("action", unknown[0], Action, field=f"{self.task_id}.actions")
        if metric and metric not in (known := metric_names()):
            raise UnknownName("metric", metric, known, field=f"{self.task_id}.metric")
        self.monitor = monitor
        self.actions = sorted(actions)
        self.metric = metric
        self.column = column
        self.bounds = bounds
        self.rule = rule
        self.window_start = window_start
        self.window_end = window_end
        self.conn_id = conn_id

    def poke(self, context: Context) -> bool:
        from airflow_ml_monitor.monitor.condition import decided, measured

        window = resolve_window(context, self.rule, self.window_start, self.window_end)
        store = MetricsStoreHook(self.conn_id).store
        try:
            if self.actions:
                return decided(store, self.monitor, window, self.actions)
            return measured(store, self.monitor, window, self.metric, self.column, self.bounds)
        finally:
            store.dispose()
