"""A decision, told once, by any Airflow notifier."""

from __future__ import annotations

import asyncio
import copy
import hashlib
import logging
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

from airflow_ml_monitor.airflow_compat import BaseNotifier
from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.hooks.metrics_store import MetricsStoreHook

log = logging.getLogger(__name__)

_DECISION = (
    "{{{{ ((ti.xcom_pull(task_ids=(task.upstream_task_ids | list) + [task.task_id], key='decision') or []) "
    "| select | selectattr('monitor', 'equalto', {monitor!r}) | map(attribute='id') | first | default('', true)) "
    "if ti is defined else '' }}}}"
)
"""The id of the monitor's decision that was made by the task itself or by one directly upstream."""


class DecisionNotifier(BaseNotifier):
    """Tell a monitor's decision when it changes the state of things: an action asked for, an incident begun or over.

    carrier: any Airflow notifier; its templates may use `message` (subject, text, html, owner, action, monitor, link,
    decision), e.g. SmtpNotifier(to="{{ message.owner }}", subject="{{ message.subject }}",
    html_content="{{ message.html }}"); or the same as a mapping with the class's path under 'class', for deadline
    alerts, which travel as JSON. monitor: 'namespace/name'.

    Works as a callback of the decide task or of the DAG, in a deadline alert, and as a task (NotifyOperator). A run
    that has made no decision is told as such. Each carrier sends a decision once, however often it is called; a
    failed attempt may be repeated by the same task.
    """

    template_fields: Sequence[str] = ("decision_id", "link")

    def __init__(
        self,
        *,
        monitor: str,
        carrier: Any,
        decision_id: str = "",
        link: str = "{{ ti.log_url if ti is defined else '' }}",
        conn_id: str = MetricsStoreHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if isinstance(carrier, Mapping) and "class" not in carrier:
            raise SpecError("a carrier as a mapping names its class's path under 'class'", field="carrier")
        self.monitor = monitor
        self.carrier = carrier
        self.decision_id = decision_id or _DECISION.format(monitor=monitor)
        self.link = link
        self.conn_id = conn_id

    def __call__(self, *args: Any) -> None:
        # Airflow renders a notifier's templates in place: the next run of this process must render them anew.
        BaseNotifier.__call__(copy.copy(self), *args)

    def notify(self, context: Any) -> None:
        from airflow_ml_monitor.report.message import is_news, message_of, silence

        run = _id_of(context.get("dag_run"), "run_id")
        store = MetricsStoreHook(self.conn_id).store
        try:
            record = store.decision_record(self.monitor, id=self.decision_id, run=run)
            if record is None:
                self._send(context, silence(self.monitor, run, self.link))
            elif not is_news(record):
                log.info("%s changes nothing: no message", record.decision.id)
            else:
                made, name = record.decision.id, self._carrier_name()
                if not store.claim_message(made, name, self._claimant(run, context.get("ti"))):
                    log.info("%s was told by %s before: no message", made, name)
                    return
                self._send(context, message_of(record, self.link))
                store.message_sent(made, name)
        finally:
            store.dispose()

    async def async_notify(self, context: Any) -> None:
        await asyncio.to_thread(self.notify, context)

    def _send(self, context: Any, message: Any) -> None:
        # A notifier's templates are rendered in place: the one that was given stays as it is.
        carrier = _made(self.carrier) if isinstance(self.carrier, Mapping) else copy.copy(self.carrier)
        carrier({**context, "message": message})

    @staticmethod
    def _claimant(run: str, instance: Any) -> str:
        """The task that may try again: its run, id and place among mapped ones."""
        return f"{run}/{_id_of(instance, 'task_id')}[{_id_of(instance, 'map_index')}]"

    def _carrier_name(self) -> str:
        """Tells two carriers of one class apart by what they were given: two addresses are two messages."""
        if isinstance(self.carrier, Mapping):
            kind, fields = str(self.carrier["class"]).rpartition(".")[2], dict(self.carrier)
        else:
            kind = type(self.carrier).__name__
            fields = {name: getattr(self.carrier, name, None) for name in self.carrier.template_fields}
        # A set has another order in every process.
        given = [(k, sorted(map(str, v)) if isinstance(v, (set, frozenset)) else v) for k, v in sorted(fields.items())]
        return f"{kind}:{hashlib.sha256(repr(given).encode()).hexdigest()[:16]}"


def _made(given: Mapping[str, Any]) -> Any:
    module, _, name = str(given["class"]).rpartition(".")
    return getattr(import_module(module), name)(**{key: value for key, value in given.items() if key != "class"})


def _id_of(thing: Any, name: str) -> str:
    """An id of an object, or of the mapping that a deadline alert has in its place."""
    return str((thing.get(name) if isinstance(thing, Mapping) else getattr(thing, name, "")) or "")
