"""Look, sleep, look again: how a trigger of ours waits in the triggerer."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.monitor.spec import MonitorSpec

T = TypeVar("T")

LOOK_YOURSELF = {"look_yourself": True}
"""What a trigger says that could not look: the worker looks, and fails or goes on waiting as any sensor does."""


class PollingTrigger(BaseTrigger):
    """Looks every poke_interval seconds, first after one of them: the worker looked before it deferred."""

    def __init__(self, conn_id: str, poke_interval: float) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.conn_id = conn_id
        self.poke_interval = poke_interval

    def look(self) -> Any:
        """What the wait ended with, plain JSON; None while it goes on. Blocks; called in a thread."""
        raise TypeError(f"{type(self).__name__} does not say what it looks at")

    async def run(self) -> AsyncIterator[TriggerEvent]:
        while True:
            await asyncio.sleep(self.poke_interval)
            try:
                found = await in_thread(self.look)
            except Exception:
                # A failed trigger would fail its task in another way than a failed poke, e.g. skip it with soft_fail.
                self.log.exception("could not look; the worker will")
                found = LOOK_YOURSELF
            if found is not None:
                yield event(found)
                return


def event(payload: Any) -> TriggerEvent:
    """What a trigger fires with; plain JSON."""
    return TriggerEvent(payload)  # type: ignore[no-untyped-call]


async def in_thread(function: Callable[[], T]) -> T:
    """A blocking function's value; the triggerer's other triggers go on meanwhile."""
    from asgiref.sync import sync_to_async

    # Not asyncio.to_thread: on Airflow 3.1 a connection asked for in a thread must find its way back to this loop.
    found: T = await sync_to_async(function, thread_sensitive=False)()
    return found


def carried(spec: MonitorSpec, field: str) -> str:
    """A spec as text, from which `uncarried` makes the same one in another process; SpecError if it holds tables."""
    if held := [name for name, source in spec.sources.items() if not isinstance(source, (str, os.PathLike))]:
        raise SpecError(
            f"the source of {held[0]!r} is a table in memory, which the triggerer cannot see; "
            "give a path or glob that it can read, or do not defer",
            field=field,
        )
    return json.dumps(spec.document(), sort_keys=True)


def uncarried(text: str) -> MonitorSpec:
    """The spec of a text."""
    return MonitorSpec.from_document(json.loads(text))
