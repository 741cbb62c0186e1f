"""The wait for a window's labels, as a worker and the triggerer both ask for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow_ml_monitor.hooks.monitor_run import opened
from airflow_ml_monitor.keys import Window, parse_moment
from airflow_ml_monitor.monitor.spec import MonitorSpec
from airflow_ml_monitor.triggers.polling import PollingTrigger, carried, uncarried
from airflow_ml_monitor.truth.maturity import Enough

if TYPE_CHECKING:
    from airflow_ml_monitor.monitor.label_condition import Answer, Wait
    from airflow_ml_monitor.monitor.run import Run


def asked(spec: MonitorSpec, conn_id: str, run: Run, wait: Wait, seen: Mapping[str, str] | None = None) -> Answer:
    """One look at a window's labels: of the sensor in every mode, before it defers, and of the trigger."""
    from airflow_ml_monitor.monitor.label_condition import look

    with opened(spec, conn_id) as monitor:
        return look(monitor, run, wait, seen)


class GroundTruthTrigger(PollingTrigger):
    """Fires with the sensor's value once enough labels of a window have come, or the wait is over.

    spec: the monitor's document, as text. about: rule, window_start, window_end, run_id, deadline (ISO 8601, or None).
    enough: how many labels are waited for. conn_id: the metrics database. The files that the spec names must be where
    the triggerer sees them.
    """

    def __init__(
        self, spec: str, about: Mapping[str, str | None], enough: Mapping[str, Any], conn_id: str, poke_interval: float
    ) -> None:
        super().__init__(conn_id, poke_interval)
        self.spec = spec
        self.about = dict(about)
        self.enough = dict(enough)
        self._seen: Mapping[str, str] = {}

    @classmethod
    def of(cls, spec: MonitorSpec, run: Run, wait: Wait, *, conn_id: str, poke_interval: float) -> GroundTruthTrigger:
        """The trigger that goes on with a wait; SpecError where the triggerer could not read the spec's sources."""
        about = {
            "rule": str(run.rule),
            "window_start": run.window.start.isoformat(),
            "window_end": run.window.end.isoformat(),
            "run_id": run.run_id,
            "deadline": wait.deadline.isoformat() if wait.deadline else None,
        }
        return cls(carried(spec, "spec"), about, asdict(wait.enough), conn_id, poke_interval)

    def serialize(self) -> tuple[str, dict[str, Any]]:
        names = ("spec", "about", "enough", "conn_id", "poke_interval")
        return f"{type(self).__module__}.{type(self).__qualname__}", {name: getattr(self, name) for name in names}

    def look(self) -> dict[str, Any] | None:
        from airflow_ml_monitor.monitor.label_condition import Wait
        from airflow_ml_monitor.monitor.run import Run

        spec, about = uncarried(self.spec), self.about
        window = Window(parse_moment(about["window_start"] or ""), parse_moment(about["window_end"] or ""))
        run = Run(window, spec.rule(about["rule"] or ""), datetime.now(UTC), about["run_id"] or "")
        deadline = about["deadline"]
        wait = Wait(Enough(**self.enough), parse_moment(deadline) if deadline else None)
        answer = asked(spec, self.conn_id, run, wait, self._seen)
        self._seen = answer.seen
        return answer.document() if answer.is_over else None
