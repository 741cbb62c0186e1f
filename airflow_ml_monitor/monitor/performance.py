"""The label ledger → performance of every window that is due."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from airflow_ml_monitor.errors import DataFault
from airflow_ml_monitor.keys import WHOLE, Slice, Window
from airflow_ml_monitor.measurement import Estimate, Family, HeadKey, Measurement, Status
from airflow_ml_monitor.monitor.label_ledger import LabelTask, Ledger, Terms, known_by, label_tasks, read, update
from airflow_ml_monitor.monitor.measure import labelled_rows
from airflow_ml_monitor.monitor.run import Monitor, Run
from airflow_ml_monitor.monitor.steps import Done
from airflow_ml_monitor.profile.dataset import LabelMode
from airflow_ml_monitor.profile.ledger import Entries
from airflow_ml_monitor.store.records import HeadState, Numbers
from airflow_ml_monitor.truth.due import due
from airflow_ml_monitor.truth.maturity import Maturity, maturity


@dataclass(frozen=True, slots=True)
class _Measured:
    """What was measured of a window before: when last, and under which heads."""

    known_at: datetime
    heads: tuple[HeadKey, ...]


def measure_performance(monitor: Monitor, run: Run) -> Done:
    """Bring the ledger up to the run's known_at, then measure every window that is due.

    A window that was not measured by then is measured at every later moment as well at which others were: a backfill in
    any order leaves the history that days in their order leave.
    """
    monitor = monitor.at(run.window, run.known_at)
    every: list[Measurement] = []
    wrote = 0
    for task in label_tasks(monitor, run):
        try:
            orphans, repeats = update(task)
        except DataFault as fault:
            rows = [Measurement("orphan_labels", Status.FAILED, None, fault.reason)]
            wrote += monitor.write([_counts(task, [fault.reason], rows)])
            every += rows
            continue
        before = _measured(task, run.known_at)
        counted = [_counts(task, [orphans, repeats], _count_rows(orphans, repeats))]
        made = _due(task, run.known_at)
        wrote += monitor.write([*counted, *made])
        every += [row for one in made for row in one.measurements]
        if fresh := {one.head.window for one in made} - set(before):
            for moment in monitor.store.moments(
                monitor.key, Family.PERFORMANCE, task.labels.name, str(run.rule), run.known_at
            ):
                wrote += monitor.write(_due(task, moment, fresh))
    return Done.of(every, wrote)


def coverage(monitor: Monitor, run: Run) -> dict[str, Maturity]:
    """How complete the labels of the run's window are, by label source; brings the ledger up to date first."""
    monitor = monitor.at(run.window, run.known_at)
    found = {}
    for task in label_tasks(monitor, run):
        try:
            update(task)
            entries, _ = _folded(task, read(task, _days(task, [run.window])), run.window, run.known_at)
            share = entries.view(monitor.spec.task).coverage
        except DataFault:
            # What cannot be read is not covered; why is a stored row of the performance step.
            share = 0.0
        found[task.labels.name] = maturity(share, run.window, task.labels, run.known_at)
    return found


def performance(monitor: Monitor, window: Window, as_of: datetime) -> list[Measurement]:
    """A window's performance as it was known at any moment, from the ledger alone; stores nothing.

    Exact at the ends of calendar days (of the window rules' zone) and at every known_at that brought the ledger
    forward; in between, labels of the day that has begun may be missing.
    """
    run = Run(window, monitor.spec.rule(), max(as_of, window.end))
    rows: list[Measurement] = []
    for labels in monitor.spec.labels:
        task = LabelTask(monitor, run, labels)
        terms = task.terms([window])[window]
        entries, _ = _folded(task, read(task, _days(task, [window])), window, as_of)
        spec = terms.monitor.spec
        views = {s: entries.view(spec.task, s) for s in _Asked(task, terms, window, as_of).slices}
        rows += labelled_rows(views, spec.task.kind, spec.measurements)
    return rows


def _days(task: LabelTask, windows: Collection[Window]) -> list[Window]:
    return [day for window in windows for day in task.run.rule.days.between(window.start, window.end)]


def _folded(task: LabelTask, ledger: Ledger, window: Window, moment: datetime) -> tuple[Entries, str]:
    parts = [part for day, of_day in ledger.items() if window.contains(day.start) for part in of_day]
    return known_by(parts, moment, task.width)


def _measured(task: LabelTask, as_of: datetime) -> dict[Window, _Measured]:
    """What the store knew of each window at a moment."""
    monitor, run = task.monitor, task.run
    states = monitor.store.heads(
        monitor.key,
        Family.PERFORMANCE,
        rule=str(run.rule),
        dataset=task.labels.name,
        stage=monitor.spec.stage,
        as_of=as_of,
    )
    found: dict[Window, list[HeadState]] = {}
    for state in states:
        found.setdefault(state.head.window, []).append(state)
    return {w: _Measured(max(s.known_at for s in of), tuple(s.head for s in of)) for w, of in found.items()}


def _due(task: LabelTask, moment: datetime, among: Collection[Window] | None = None) -> list[Numbers]:
    """The numbers of the windows that are due at a moment, as known then."""
    marks = task.monitor.store.label_marks(task.monitor.key, task.labels.name)
    if among is None:
        start, end = min(day.start for day in marks), max(day.end for day in marks)
        among = {*task.run.rule.between(start, min(end, moment)), task.run.window}
    measured = _measured(task, moment)
    touched = _touched(among, marks, measured, moment)
    when = {window: known.known_at for window, known in measured.items()}
    terms = task.terms(sorted(among))
    wanted = [w for w, one in terms.items() if due([w], when, touched, one.labels, moment)]
    ledger = read(task, _days(task, wanted))
    made: list[Numbers] = []
    for window in wanted:
        heads = measured[window].heads if window in measured else ()
        made += _numbers(_Asked(task, terms[window], window, moment), ledger, heads)
    return made


def _touched(
    windows: Collection[Window],
    marks: Mapping[Window, datetime],
    measured: Mapping[Window, _Measured],
    moment: datetime,
) -> set[Window]:
    """Windows with a ledger part that holds something newer than their last measurement.

    Or just as new, if that was at this very moment: a rewritten file leaves its difference there, and the run is a
    repeated one.
    """
    days = sorted(marks)
    starts = [day.start for day in days]
    found = set()
    for window in windows:
        if window not in measured:
            continue
        last = measured[window].known_at
        inside = days[bisect_left(starts, window.start) : bisect_left(starts, window.end)]
        if any(marks[day] > last or marks[day] == last == moment for day in inside):
            found.add(window)
    return found


@dataclass(frozen=True, slots=True)
class _Asked:
    """A window's performance as known at a moment, by the spec and reference of the window."""

    task: LabelTask
    terms: Terms
    window: Window
    moment: datetime

    @property
    def slices(self) -> list[Slice]:
        return [WHOLE, *(slice for slice in self.terms.reference.profile.slices if slice != WHOLE)]

    def head(self, version: str) -> HeadKey:
        spec, rule = self.terms.monitor.spec, str(self.task.run.rule)
        name, reference = self.task.labels.name, self.terms.reference.digest
        return HeadKey(Family.PERFORMANCE, name, rule, self.window, spec.stage, version, reference)


def _numbers(asked: _Asked, ledger: Ledger, before: Collection[HeadKey]) -> list[Numbers]:
    """One window's numbers: of each model version, and of all together if there are several."""
    spec, labels = asked.terms.monitor.spec, asked.terms.labels
    entries, inputs = _folded(asked.task, ledger, asked.window, asked.moment)
    versions: dict[str, str | None] = {version: version for version in entries.versions if version}
    if len(entries.versions) == 1 or not versions:
        versions = {next(iter(versions), spec.model_version): None}
    else:
        versions[""] = None
    # A version that was measured and is gone, its predictions rewritten: said, or its last numbers would stay current.
    reference = asked.terms.reference.digest
    versions |= {h.model_version: h.model_version for h in before if h.reference == reference} | versions
    run = replace(asked.task.run, known_at=asked.moment)
    found = []
    for name, version in versions.items():
        rows, ripe = _rows(asked, entries, version)
        made_of = [inputs, asked.terms.meaning, spec.measurements, ripe.is_mature, ripe.is_final, labels.mature_at]
        ready = {"coverage": ripe.coverage, "is_final": ripe.is_final}
        found.append(asked.terms.monitor.numbers(asked.head(name), run, made_of, rows, **ready))
    return found


def _rows(asked: _Asked, entries: Entries, version: str | None) -> tuple[list[Measurement], Maturity]:
    spec, labels = asked.terms.monitor.spec, asked.terms.labels
    views = {slice: entries.view(spec.task, slice, version) for slice in asked.slices}
    ripe = maturity(views[WHOLE].coverage, asked.window, labels, asked.moment)
    immature = ""
    if not ripe.is_mature:
        early = f"from {labels.mature_at:.0%}, or " if labels.mode is LabelMode.EXPLICIT else ""
        immature = (
            f"labels of {ripe.coverage:.0%} of {views[WHOLE].predictions} predictions; judged {early}on "
            f"{ripe.ripe_at:%Y-%m-%d}"
        )
    return labelled_rows(views, spec.task.kind, spec.measurements, immature=immature), ripe


def _count_rows(orphans: int, repeats: int) -> list[Measurement]:
    """What the label source holds besides."""
    pairs = (("orphan_labels", orphans), ("repeated_labels", repeats))
    return [Measurement(name, Status.OK, Estimate(float(count), count)) for name, count in pairs]


def _counts(task: LabelTask, inputs: list[Any], rows: list[Measurement]) -> Numbers:
    head = HeadKey(Family.QUALITY, task.labels.name, str(task.run.rule), task.run.window, task.monitor.spec.stage)
    labels = task.labels
    return task.monitor.numbers(head, task.run, [inputs, labels.label, labels.key, labels.label_time], rows)
