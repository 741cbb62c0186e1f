"""When a window's labels are complete enough to judge, when nothing more is awaited, and what a wait asks for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.keys import Window
from airflow_ml_monitor.profile.label_source import LabelMode, LabelSource


@dataclass(frozen=True, slots=True)
class Maturity:
    """coverage: share of the window's predictions with a label. is_mature: may be judged. is_final: horizon passed."""

    coverage: float
    is_mature: bool
    is_final: bool
    ripe_at: datetime
    """when the horizon passes at the latest"""


def maturity(coverage: float, window: Window, labels: LabelSource, known_at: datetime) -> Maturity:
    """How complete a window's labels are at a moment."""
    ripe_at = window.end + labels.horizon
    is_final = known_at >= ripe_at
    # Where silence means the negative class, what is known before the horizon are positives alone.
    declared = labels.mature_at if labels.mode in (LabelMode.EXPLICIT, LabelMode.AGGREGATE) else None
    is_early = declared is not None and coverage >= declared
    return Maturity(coverage, is_final or is_early, is_final, ripe_at)


@dataclass(frozen=True, slots=True)
class AtHand:
    """The labels of a window that are known at a moment.

    coverage: share of the window's predictions with a label, in [0, 1]. positives, negatives: rows of each class of a
    binary task; 0 of a regression's. arrived: labels that became known since the window was last measured, each
    correction among them; all of them where it never was.
    """

    coverage: float = 0.0
    positives: int = 0
    negatives: int = 0
    arrived: int = 0


@dataclass(frozen=True, slots=True)
class Enough:
    """How many labels of a window are waited for: the least of each; 0 asks for nothing.

    coverage: a share, in [0, 1]; the others are rows, as in AtHand. Of a class there is no share to ask for: how many
    positives a window has is known only when all its labels are in. Rows are also what an interval depends on.
    """

    coverage: float = 0.0
    positives: int = 0
    negatives: int = 0
    arrived: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.coverage <= 1:
            raise SpecError(f"{self.coverage} is not in [0, 1]", field="coverage")
        for name in ("positives", "negatives", "arrived"):
            if (asked := getattr(self, name)) < 0:
                raise SpecError(f"{asked} is negative; give the least number of labels", field=name)

    def __bool__(self) -> bool:
        """True if anything is asked for."""
        return bool(self.coverage or self.positives or self.negatives or self.arrived)

    def __str__(self) -> str:
        rows = {"positives": self.positives, "negatives": self.negatives, "newly arrived": self.arrived}
        named = [f"coverage {self.coverage:.0%}"] if self.coverage else []
        return ", ".join([*named, *(f"{count} {name}" for name, count in rows.items() if count)])

    def is_met(self, labels: AtHand) -> bool:
        """True if the labels at hand are at least what is asked for; more of them never makes it false."""
        return (
            labels.coverage >= self.coverage
            and labels.positives >= self.positives
            and labels.negatives >= self.negatives
            and labels.arrived >= self.arrived
        )
