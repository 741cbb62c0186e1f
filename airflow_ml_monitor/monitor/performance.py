"""The label ledger → performance of every window that is due."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from airflow_ml_monitor.errors import DataFault
from airflow_ml_monitor.estimation.predictions import Predictions
from airflow_ml_monitor.keys import WHOLE, Slice, Window
from airflow_ml_monitor.measurement import Family, HeadKey, Measurement
from airflow_ml_monitor.monitor.answer import Answer, Standing, answer
from airflow_ml_monitor.monitor.estimates import Asking, Board, board_numbers, board_of, of_sample
from airflow_ml_monitor.monitor.label_feed import broken_numbers, label_numbers
from airflow_ml_monitor.monitor.label_ledger import LabelTask, Terms, label_tasks, update
from airflow_ml_monitor.monitor.nowcasts import Book, Nowcasts
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

    A window that was not measured by then is measured at every later moment as well at which others were, and windows
    that were estimated then are estimated again, now that more of the past is known: a backfill in any order leaves
    the history that days in their order leave.
    """
    monitor = monitor.at(run.window, run.known_at)
    every: list[Measurement] = []
    wrote = 0
    for task in label_tasks(monitor, run):
        try:
            orphans, repeats = update(task)
        except DataFault as fault:
            broken = broken_numbers(task, fault.reason)
            wrote += monitor.write([broken])
            every += broken.measurements
            continue
        before = _measured(task, run.known_at)
        book = Book(task)
        nowcasts = Nowcasts(book, run.known_at)
        board = board_of(nowcasts, before)
        made = _due(nowcasts, board)
        of_source = [label_numbers(task, (orphans, repeats), nowcasts)]
        if board.scores:
            of_source.append(board_numbers(nowcasts, board))
        wrote += monitor.write([*of_source, *made])
        every += [row for one in made for row in one.measurements]
        if fresh := {one.head.window for one in made} - set(before):
            for moment in monitor.store.moments(
                monitor.key, Family.PERFORMANCE, task.labels.name, str(run.rule), run.known_at
            ):
                later = Nowcasts(book, moment)
                wrote += monitor.write(_due(later, board_of(later, _measured(task, moment)), fresh))
    return Done.of(every, wrote)


def performance(monitor: Monitor, window: Window, as_of: datetime) -> list[Measurement]:
    """A window's performance as it was known at any moment, from the ledger alone; stores nothing.

    Exact at the ends of calendar days (of the window rules' zone) and at every known_at that brought the ledger
    forward; in between, labels of the day that has begun may be missing.
    """
    run = Run(window, monitor.spec.rule(), max(as_of, window.end))
    rows: list[Measurement] = []
    for labels in monitor.spec.labels:
        book = Book(LabelTask(monitor, run, labels))
        asked = _Asked(Nowcasts(book, as_of), book.task.terms([window])[window], window, Board({}), {})
        entries, _ = book.folded(window, as_of)
        rows += asked.answer(entries, None)[0].rows
    return rows


def _measured(task: LabelTask, as_of: datetime) -> dict[Window, _Measured]:
    """What the store knew of each window at a moment."""
    found: dict[Window, list[HeadState]] = {}
    for state in _states(task, Family.PERFORMANCE, as_of):
        found.setdefault(state.head.window, []).append(state)
    return {w: _Measured(max(s.known_at for s in of), tuple(s.head for s in of)) for w, of in found.items()}


def _states(task: LabelTask, family: Family, as_of: datetime) -> list[HeadState]:
    monitor, rule = task.monitor, str(task.run.rule)
    about = {"rule": rule, "dataset": task.labels.name, "stage": monitor.spec.stage}
    return monitor.store.heads(monitor.key, family, **about, as_of=as_of)


def _due(nowcasts: Nowcasts, board: Board, among: Collection[Window] | None = None) -> list[Numbers]:
    """The numbers of the windows that are due at a moment, as known then.

    among: of these alone, and of those that were measured at that very moment before their labels were final.
    """
    book, task, moment = nowcasts.book, nowcasts.book.task, nowcasts.moment
    marks = task.monitor.store.label_marks(task.monitor.key, task.labels.name)
    measured = _measured(task, moment)
    again: set[Window] = set()
    if among is None:
        start, end = min(day.start for day in marks), max(day.end for day in marks)
        among = {*task.run.rule.between(start, min(end, moment)), task.run.window}
    else:
        again = {w for w, known in measured.items() if known.known_at == moment < w.end + task.labels.horizon}
    touched = _touched(among, marks, measured, moment) | again
    when = {window: known.known_at for window, known in measured.items()}
    terms = task.terms(sorted({*among, *again}))
    wanted = [w for w, one in terms.items() if due([w], when, touched, one.labels, moment)]
    book.open(wanted)
    said = {state.head: state.input_digest for state in _states(task, Family.ESTIMATE, moment)}
    made: list[Numbers] = []
    for window in wanted:
        heads = measured[window].heads if window in measured else ()
        made += _numbers(_Asked(nowcasts, terms[window], window, board, said), heads)
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
    """A window's performance as known at the nowcasts' moment, by the spec and reference of the window.

    said: what estimators without labels said of windows, by head: the digest of what they said it from.
    """

    nowcasts: Nowcasts
    terms: Terms
    window: Window
    board: Board
    said: Mapping[HeadKey, str]

    @property
    def slices(self) -> list[Slice]:
        return [WHOLE, *(slice for slice in self.terms.reference.profile.slices if slice != WHOLE)]

    def head(self, version: str) -> HeadKey:
        spec, task = self.terms.monitor.spec, self.nowcasts.book.task
        names = (task.labels.name, str(task.run.rule))
        return HeadKey(Family.PERFORMANCE, *names, self.window, spec.stage, version, self.terms.reference.digest)

    def answer(self, entries: Entries, version: str | None) -> tuple[Answer, Maturity]:
        """Of one model version, or of all together."""
        spec, labels = self.terms.monitor.spec, self.terms.labels
        views = {slice: entries.view(spec.task, slice, version) for slice in self.slices}
        ripe = maturity(views[WHOLE].coverage, self.window, labels, self.nowcasts.moment)
        if labels.mode is LabelMode.SAMPLED:
            expected = partial(of_sample, self.terms, entries, version)
        else:
            expected = partial(self.nowcasts.expected, self.window, version, self.terms.reference)
        predictions = partial(Predictions.of, entries, version=version)
        return answer(Standing(spec, labels, views, ripe, expected, predictions)), ripe


def _numbers(asked: _Asked, before: Collection[HeadKey]) -> list[Numbers]:
    """One window's numbers: of each model version, and of all together if there are several."""
    spec, labels = asked.terms.monitor.spec, asked.terms.labels
    book, moment = asked.nowcasts.book, asked.nowcasts.moment
    entries, inputs = book.folded(asked.window, moment)
    versions: dict[str, str | None] = {version: version for version in entries.versions if version}
    if len(entries.versions) == 1 or not versions:
        versions = {next(iter(versions), spec.model_version): None}
    else:
        versions[""] = None
    # A version that was measured and is gone, its predictions rewritten: said, or its last numbers would stay current.
    reference = asked.terms.reference.digest
    versions |= {h.model_version: h.model_version for h in before if h.reference == reference} | versions
    run = replace(book.task.run, known_at=moment)
    found = []
    for name, version in versions.items():
        given, ripe = asked.answer(entries, version)
        past = asked.nowcasts.digest(version) if given.is_estimated else given.why_not
        standing = [ripe.is_mature, ripe.is_final, labels.mature_at]
        made_of = [inputs, asked.terms.meaning, spec.measurements, *standing, past]
        ready = {"coverage": ripe.coverage, "is_final": ripe.is_final}
        found.append(asked.terms.monitor.numbers(asked.head(name), run, made_of, given.rows, **ready))
        head = replace(asked.head(name), family=Family.ESTIMATE)
        asking = Asking(asked.nowcasts, asked.terms, asked.window, version, head)
        if (estimated := asking.numbers(entries, asked.board, asked.said.get(head, ""))) is not None:
            found.append(estimated)
    return found
