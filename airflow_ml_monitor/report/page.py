"""Stored rows → a page: four questions, in the order in which people ask them."""

from __future__ import annotations

from datetime import date, datetime

from airflow_ml_monitor.report.blocks import Facts, Page
from airflow_ml_monitor.report.html import rendered
from airflow_ml_monitor.report.moved import moved
from airflow_ml_monitor.report.performs import performs
from airflow_ml_monitor.report.scope import Scope, scope_of
from airflow_ml_monitor.report.trends import realised_of
from airflow_ml_monitor.report.verdict import verdict
from airflow_ml_monitor.report.works import works
from airflow_ml_monitor.store.repository import MetricsStore


def report(
    store: MetricsStore, monitor: str, *, day: date | None = None, as_of: datetime | None = None, rule: str = ""
) -> str:
    """The page of a monitor ('namespace/name') and a window, as one HTML text that loads nothing.

    day: a date in the window rule's zone; None: the last measured window. as_of: as it was known then; None: as known
    now. rule: e.g. 'week@UTC'; empty: the spec's first. The same store gives the same text.
    Errors: UnknownName for a monitor that the store does not have, MonitorError where nothing was measured or
    Matplotlib is missing.
    """
    return rendered(page_of(scope_of(store, monitor, day=day, as_of=as_of, rule=rule)))


def page_of(scope: Scope) -> Page:
    """What stands on the page."""
    realised = realised_of(scope)
    sections = (works(scope), performs(scope, realised), moved(scope), verdict(scope, realised))
    return Page(scope.monitor, scope.named(scope.window), Facts(_facts(scope)), sections)


def _facts(scope: Scope) -> tuple[tuple[str, str], ...]:
    known = max((r.known_at for r in scope.now), default=None)
    newest = f", newest knowledge of this window {scope.clock(known)}" if known else ""
    owners = scope.spec.get("owners", {})
    named = ", ".join(f"{owners[role]} ({role})" for role in ("data", "drift", "model") if owners.get(role))
    window = f"{scope.clock(scope.window.start)} to {scope.clock(scope.window.end)}"
    facts = [("Window", window), ("Shown", scope.known + newest)]
    return tuple([*facts, ("Owners", named)] if named else facts)
