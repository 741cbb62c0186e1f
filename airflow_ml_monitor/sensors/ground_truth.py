"""Wait for labels, and fix what counts as known."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_ml_monitor.airflow_compat import (
    AirflowFailException,
    AirflowSkipException,
    BaseSensorOperator,
    PokeReturnValue,
)
from airflow_ml_monitor.errors import SpecError, UnknownName
from airflow_ml_monitor.hooks.metrics_store import MetricsStoreHook
from airflow_ml_monitor.hooks.monitor_run import opened, run_of
from airflow_ml_monitor.hooks.run_window import resolve_known_at
from airflow_ml_monitor.monitor.spec import MonitorSpec

if TYPE_CHECKING:
    from airflow.sdk import Context

DEADLINES = ("go_on", "skip", "fail")


class GroundTruthSensor(BaseSensorOperator):
    """Wait until labels of the run's window have come, by share or by horizon; hand on the moment as `known_at`.

    coverage: share of the window's predictions that need a label, in [0, 1]; 0 waits for nothing and only fixes the
    moment. The horizon of the label source ends the wait as well: nothing more is awaited.
    deadline: how long after the window's end the wait is over; then on_deadline: 'go_on' with what there is, 'skip'
    or 'fail'. A run whose known_at is fixed (conf, backfill) cannot wait: its deadline is now.
    Returns {known_at, coverage by label source, reached}.
    """

    template_fields: Sequence[str] = ("window_start", "window_end")

    def __init__(
        self,
        *,
        spec: MonitorSpec,
        coverage: float = 0.0,
        deadline: timedelta | None = None,
        on_deadline: str = "go_on",
        rule: str = "",
        window_start: str | None = None,
        window_end: str | None = None,
        conn_id: str = MetricsStoreHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        waits = {"mode": "reschedule", "poke_interval": 300.0, "retries": 2}
        super().__init__(**{**waits, **kwargs})
        if not 0 <= coverage <= 1:
            raise SpecError(f"{coverage} is not in [0, 1]", field=f"{self.task_id}.coverage")
        if on_deadline not in DEADLINES:
            raise UnknownName("choice", on_deadline, DEADLINES, field=f"{self.task_id}.on_deadline")
        self.spec = spec
        self.coverage = coverage
        self.deadline = deadline
        self.on_deadline = on_deadline
        self.rule = str(spec.rule(rule))
        self.window_start = window_start
        self.window_end = window_end
        self.conn_id = conn_id

    def poke(self, context: Context) -> PokeReturnValue:
        from airflow_ml_monitor.monitor.performance import coverage

        run = run_of(context, self.spec, self.rule, (self.window_start, self.window_end))
        found = {"known_at": run.known_at.isoformat(), "coverage": {}, "reached": True}
        if self.coverage == 0 or not self.spec.labels:
            return PokeReturnValue(is_done=True, xcom_value=found)
        with opened(self.spec, self.conn_id) as monitor:
            ripe = coverage(monitor, run)
        found["coverage"] = {name: round(one.coverage, 4) for name, one in ripe.items()}
        found["reached"] = all(one.is_final or one.coverage >= self.coverage for one in ripe.values())
        if found["reached"]:
            return PokeReturnValue(is_done=True, xcom_value=found)
        is_fixed = resolve_known_at(context, run.window) is not None
        if not is_fixed and (self.deadline is None or run.known_at < run.window.end + self.deadline):
            return PokeReturnValue(is_done=False)
        text = f"labels of {run.window}: {found['coverage']}, {self.coverage:.0%} wanted, and the wait is over"
        if self.on_deadline == "fail":
            raise AirflowFailException(text)
        if self.on_deadline == "skip":
            raise AirflowSkipException(text)
        return PokeReturnValue(is_done=True, xcom_value=found)
