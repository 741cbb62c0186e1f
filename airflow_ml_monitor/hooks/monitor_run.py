"""A spec and an Airflow context → the monitor and the run that the core's steps ask for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow_ml_monitor.airflow_compat import AirflowFailException
from airflow_ml_monitor.errors import SpecError, StoreNotMigrated, StoreTooNew
from airflow_ml_monitor.hooks.connection_store import store_of
from airflow_ml_monitor.hooks.connection_url import database_of
from airflow_ml_monitor.hooks.metrics_store import MetricsStoreHook
from airflow_ml_monitor.hooks.run_window import Moment, is_backfill, parsed, resolve_known_at, resolve_window
from airflow_ml_monitor.keys import Window
from airflow_ml_monitor.monitor.spec import MonitorSpec

if TYPE_CHECKING:
    from airflow_ml_monitor.monitor.run import Monitor, Run


@contextmanager
def opened(spec: MonitorSpec, conn_id: str) -> Iterator[Monitor]:
    """The monitor on the store behind a connection; its connections are closed afterwards, as workers fork."""
    from airflow_ml_monitor.monitor.run import Monitor
    from airflow_ml_monitor.profile.engines.chosen import Chosen

    with failing_at_once():
        store = MetricsStoreHook(conn_id).store
        try:
            yield Monitor(spec, store, Chosen(database_of, stores=store_of))
        finally:
            store.dispose()


@contextmanager
def failing_at_once() -> Iterator[None]:
    """What only its user can mend fails the task at once: trying again would give the same error minutes later."""
    try:
        yield
    except (SpecError, StoreNotMigrated, StoreTooNew) as error:
        raise AirflowFailException(str(error)) from error


def run_of(
    context: Mapping[str, Any],
    spec: MonitorSpec,
    rule: str,
    window: tuple[Moment, Moment] = (None, None),
    known_at: Moment = None,
) -> Run:
    """The run's window and what counts as known."""
    from airflow_ml_monitor.monitor.run import Run

    windows = spec.rule(rule)
    about = resolve_window(context, windows, *window)
    known = known_at_of(context, known_at, about)
    return Run(about, windows, known, str(context["dag_run"].run_id), is_backfill(context))


def known_at_of(context: Mapping[str, Any], handed: Moment = None, window: Window | None = None) -> datetime:
    """What counts as known: as the run's conf or backfill says; else as handed on (by the sensor); else now."""
    return resolve_known_at(context, window) or parsed(handed) or datetime.now(UTC)
