"""What a check found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from airflow_ml_monitor.errors import MonitorError


class Level(StrEnum):
    OK = "ok"
    WARNING = "warning"
    """It runs, and may not say what you mean."""
    ERROR = "error"
    """A task would fail, or a rule would never be judged."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is right or wrong. field: of the spec. Quotes names, types and counts, never a row's value."""

    level: Level
    field: str
    what: str
    remedy: str = ""


def ok(field: str, what: str) -> Finding:
    return Finding(Level.OK, field, what)


def warning(field: str, what: str, remedy: str) -> Finding:
    return Finding(Level.WARNING, field, what, remedy)


def error(field: str, what: str, remedy: str) -> Finding:
    return Finding(Level.ERROR, field, what, remedy)


def refused(at: str, wrong: MonitorError, remedy: str) -> Finding:
    """What an exception says: of the field that it names itself, else of a place in the spec."""
    return error(wrong.field or at, wrong.told, remedy)
