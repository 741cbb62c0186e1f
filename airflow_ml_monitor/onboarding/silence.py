"""What no label means: nothing, or that no event came. Facts → guesses, pure."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final

from airflow_ml_monitor.onboarding.facts import ColumnFacts, Facts
from airflow_ml_monitor.onboarding.guess import Guess, LabelGuesses, Sureness, TaskGuess
from airflow_ml_monitor.onboarding.structure import Structure
from airflow_ml_monitor.profile.label_source import LabelMode
from airflow_ml_monitor.profile.task import TaskKind

_CHANCE: Final = 1e-6
"""Of so many labels of one value, were both reported; at most."""
_FEWEST: Final = 30
_MOST: Final = 0.5
"""Of the predictions with a label: where most have one, rows without are late, and no news."""


def with_mode(labels: LabelGuesses | None, facts: Facts, model: TaskGuess, placed: Structure) -> LabelGuesses | None:
    """The labels with `mode: implicit` where only events are reported."""
    if labels is None or labels.label is None or facts.labels is None or labels.label_time.value is None:
        return labels
    landed = facts.labels.columns.get(str(labels.label.value))
    if model.kind.value not in (TaskKind.BINARY, TaskKind.RANKING) or landed is None or not facts.joins:
        return labels
    if model.positive is not None and landed.values[:1] != (model.positive.value,):
        return labels
    share = _share(landed, facts.reference.columns.get(landed.name), facts, TaskKind(model.kind.value))
    n, matched = landed.rows - landed.nulls, facts.joins[0].matched
    if share is None or n < _FEWEST or not 0 < matched <= _MOST:
        return labels
    return replace(labels, mode=_mode(landed, (share, n, matched), facts, labels, placed))


def _share(landed: ColumnFacts, referred: ColumnFacts | None, facts: Facts, task: TaskKind) -> float | None:
    """Share of events in the reference, where the labels hold nothing but events; NaN where it has no label; else None.

    The commoner class alone is no event: its rows are the first to be known.
    """
    if task is TaskKind.BINARY and landed.distinct != 1:
        return None
    if task is TaskKind.RANKING and (landed.low or 0) <= 0:
        return None
    if referred is None or referred.distinct < 2:
        return math.nan if landed.values and landed.values[0] in (1, True) else None
    column = facts.reference.sample[referred.name].to_pandas().dropna()
    share = float((column > 0).mean() if task is TaskKind.RANKING else (column == landed.values[0]).mean())
    n = landed.rows - landed.nulls
    return share if 0 < share < 0.5 and n * math.log(share) < math.log(_CHANCE) else None


def _mode(
    landed: ColumnFacts, seen: tuple[float, int, float], facts: Facts, labels: LabelGuesses, placed: Structure
) -> Guess:
    share, n, matched = seen
    only = "tell of items that are relevant" if landed.distinct > 1 else "have one value"
    told = f"all {n:,} labels looked at {only}, and {matched:.1%} of predictions have one"
    known = math.isfinite(share)
    told += f"; in the reference {share:.1%} have it" if known else ""
    check = "does nobody report the other class"
    delays = facts.joins[0].delays.get((str(placed.event_time.value), str(labels.label_time.value)))
    span = facts.current.columns.get(str(placed.event_time.value))
    days = (span.last - span.first).total_seconds() / 86_400 if span and span.first and span.last else 0.0
    is_old = delays is not None and days > 2 * max(delays.p99, 1)
    if not known:
        todo = f"{check}, so that silence until the horizon means it? Else delete the line"
    elif matched > 2 * share + 0.02:
        todo = f"there are more events than in the reference: {check}? Else delete the line"
    elif not is_old:
        todo = f"predictions are younger than twice the delay of events: {check}, even later? Else delete the line"
    else:
        told += "; silence until the horizon then means the other class: right unless somebody reports it, only later"
        return Guess(LabelMode.IMPLICIT, Sureness.MEDIUM, told)
    return Guess(LabelMode.IMPLICIT, Sureness.LOW, told, todo)
