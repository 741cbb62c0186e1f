"""Wait for a stored measurement or decision of a monitor: for other DAGs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from airflow_ml_monitor.errors import SpecError, UnknownName
from airflow_ml_monitor.hooks.run_window import resolve_window
from airflow_ml_monitor.keys import Window, WindowRule, WindowUnit
from airflow_ml_monitor.measurement import Status
from airflow_ml_monitor.metrics.names import metric_names
from airflow_ml_monitor.policy.rule import Action, Bounds
from airflow_ml_monitor.sensors.wait import Wait
from airflow_ml_monitor.triggers.measurement import MeasurementTrigger, is_stored

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_ml_monitor.monitor.condition import Condition


class MeasurementSensor(Wait):
    """Wait until what a monitor stored about the run's window fulfils a condition.

    monitor: 'namespace/name'. Either actions: the window's newest decision asks for one of them; or metric (and
    column): its current value in the whole window has the status ('ok' unless said otherwise), lies within bounds, and
    is known well enough: its interval, high - low in the metric's unit, is at most width wide.
    rule: the monitor's window rule. Reads the metrics database only. deferrable: wait in the triggerer between looks.
    """

    template_fields: Sequence[str] = ("monitor", "window_start", "window_end")

    def __init__(
        self,
        *,
        monitor: str,
        actions: Collection[str] = (),
        metric: str = "",
        column: str = "",
        status: str = Status.OK,
        bounds: Bounds | None = None,
        width: float | None = None,
        rule: WindowRule = WindowRule(WindowUnit.DAY),  # noqa: B008  frozen
        window_start: str | None = None,
        window_end: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.monitor = monitor
        self.actions = sorted(actions)
        self.metric = metric
        self.column = column
        self.status = str(status)
        self.bounds = bounds
        self.width = width
        self.rule = rule
        self.window_start = window_start
        self.window_end = window_end
        self._check()

    def poke(self, context: Context) -> bool:
        return is_stored(self.conn_id, self.monitor, self._window(context), self._condition())

    def trigger(self, context: Context) -> MeasurementTrigger:
        window, condition = self._window(context), self._condition()
        return MeasurementTrigger.of(
            self.monitor, window, condition, conn_id=self.conn_id, poke_interval=self.poke_interval
        )

    def ended(self, found: dict[str, Any]) -> None:
        """Nothing is handed on: what was waited for is in the metrics database."""

    def _window(self, context: Context) -> Window:
        return resolve_window(context, self.rule, self.window_start, self.window_end)

    def _condition(self) -> Condition:
        from airflow_ml_monitor.monitor.condition import Condition

        return Condition(tuple(self.actions), self.metric, self.column, self.status, self.bounds, self.width)

    def _check(self) -> None:
        if bool(self.actions) == bool(self.metric):
            raise SpecError("give either actions or a metric to wait for", field=self.task_id)
        if unknown := sorted(set(self.actions) - set(Action)):
            raise UnknownName("action", unknown[0], Action, field=f"{self.task_id}.actions")
        if self.metric and self.metric not in (known := metric_names()):
            raise UnknownName("metric", self.metric, known, field=f"{self.task_id}.metric")
        if self.status not in set(Status):
            raise UnknownName("status", self.status, Status, field=f"{self.task_id}.status")
        if self.width is not None and not self.width >= 0:
            raise SpecError(f"{self.width} is no width; give 0 or more", field=f"{self.task_id}.width")
        if self.actions and (self.bounds or self.width is not None or self.status != Status.OK):
            raise SpecError("bounds, width and status are a metric's, and actions are waited for", field=self.task_id)
        if self.bounds is not None and self.bounds.is_relative:
            raise SpecError(
                "bounds against the reference are a policy's, which knows it; give min or max, or wait for an action",
                field=f"{self.task_id}.bounds",
            )
