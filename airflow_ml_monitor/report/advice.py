"""What each action asks of people: the next step, and whose it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from airflow_ml_monitor.policy.rule import Action

NEXT_STEP: Final = {
    Action.NONE: "Nothing to do.",
    Action.WAIT: "Nothing to do yet: wait for what the decision names.",
    Action.INVESTIGATE_DATA: (
        "Look at what broke, mend the source, and clear the window's run: it measures again. "
        "If it is meant to stay, freeze a new reference (again=True), or name it in policy.overlook."
    ),
    Action.ALERT: "Look at what moved; if it is meant, freeze a new reference.",
    Action.RETRAIN: "Retrain, compare with the champion, and settle the action.",
    Action.ROLL_BACK: "Promote the version before, and settle the action.",
}
_OWNERS: Final = {Action.INVESTIGATE_DATA: "data", Action.ALERT: "drift"}


def owner_of(action: Action, owners: Mapping[str, str]) -> str:
    """Who hears of an action's finding: faults of data, drift, or the model; '' if nobody is named.

    owners: as in a decision's evidence, by 'data', 'drift', 'model'.
    """
    return owners.get(_OWNERS.get(action, "model"), "")
