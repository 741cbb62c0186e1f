"""The ledger of one label source, read once a run; and what may be expected of labels that are still to come."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

import numpy as np

from airflow_ml_monitor.errors import Immature
from airflow_ml_monitor.estimation.expected import Expected
from airflow_ml_monitor.estimation.states import States
from airflow_ml_monitor.estimation.two_stage import Nowcast, TwoStage
from airflow_ml_monitor.keys import WHOLE, Slice, Window
from airflow_ml_monitor.monitor.label_arrivals import Known, Past
from airflow_ml_monitor.monitor.label_ledger import LabelTask, Ledger, known_by, read
from airflow_ml_monitor.monitor.run import FrozenReference
from airflow_ml_monitor.profile.ledger import Entries, columns_digest
from airflow_ml_monitor.profile.right_or_wrong import right_or_wrong
from airflow_ml_monitor.profile.task import Task, TaskKind
from airflow_ml_monitor.truth.curve import ArrivalCurve
from airflow_ml_monitor.truth.delay_watch import DelayWatch, watch_delay

LOOKBACK: Final = timedelta(days=310)
"""So far before the oldest window that is awaited its past is looked at: of 300 days the nowcast makes use."""
_TOGETHER: Final = 32
"""Days of the past read at once, so that a large ledger is never in memory whole."""
DRAWS: Final = 100
MOST_CENSORED: Final = 0.05
"""Share of the predictions; were all of that many of one class, the share of positives would be off by 5 points."""

_UNTOLD: Final = {
    TaskKind.REGRESSION: "labels at hand do not tell whether large errors take longer to come to light",
    TaskKind.MULTILABEL: "a row has labels of many kinds, each with a delay of its own",
    TaskKind.RANKING: "a query is worth what all of its items' labels say together",
}
"""Why nothing is estimated of a task before its labels are final."""


@dataclass(frozen=True, slots=True)
class Book:
    """The stored ledger of a label source: no day is read twice."""

    task: LabelTask
    _days: dict[Window, list[tuple[str, Entries]]] = field(default_factory=dict, repr=False, compare=False)
    _counts: dict[Window, list[tuple[str, Entries]]] = field(default_factory=dict, repr=False, compare=False)

    def open(self, windows: Iterable[Window]) -> None:
        """Read the days of some windows together."""
        self.of_days([day for window in windows for day in self.days_of(window)])

    def days_of(self, window: Window) -> list[Window]:
        return list(self.task.run.rule.days.between(window.start, window.end))

    def of_days(self, days: list[Window]) -> Ledger:
        if fresh := [day for day in days if day not in self._days]:
            self._days.update(read(self.task, fresh))
        return {day: self._days[day] for day in sorted(days)}

    def folded(self, window: Window, moment: datetime, names: tuple[str, ...]) -> tuple[Entries, str]:
        """What was known of a window at a moment, and the digest of what that depends on."""
        return known_by(self.of_days(self.days_of(window)).values(), moment, names)

    def past(self, moment: datetime) -> Past:
        """All whole days before a moment that a nowcast looks at."""
        labels, rule = self.task.labels, self.task.run.rule.days
        marks = self.task.monitor.store.ledger.marks(self.task.monitor.key, labels.name)
        first = max(min(day.start for day in marks), rule.containing(moment - LOOKBACK - labels.horizon).start)
        days = list(rule.between(first, moment))
        return Past(tuple(days), self._counted(days), labels, moment, self.of_task)

    def _counted(self, days: list[Window]) -> Ledger:
        """The ledger of the past as counts of the whole: its sums and slices would be most of what is kept."""
        fresh = [day for day in days if day not in self._days and day not in self._counts]
        for start in range(0, len(fresh), _TOGETHER):
            parts = read(self.task, fresh[start : start + _TOGETHER])
            self._counts.update({day: [("", _counts(entries, self.of_task))] for day, entries in parts.items()})
        # A day that was opened may hold nothing: it is there all the same.
        return {day: self._opened(day) if day in self._days else self._counts[day] for day in days}

    def _opened(self, day: Window) -> list[tuple[str, Entries]]:
        return [(name, right_or_wrong(entries, self.of_task)) for name, entries in self._days[day]]

    @property
    def of_task(self) -> Task:
        return self.task.monitor.spec.task


def _counts(parts: list[tuple[str, Entries]], task: Task) -> Entries:
    """Entries of the whole, without their sums; of several classes by whether the prediction is right."""
    found = []
    for _, entries in parts:
        is_whole = np.array([slice == WHOLE for slice, _, _ in entries.groups], bool)
        bare = replace(entries, sums=np.zeros((entries.size, 0)), names=())
        found.append(right_or_wrong(bare.picked(is_whole[entries.group]) if entries.size else bare, task))
    return Entries.together(found, ()).added()


@dataclass(frozen=True, slots=True)
class Nowcasts:
    """What may be expected of windows at one moment. What they share is fitted once, and only if one asks."""

    book: Book
    moment: datetime
    _past: list[Past] = field(default_factory=list, repr=False, compare=False)
    _known: dict[str | None, Known | None] = field(default_factory=dict, repr=False, compare=False)
    _watch: list[DelayWatch] = field(default_factory=list, repr=False, compare=False)
    _whole: dict[tuple[Window, str | None, str], Nowcast] = field(default_factory=dict, repr=False, compare=False)
    _fitted: dict[tuple[str | None, str], TwoStage | Immature] = field(default_factory=dict, repr=False, compare=False)

    @property
    def past(self) -> Past:
        if not self._past:
            self._past.append(self.book.past(self.moment))
        return self._past[0]

    @property
    def why_not(self) -> str:
        """Why nothing can be expected whatever the data; empty where it can."""
        if self.book.task.labels.are_totals:
            return "not estimated: labels are totals"
        if not self.book.of_task.is_right_or_wrong:
            return f"not estimated: {_UNTOLD[self.book.of_task.kind]}"
        if self.book.task.labels.label_time is None:
            return "not estimated: labels do not say when they became known"
        return ""

    def expected(
        self, window: Window, version: str | None, reference: FrozenReference, slice: Slice = WHOLE
    ) -> Expected:
        """The labels of a window's predictions of one model version, or of all; Immature with the reason why not."""
        if why_not := self.why_not:
            raise Immature(why_not)
        if self.watch is not None and self.watch.is_flagged:
            raise Immature(f"not estimated while {self.watch.words}")
        fitted = self._fit(version, reference)
        days = [i for i, day in enumerate(self.past.days) if window.contains(day.start)]
        if not days:
            raise Immature("not estimated: the window has not ended")
        first, last = days[0], days[-1]
        if refused := fitted.refusal(first, last):
            raise Immature(f"not estimated: {refused.reason}{self._when(refused.known_on)}")
        key = (window, version, reference.digest)
        if key not in self._whole:
            self._whole[key] = fitted.nowcast(first, last)
        whole = self._whole[key]
        if slice == WHOLE:
            return whole.expected
        known = self.known(version)
        assert known is not None  # or nothing was fitted
        return fitted.of_slice(first, last, whole, *known.part(self.past, slice, version, days)).expected

    @property
    def watch(self) -> DelayWatch | None:
        """Whether labels come as fast as they used to; None without any prediction."""
        if not self._watch and (known := self.known(None)) is not None:
            self._watch.append(watch_delay(known.arrivals))
        return self._watch[0] if self._watch else None

    def known(self, version: str | None) -> Known | None:
        if version not in self._known:
            self._known[version] = self.past.known(version)
        return self._known[version]

    def digest(self, version: str | None) -> str:
        """Names what an expectation depends on besides the window's own labels."""
        return "/".join(self._named(each) for each in dict.fromkeys((version, None)))

    def _named(self, version: str | None) -> str:
        if (known := self.known(version)) is None:
            return ""
        arrivals, cells = known.arrivals, known.arrivals.cells
        about = f"{arrivals.today} {arrivals.horizon} {known.strata}"
        whole = (arrivals.predicted, arrivals.day, arrivals.age, arrivals.label, arrivals.cell, arrivals.count)
        return columns_digest(about, cells.stratum, known.edges, cells.prediction, *whole)

    def _when(self, day: int | None) -> str:
        if day is None:
            return ""
        return f"; about {self.past.days[0].end + timedelta(days=day):%Y-%m-%d} it may be estimated"

    def _fit(self, version: str | None, reference: FrozenReference) -> TwoStage:
        key = (version, reference.digest)
        if key not in self._fitted:
            self._fitted[key] = self._made(version, reference)
        fitted = self._fitted[key]
        if isinstance(fitted, Immature):
            raise fitted
        return fitted

    def _made(self, version: str | None, reference: FrozenReference) -> TwoStage | Immature:
        known, every = self.known(version), self.known(None)
        if known is None or every is None:
            return Immature("not estimated: no prediction has a score")
        if known.censored > MOST_CENSORED:
            # Quick labels come before a row can be censored: those at hand would tell too much of the quick ones.
            told = f"{known.censored:.1%} of the predictions are censored, more than {MOST_CENSORED:.0%}"
            return Immature(f"not estimated: {told}")
        labelled = None
        if reference.labels is not None:
            labelled = known.counted(right_or_wrong(reference.labels, self.book.of_task), version)
        try:
            # How long labels take does not depend on the model that scored.
            return TwoStage(States(known.arrivals, ArrivalCurve.of(every.arrivals)), labelled, DRAWS, 0)
        except Immature as early:
            return Immature(f"not estimated: {early.reason}")
