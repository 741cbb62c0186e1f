"""What our sensors share: how they wait."""

from __future__ import annotations

import inspect
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from airflow_ml_monitor.airflow_compat import AirflowRescheduleException, AirflowSensorTimeout, BaseSensorOperator
from airflow_ml_monitor.hooks.metrics_store import MetricsStoreHook
from airflow_ml_monitor.keys import parse_moment
from airflow_ml_monitor.triggers.polling import LOOK_YOURSELF

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_ml_monitor.triggers.polling import PollingTrigger


class Wait(BaseSensorOperator):
    """A wait that holds no slot: between two looks the task is rescheduled, or the triggerer looks.

    deferrable: the worker looks once, then the triggerer, every poke_interval seconds, by the same function: one look
    costs no task start. What it may not answer for the worker, a look that fails, the worker repeats, so timeout,
    soft_fail and the like mean what they mean otherwise; only exponential_backoff has no meaning there.
    """

    def __init__(
        self, *, deferrable: bool = False, conn_id: str = MetricsStoreHook.default_conn_name, **kwargs: Any
    ) -> None:
        waits = {"mode": "reschedule", "poke_interval": 300.0, "retries": 2}
        # A look that asks to be rescheduled is one that is deferred.
        super().__init__(**{**waits, **kwargs, **({"mode": "reschedule"} if deferrable else {})})
        self.deferrable = deferrable
        self.conn_id = conn_id

    def trigger(self, context: Context) -> PollingTrigger:
        """The trigger that goes on with the wait."""
        raise TypeError(f"{type(self).__name__} does not say what the triggerer looks at")

    def ended(self, found: dict[str, Any]) -> Any:
        """The task's value, or its end, after what a look found."""
        raise TypeError(f"{type(self).__name__} does not say what the end of the wait means")

    def execute(self, context: Context) -> Any:
        started = datetime.now(UTC)
        try:
            return super().execute(context)
        except AirflowRescheduleException:
            if not self.deferrable:
                raise
            self._go_on(context, started)

    def resume(self, context: Context, event: dict[str, Any], started: str) -> Any:
        """What Airflow calls when the trigger has fired."""
        if event != LOOK_YOURSELF:
            return self.ended(event)
        # Airflow warns of an execute that it did not call itself; this one it wraps, and the wrapped one it did not.
        look = inspect.unwrap(BaseSensorOperator.execute)
        try:
            return look(self, context)
        except AirflowRescheduleException:
            self._go_on(context, parse_moment(started))

    def _go_on(self, context: Context, started: datetime) -> NoReturn:
        left = started + timedelta(seconds=self.timeout) - datetime.now(UTC)
        if left <= timedelta(0):
            raise AirflowSensorTimeout(f"waited since {started.isoformat()}, longer than {self.timeout:g} s")
        self.defer(
            trigger=self.trigger(context),
            method_name=self.resume.__name__,
            kwargs={"started": started.isoformat()},
            timeout=left,
        )
