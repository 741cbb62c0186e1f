"""When a window's labels are complete enough to judge, and when nothing more is awaited."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from airflow_ml_monitor.keys import Window
from airflow_ml_monitor.profile.dataset import LabelMode, LabelSource


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
    is_early = labels.mode is LabelMode.EXPLICIT and coverage >= labels.mature_at
    return Maturity(coverage, is_final or is_early, is_final, ripe_at)
