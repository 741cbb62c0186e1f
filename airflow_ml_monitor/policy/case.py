"""What a judgement looks at: the evidence, and what earlier judgements left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from airflow_ml_monitor.keys import Slice, Window, WindowRule
from airflow_ml_monitor.measurement import HeadKey, Measurement, Status
from airflow_ml_monitor.policy.action import Action
from airflow_ml_monitor.policy.charts.charted import Charted
from airflow_ml_monitor.policy.decision import ActionTaken, Incident


@dataclass(frozen=True, slots=True)
class Evidence:
    """One current measurement, with what it is about."""

    head: HeadKey
    measurement: Measurement

    @property
    def is_judged(self) -> bool:
        """True if it has a value that may be compared with a limit."""
        return self.measurement.status is Status.OK and self.measurement.estimate is not None

    @property
    def place(self) -> tuple[str, str, Window]:
        """(model version, window rule, window)"""
        return self.head.model_version, self.head.rule, self.head.window


ReferenceValues = Mapping[tuple[str, str, str, Slice, str], float]
"""(reference, metric, column, slice, parameters) → the value in the reference itself."""


@dataclass(frozen=True, slots=True, order=True)
class Gap:
    """A window that a run was about, and in which a dataset was never measured. rule: e.g. 'day@UTC'."""

    window: Window
    rule: str
    dataset: str


@dataclass(frozen=True, slots=True)
class Upstream:
    """An incident of a monitor whose data ours are made of: it explains what is wrong in its windows."""

    monitor: str
    incident: Incident


@dataclass(frozen=True, slots=True)
class Case:
    """All that a judgement may look at.

    window, rule: what this run is about. evidence: the current measurements of all windows, as known at `known_at`.
    incidents: those known before, with the state in which the last decision left them. actions: those taken so far.
    gaps: what earlier judgements found never measured. datasets: those that must have been measured in the window; none
    named: any. upstream: incidents of the monitors upstream, as known at `known_at`. charted: what charts look at.
    accepted: the action of each incident that was called false, and its last window then: what charts hold in alarm
    after it is usual.
    """

    monitor: str
    known_at: datetime
    window: Window
    rule: WindowRule
    evidence: Sequence[Evidence]
    references: ReferenceValues
    incidents: Sequence[Incident] = ()
    actions: Sequence[ActionTaken] = ()
    gaps: Sequence[Gap] = ()
    datasets: tuple[str, ...] = ()
    upstream: tuple[Upstream, ...] = ()
    charted: Sequence[Charted] = ()
    accepted: Sequence[tuple[Action, Window]] = ()

    def date(self, moment: datetime) -> str:
        """The day of an instant by the calendar in which the monitor's windows are cut, e.g. '2026-01-05'."""
        return f"{moment.astimezone(ZoneInfo(self.rule.zone)):%Y-%m-%d}"
