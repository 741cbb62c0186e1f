"""The wait for what a monitor stored, as a worker and the triggerer both ask for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from airflow_ml_monitor.hooks.metrics_store import MetricsStoreHook
from airflow_ml_monitor.keys import Window, parse_moment
from airflow_ml_monitor.policy.rule import Bounds
from airflow_ml_monitor.triggers.polling import PollingTrigger

if TYPE_CHECKING:
    from airflow_ml_monitor.monitor.condition import Condition


def is_stored(conn_id: str, monitor: str, window: Window, condition: Condition) -> bool:
    """One look into the metrics database: of the sensor in every mode, before it defers, and of the trigger."""
    from airflow_ml_monitor.monitor.condition import holds

    store = MetricsStoreHook(conn_id).store
    try:
        return holds(store, monitor, window, condition)
    finally:
        store.dispose()


class MeasurementTrigger(PollingTrigger):
    """Fires once what a monitor stored about a window fulfils a condition.

    window: [start, end], ISO 8601. condition: the fields of a Condition.
    """

    def __init__(
        self, monitor: str, window: tuple[str, str], condition: Mapping[str, Any], conn_id: str, poke_interval: float
    ) -> None:
        super().__init__(conn_id, poke_interval)
        self.monitor = monitor
        self.window = list(window)
        self.condition = dict(condition)

    @classmethod
    def of(
        cls, monitor: str, window: Window, condition: Condition, *, conn_id: str, poke_interval: float
    ) -> MeasurementTrigger:
        """The trigger that goes on with a wait."""
        fields = {**asdict(condition), "actions": list(condition.actions), "status": str(condition.status)}
        return cls(monitor, (window.start.isoformat(), window.end.isoformat()), fields, conn_id, poke_interval)

    def serialize(self) -> tuple[str, dict[str, Any]]:
        names = ("monitor", "window", "condition", "conn_id", "poke_interval")
        return f"{type(self).__module__}.{type(self).__qualname__}", {name: getattr(self, name) for name in names}

    def look(self) -> dict[str, Any] | None:
        from airflow_ml_monitor.monitor.condition import Condition

        bounds = self.condition["bounds"]
        condition = Condition(
            **{
                **self.condition,
                "actions": tuple(self.condition["actions"]),
                "bounds": Bounds(**bounds) if bounds else None,
            }
        )
        start, end = map(parse_moment, self.window)
        return {} if is_stored(self.conn_id, self.monitor, Window(start, end), condition) else None
