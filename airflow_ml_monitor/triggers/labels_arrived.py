"""Labels have come of which a monitor does not know: an asset's event."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any

from airflow.triggers.base import BaseEventTrigger, TriggerEvent

from airflow_ml_monitor.hooks.metrics_store import MetricsStoreHook
from airflow_ml_monitor.hooks.monitor_run import opened
from airflow_ml_monitor.monitor.spec import MonitorSpec
from airflow_ml_monitor.triggers.polling import carried, event, in_thread, uncarried


class LabelsArrivedTrigger(BaseEventTrigger):
    """Fires whenever a label source holds labels, or corrections, that the monitor's ledger does not know yet.

    For an AssetWatcher: the DAG that measures performance runs when there is something to measure. The ledger knows
    labels once that DAG has run; until then the same labels are not told again. After a restart of the triggerer they
    may be told once more, which the measuring takes as nothing new. A source of which no byte has changed is not read.
    The event's payload: {monitor, labels: [names of sources], known_at}.
    """

    def __init__(
        self,
        spec: MonitorSpec | str,
        *,
        conn_id: str = MetricsStoreHook.default_conn_name,
        poke_interval: float = 300.0,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.spec = spec if isinstance(spec, str) else carried(spec, "spec")
        self.conn_id = conn_id
        self.poke_interval = poke_interval
        self._seen: Mapping[str, str] = {}

    def serialize(self) -> tuple[str, dict[str, Any]]:
        names = ("spec", "conn_id", "poke_interval")
        return f"{type(self).__module__}.{type(self).__qualname__}", {name: getattr(self, name) for name in names}

    def look(self) -> dict[str, Any] | None:
        """What came since the last look, plain JSON; None if nothing did. Blocks; called in a thread."""
        from airflow_ml_monitor.monitor.label_condition import news

        spec, now = uncarried(self.spec), datetime.now(UTC)
        with opened(spec, self.conn_id) as monitor:
            found, self._seen = news(monitor, now, self._seen)
        return {"monitor": spec.key, "labels": found, "known_at": now.isoformat()} if found else None

    async def run(self) -> AsyncIterator[TriggerEvent]:
        while True:
            try:
                found = await in_thread(self.look)
            except Exception:
                # Nobody waits for a watcher, so nobody would hear that it died: it says so, and looks again.
                self.log.exception("could not look for labels; tried again in %g s", self.poke_interval)
                found = None
            if found is not None:
                yield event(found)
            await asyncio.sleep(self.poke_interval)
