"""What a policy concludes: incidents and the decision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from airflow_ml_monitor.keys import Slice, Window
from airflow_ml_monitor.measurement import Severity
from airflow_ml_monitor.policy.rule import Action


class Event(StrEnum):
    """What happened to an incident in one decision."""

    OPENED = "opened"
    CONFIRMED = "confirmed"
    RETRACTED = "retracted"
    RESOLVED = "resolved"
    REOPENED = "reopened"


ACTIVE = (Event.OPENED, Event.CONFIRMED, Event.REOPENED)
"""An incident in one of these states asks for its action."""


MOST_ALARMS = 50
"""A decision's evidence names so many alarms at most: those of the newest windows."""


class ActionState(StrEnum):
    """How far an action has come. asked → claimed → done | failed | rejected."""

    ASKED = "asked"
    CLAIMED = "claimed"
    DONE = "done"
    FAILED = "failed"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Alarm:
    """A bound broken often enough, in one window."""

    rule: str
    action: Action
    severity: Severity
    window: Window
    metric: str
    column: str
    slice: Slice
    model_version: str
    text: str
    """e.g. 'roc_auc 0.71 [0.68, 0.74] below 0.75'"""
    window_rule: str = ""
    """e.g. 'day@UTC'"""
    sure: bool = True
    """False where the value breaks the bound and its interval may not."""
    dataset: str = ""
    """Which of several datasets is at fault; empty where there is one, or what is said is of no dataset's rows."""


@dataclass(frozen=True, slots=True)
class Incident:
    """Alarms of one story: one action about one model version, over neighbouring windows."""

    id: str
    action: Action
    model_version: str
    first: Window
    last: Window
    status: Event
    opened_at: datetime


@dataclass(frozen=True, slots=True)
class ActionTaken:
    """The one time that an incident's action was asked for."""

    incident: str
    action: Action
    decision: str
    asked_at: datetime
    state: ActionState
    run_id: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """The one conclusion for a monitor at one moment of knowledge.

    because: in words. evidence: plain JSON: alarms, incidents and what became of them. acts: False where nothing may
    be done (shadow mode, backfill).
    """

    id: str
    monitor: str
    known_at: datetime
    action: Action
    because: str
    evidence: Mapping[str, Any]
    incident: str = ""
    acts: bool = True
