"""What a decision may ask for. Light: imported when a DAG is parsed."""

from __future__ import annotations

from enum import StrEnum


class Action(StrEnum):
    """What a decision asks for."""

    NONE = "none"
    WAIT = "wait"
    INVESTIGATE_DATA = "investigate_data"
    ALERT = "alert"
    RETRAIN = "retrain"
    ROLL_BACK = "roll_back"


ORDER: tuple[Action, ...] = tuple(Action)
"""From the mildest to the strongest."""
