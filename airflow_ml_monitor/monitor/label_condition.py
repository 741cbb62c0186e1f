"""Have enough labels of a window come, and has a label source anything new? Asked again and again, so asked cheaply.

First what names the sources' bytes, which reads no row: where nothing changed since the last look, the ledger answers.
Then the label source's watermark, which reads the labels and joins nothing. Only if that moved is the ledger updated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import numpy as np

from airflow_ml_monitor.errors import DataFault
from airflow_ml_monitor.keys import EVER, WHOLE, Window
from airflow_ml_monitor.measurement import Family
from airflow_ml_monitor.monitor.label_ledger import LabelTask, label_tasks, read, sources_of, update
from airflow_ml_monitor.monitor.run import Monitor, Run
from airflow_ml_monitor.profile.dataset import Dataset
from airflow_ml_monitor.profile.label_source import LabelMode, LabelSource
from airflow_ml_monitor.profile.ledger import CENSORED, PREDICTED, UNSCORED, Entries, micros
from airflow_ml_monitor.profile.task import TaskKind
from airflow_ml_monitor.store.records import EPOCH
from airflow_ml_monitor.truth.maturity import AtHand, Enough, Maturity, maturity

_NO_LABELS: Final = "0/0"
"""The watermark of a label source without a label."""


@dataclass(frozen=True, slots=True)
class Wait:
    """A window whose labels are waited for.

    enough: what ends the wait. deadline: when it is over all the same; None waits for the horizon. is_fixed: the
    moment of the run is given, so that waiting cannot change what is known.
    """

    enough: Enough
    deadline: datetime | None = None
    is_fixed: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What one look found: the labels at hand by source, and whether the wait is over.

    reached: of every source there is enough, or its horizon has passed. is_over: reached, or the deadline is.
    seen: names what the sources held, by source; handed to the next look, it spares a reading of what has not changed.
    """

    known_at: datetime
    at_hand: Mapping[str, AtHand] = field(default_factory=dict)
    reached: bool = True
    is_over: bool = True
    seen: Mapping[str, str] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """Plain JSON for the steps that follow: without `seen`, which is the next look's."""
        found: dict[str, Any] = {
            "known_at": self.known_at.isoformat(),
            "coverage": {name: round(one.coverage, 4) for name, one in self.at_hand.items()},
            "reached": self.reached,
        }
        for name in ("positives", "negatives", "arrived"):
            found[name] = {source: getattr(one, name) for source, one in self.at_hand.items()}
        return found


def look(monitor: Monitor, run: Run, wait: Wait, seen: Mapping[str, str] | None = None) -> Answer:
    """Whether enough labels of the run's window are known at its known_at; brings the ledger up to date for that.

    seen: what the last look returned, {} at the first; None where it is not kept. A source that cannot be read has no
    labels; why is a row of the performance step.
    """
    monitor = monitor.at(run.window, run.known_at)
    at_hand: dict[str, AtHand] = {}
    marks: dict[str, str] = {}
    reached = True
    for task in label_tasks(monitor, run):
        name = task.labels.name
        try:
            marks[name] = _caught_up(task, None if seen is None else seen.get(name, ""))
            at_hand[name] = _at_hand(task)
        except DataFault:
            at_hand[name] = AtHand()
        ripe: Maturity = maturity(at_hand[name].coverage, run.window, task.labels, run.known_at)
        reached = reached and (ripe.is_final or wait.enough.is_met(at_hand[name]))
    is_late = wait.is_fixed or (wait.deadline is not None and run.known_at >= wait.deadline)
    return Answer(run.known_at, at_hand, reached, reached or is_late, marks)


def news(monitor: Monitor, moment: datetime, seen: Mapping[str, str] | None = None) -> tuple[list[str], dict[str, str]]:
    """(label sources that hold labels of which the ledger does not know, what was seen); changes nothing.

    seen: what the last call returned; a source of which it tells the same is not named again, so news are told once.
    A source that cannot be read has no news.
    """
    found: list[str] = []
    marks: dict[str, str] = {}
    for labels in monitor.spec.labels:
        before = (seen or {}).get(labels.name, "")
        state = monitor.store.ledger.state(monitor.key, labels.name)
        held = f"{_bytes_of(monitor, labels)} {state.version}"
        if before and before.partition("|")[0] == held:
            marks[labels.name] = before
            continue
        since = state.known_at or EPOCH
        try:
            mark = monitor.engine.watermark(labels, since, max(moment, since))
            is_settled = _is_settled(monitor, labels, max(moment, since))
        except DataFault:
            continue
        known = state.watermark if state.version else _NO_LABELS
        if mark.upto != known and mark.upto != before.partition("|")[2]:
            found.append(labels.name)
        # What is yet to become known of the same bytes must be looked for again.
        marks[labels.name] = f"{held if is_settled else ''}|{mark.upto}"
    return found, marks


def _caught_up(task: LabelTask, seen: str | None) -> str:
    """Bring the ledger up to the run's known_at; what names the bytes it is now made of, "" if they hold more to come.

    seen: what the last call returned; None where nobody keeps it.
    """
    days = _days(task)
    prints = task.monitor.engine.fingerprints(task.dataset, days)
    held = " ".join([_bytes_of(task.monitor, task.labels), *prints])
    is_due = _is_due(task, days)
    if held == seen and not is_due:
        return held
    if is_due or not _is_current(task, dict(zip(days, prints, strict=True))):
        update(task)
    is_kept = seen is not None and _is_settled(task.monitor, task.labels, task.run.known_at)
    return held if is_kept else ""


def _is_due(task: LabelTask, days: list[Window]) -> bool:
    """True before the ledger's first entries, and where silence about a day became a label since its last ones."""
    since = task.monitor.store.ledger.state(task.monitor.key, task.labels.name).known_at
    if since is None:
        return True
    is_silent = task.labels.mode is LabelMode.IMPLICIT
    return is_silent and any(since < day.end + task.labels.horizon <= task.run.known_at for day in days)


def _is_current(task: LabelTask, prints: Mapping[Window, str]) -> bool:
    """True if the ledger was made of the window's predictions and the labels that are there now."""
    state = task.monitor.store.ledger.state(task.monitor.key, task.labels.name)
    known = task.monitor.store.ledger.days(task.monitor.key, task.labels.name)
    if any(known.get(day) != source for day, source in sources_of(task.terms(prints), prints).items()):
        return False
    since = state.known_at or EPOCH
    mark = task.monitor.engine.watermark(task.labels, since, max(task.run.known_at, since))
    return mark.upto == mark.since == state.watermark


def _bytes_of(monitor: Monitor, labels: LabelSource) -> str:
    """Names the bytes of a label source, whole; reads no row."""
    source = Dataset(labels.name, labels.source, (), labels.label_time or "", labels.zone)
    return monitor.engine.fingerprints(source, [EVER])[0]


def _is_settled(monitor: Monitor, labels: LabelSource, moment: datetime) -> bool:
    """True if no label says that it becomes known later than a moment: then time alone brings nothing."""
    mark = monitor.engine.watermark(labels, moment, EVER.end)
    return mark.since == mark.upto


def _days(task: LabelTask) -> list[Window]:
    return list(task.run.rule.days.between(task.run.window.start, task.run.window.end))


def _at_hand(task: LabelTask) -> AtHand:
    """The window's labels known at the run's known_at, from the ledger alone."""
    parts = [entries for of_day in read(task, _days(task)).values() for _, entries in of_day]
    entries = Entries.together(parts, task.names).upto(task.run.known_at)
    view = entries.view(task.monitor.spec.task)
    # Numbers, sets of labels and queries have no class; of several classes which are wanted nobody says.
    classes = (1, 0) if view.task.kind is TaskKind.BINARY else ()
    positives, negatives = (int(view.count[view.label == one].sum()) for one in classes) if classes else (0, 0)
    return AtHand(view.coverage, positives, negatives, _arrived(entries, _last_measured(task)))


def _arrived(entries: Entries, since: datetime) -> int:
    """Labels of scored rows that became known after a moment; a correction counts, what it replaces does not."""
    whole = np.array([slice == WHOLE for slice, _, _ in entries.groups], bool)
    fresh = (
        (entries.known > micros(since)) & ~np.isin(entries.label, (PREDICTED, CENSORED)) & (entries.bucket != UNSCORED)
    )
    fresh &= entries.count > 0
    return int(entries.count[fresh & whole[entries.group]].sum()) if entries.size else 0


def _last_measured(task: LabelTask) -> datetime:
    """The newest known_at of the window's stored performance, up to the run's; EPOCH where it was never measured."""
    monitor, run = task.monitor, task.run
    states = monitor.store.heads(
        monitor.key,
        Family.PERFORMANCE,
        rule=str(run.rule),
        dataset=task.labels.name,
        stage=monitor.spec.stage,
        as_of=run.known_at,
    )
    return max((state.known_at for state in states if state.head.window == run.window), default=EPOCH)
