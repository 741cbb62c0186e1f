"""Which windows' performance must be measured (again): never measured ∪ touched by labels ∪ final since."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from airflow_ml_monitor.keys import Window
from airflow_ml_monitor.profile.label_source import LabelSource


def due(
    windows: Collection[Window],
    measured: Mapping[Window, datetime],
    touched: Collection[Window],
    labels: LabelSource,
    known_at: datetime,
) -> list[Window]:
    """The windows to measure at a moment, oldest first.

    windows: those that are over and have predictions. measured: when each was last measured (its known_at). touched:
    those whose ledger has entries that became known since. A window whose horizon passed since is due as well: nothing
    more is awaited, so what was immature can be judged.
    """
    found = []
    for window in sorted(windows):
        last = measured.get(window)
        if window.end > known_at:
            continue
        ripened = last is not None and last < window.end + labels.horizon <= known_at
        if last is None or window in touched or ripened:
            found.append(window)
    return found
