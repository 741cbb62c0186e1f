"""Whether what is known so far can tell what a window will show, and if not, when it will."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import numpy as np

from airflow_ml_monitor.estimation.states import States
from airflow_ml_monitor.profile.cells import Counts

FOLLOWED = 0.8
"""The part of the horizon for which some predictions must have been followed: what comes later nobody has seen."""
FEWEST_LABELS = 30
"""Of each class, in the days that the curve is read off."""
BLIND, THIN, MOST_BLIND = 0.05, 0.2, 0.5
"""Rows are out of sight if of one class less than the first share has come and of the other less than the second; a
window may have the third share of such rows."""
WIDEST = 0.15
"""Half the width of the base rate's interval beyond which there is no answer."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a window has no value yet, and the number of the day at whose end it may have one; None if nobody knows."""

    reason: str
    known_on: int | None


def refusal(states: States, first: int, last: int) -> Refusal | None:
    """None if the window of days first … last is identifiable by its curve."""
    curve, horizon, today = states.curve, states.arrivals.horizon, states.arrivals.today
    needed = ceil(FOLLOWED * horizon)
    if curve.reach < needed:
        reason = (
            f"predictions have been followed for {curve.reach} days; labels may take {horizon}, and {needed} are "
            "needed to know how they go on"
        )
        return Refusal(reason, today + needed - curve.reach)
    labels = curve.events.sum(axis=(1, 2))
    if labels.min() < FEWEST_LABELS:
        which = int(np.argmin(labels))
        few = f"only {max(labels[which], 0):.0f} {states.arrivals.names[which]}"
        reason = f"{few} came in the days that tell how long they take"
        return Refusal(f"{reason}; {FEWEST_LABELS} are needed", None)
    ages = states.ages[first : last + 1]
    out = _out_of_sight(states, first, last, ages)
    if out <= MOST_BLIND:
        return None
    more = next((d for d in range(1, horizon + 1) if _out_of_sight(states, first, last, ages + d) <= MOST_BLIND), None)
    own = states.arrivals.ages()[first : last + 1]
    reason = (
        f"too early: at an age of {int(own.min())} to {int(own.max())} days too few labels can have come for {out:.0%} "
        "of the rows"
    )
    if curve.last_live < today:
        reason += f"; none came at all in the last {today - curve.last_live} days"
    return Refusal(reason, None if more is None else today + more)


def _out_of_sight(states: States, first: int, last: int, ages: Counts) -> float:
    """The share of a window's rows for which neither class tells how many of the other there are."""
    rows = states.arrivals.predicted[first : last + 1] @ states.of_stratum
    share = states.curve.share[:, :, np.clip(ages, 0, states.curve.last_age)] * (ages >= 0)
    arrived = np.einsum("yst,ts->ys", share, rows) / np.maximum(rows.sum(axis=0), 1e-9)
    blind = (arrived.min(axis=0) < BLIND) & (arrived.max(axis=0) < THIN)
    return float(rows.sum(axis=0)[blind].sum() / max(rows.sum(), 1e-9))
