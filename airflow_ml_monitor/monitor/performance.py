"""The label ledger → performance of every window that is due."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Final

from airflow_ml_monitor.errors import DataFault
from airflow_ml_monitor.estimation.predictions import Predictions
from airflow_ml_monitor.keys import WHOLE, Slice, Window
from airflow_ml_monitor.measurement import Family, HeadKey, Measurement, Status
from airflow_ml_monitor.monitor.answer import Answer, Standing, answer
from airflow_ml_monitor.monitor.done import Done
from airflow_ml_monitor.monitor.estimates import Asking, board_numbers, estimates, of_sample
from airflow_ml_monitor.monitor.label_feed import broken_numbers, label_numbers
from airflow_ml_monitor.monitor.label_ledger import LabelTask, Terms, label_tasks, update
from airflow_ml_monitor.monitor.measure import label_drift_rows, label_drift_untold, label_fault_rows
from airflow_ml_monitor.monitor.nowcasts import Book, Nowcasts
from airflow_ml_monitor.monitor.run import Monitor, Run
from airflow_ml_monitor.monitor.totals import answer_of_totals
from airflow_ml_monitor.profile.label_source import LabelMode
from airflow_ml_monitor.profile.labelled_view import LabelledPair
from airflow_ml_monitor.profile.ledger import Entries
from airflow_ml_monitor.store.records import HeadState, Numbers
from airflow_ml_monitor.truth.due import due
from airflow_ml_monitor.truth.maturity import Maturity, maturity

_EARLY: Final = "of labels at hand those of one class may have come first"


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
            besides = update(task)
        except DataFault as fault:
            broken = broken_numbers(task, fault.reason)
            wrote += monitor.write([broken])
            every += broken.measurements
            continue
        before = _measured(task, run.known_at)
        book = Book(task)
        nowcasts = Nowcasts(book, run.known_at)
        made, asked = _due(nowcasts)
        wrote += monitor.write([label_numbers(task, besides, nowcasts), *made])
        known = {*before, *(one.head.window for one in made)}
        said, board = estimates(nowcasts, asked, known)
        wrote += monitor.write([*said, *board_numbers(nowcasts, board, known)])
        every += [row for one in [*made, *said] for row in one.measurements]
        if fresh := {one.head.window for one in made} - set(before):
            wrote += _later(book, fresh)
    return Done.of(every, wrote)


def _later(book: Book, fresh: Collection[Window]) -> int:
    """Windows that are new, at every later moment at which others were measured; how many revisions were new."""
    task, wrote = book.task, 0
    monitor, rule = task.monitor, str(task.run.rule)
    for moment in monitor.store.moments(monitor.key, Family.PERFORMANCE, task.labels.name, rule, task.run.known_at):
        nowcasts = Nowcasts(book, moment)
        made, asked = _due(nowcasts, fresh)
        wrote += monitor.write(made)
        said, _ = estimates(nowcasts, asked, _measured(task, moment))
        wrote += monitor.write(said)
    return wrote


def performance(monitor: Monitor, window: Window, as_of: datetime) -> list[Measurement]:
    """A window's performance as it was known at any moment, from the ledger alone; stores nothing.

    Exact at the ends of calendar days (of the window rules' zone) and at every known_at that brought the ledger
    forward; in between, labels of the day that has begun may be missing.
    """
    run = Run(window, monitor.spec.rule(), max(as_of, window.end))
    rows: list[Measurement] = []
    for labels in monitor.spec.labels:
        book = Book(LabelTask(monitor, run, labels))
        asked = _Asked(Nowcasts(book, as_of), book.task.terms([window])[window], window)
        entries, _ = book.folded(window, as_of, asked.terms.names)
        rows += asked.answer(entries, None)[0].rows
    return rows


def _measured(task: LabelTask, as_of: datetime) -> dict[Window, _Measured]:
    """What the store knew of each window at a moment."""
    monitor, found = task.monitor, dict[Window, list[HeadState]]()
    about, rule, stage = (monitor.key, Family.PERFORMANCE), str(task.run.rule), monitor.spec.stage
    for state in monitor.store.heads(*about, rule=rule, dataset=task.labels.name, stage=stage, as_of=as_of):
        found.setdefault(state.head.window, []).append(state)
    return {w: _Measured(max(s.known_at for s in of), tuple(s.head for s in of)) for w, of in found.items()}


def _due(nowcasts: Nowcasts, among: Collection[Window] | None = None) -> tuple[list[Numbers], list[Asking]]:
    """The numbers of the windows that are due at a moment, as known then; and those to ask estimators of.

    A window that can be estimated is due until its labels are final: that none of it came is news as well. among: of
    these alone, and of those that were measured at that very moment.
    """
    book, task, moment = nowcasts.book, nowcasts.book.task, nowcasts.moment
    marks = task.monitor.store.ledger.marks(task.monitor.key, task.labels.name)
    measured = _measured(task, moment)
    if among is None:
        start, end = min(day.start for day in marks), max(day.end for day in marks)
        among = {*task.run.rule.between(start, min(end, moment)), task.run.window}
    else:
        among = {*among, *(window for window, known in measured.items() if known.known_at == moment)}
    touched = _touched(among, marks, measured, moment)
    if not nowcasts.why_not:
        touched |= {window for window in among if moment < window.end + task.labels.horizon}
    when = {window: known.known_at for window, known in measured.items()}
    terms = task.terms(sorted(among))
    wanted = [w for w, one in terms.items() if due([w], when, touched, one.labels, moment)]
    book.open(wanted)
    made: list[Numbers] = []
    asked: list[Asking] = []
    for window in wanted:
        heads = measured[window].heads if window in measured else ()
        numbers, of_window = _numbers(_Asked(nowcasts, terms[window], window), heads)
        made += numbers
        asked += of_window
    return made, asked


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
    """A window's performance as known at the nowcasts' moment, by the spec and reference of the window."""

    nowcasts: Nowcasts
    terms: Terms
    window: Window

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
        standing = Standing(spec, self.terms.dataset, labels, views, ripe, expected, predictions)
        if labels.are_totals:
            return answer_of_totals(standing), ripe
        given = answer(standing)
        return replace(given, rows=[*given.rows, *self._beside_reference(standing)]), ripe

    def _beside_reference(self, standing: Standing) -> list[Measurement]:
        """What is wrong with the labels themselves, and how far they are from the reference's."""
        spec, reference, slices = standing.spec, self.terms.reference.labels, list(standing.views)
        about = spec.task, self.terms.dataset
        untold = partial(label_drift_untold, *about, names=spec.measurements)
        if reference is None:
            return untold(
                [WHOLE],
                status=Status.UNDEFINED,
                reason="the reference was frozen without labels; name reference.label, and freeze it again",
            )
        pairs = {s: LabelledPair(reference.view(spec.task, s), view) for s, view in standing.views.items()}
        faults = label_fault_rows(spec.task, pairs[WHOLE])
        if not standing.is_representative:
            when = f"judged on {standing.ripe.ripe_at:%Y-%m-%d}: {_EARLY}"
            return [*untold(slices, status=Status.IMMATURE, reason=when), *faults]
        return [*label_drift_rows(*about, pairs, spec.measurements), *faults]


def _numbers(asked: _Asked, before: Collection[HeadKey]) -> tuple[list[Numbers], list[Asking]]:
    """One window's numbers, of each model version, and of all together if there are several; and what to ask of them.

    Once its labels are final nothing is asked: what was said of the window stands, beside what they tell.
    """
    spec, labels = asked.terms.monitor.spec, asked.terms.labels
    book, moment = asked.nowcasts.book, asked.nowcasts.moment
    entries, inputs = book.folded(asked.window, moment, asked.terms.names)
    versions: dict[str, str | None] = {version: version for version in entries.versions if version}
    if len(entries.versions) == 1 or not versions:
        versions = {next(iter(versions), spec.model_version): None}
    else:
        versions[""] = None
    # A version that was measured and is gone, its predictions rewritten: said, or its last numbers would stay current.
    reference = asked.terms.reference.digest
    versions |= {h.model_version: h.model_version for h in before if h.reference == reference} | versions
    run = replace(book.task.run, known_at=moment)
    found, askings = [], []
    for name, version in versions.items():
        given, ripe = asked.answer(entries, version)
        past = asked.nowcasts.digest(version) if given.is_estimated else given.why_not
        standing = [ripe.is_mature, ripe.is_final, labels.mature_at]
        made_of = [inputs, asked.terms.meaning, spec.measured, *standing, past]
        ready = {"coverage": ripe.coverage, "is_final": ripe.is_final}
        head = asked.head(name)
        found.append(asked.terms.monitor.numbers(head, run, made_of, given.rows, **ready))
        if not ripe.is_final:
            of = replace(head, family=Family.ESTIMATE)
            askings.append(Asking(asked.nowcasts, asked.terms, asked.window, version, of, entries))
    return found, askings
