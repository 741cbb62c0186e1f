"""Label entries by one join of predictions and labels; only keys with several label rows are read in their order.

That no key has several is not assumed: the join itself tells. Where some have, they are looked for, and what it made of
them is taken back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

from airflow_ml_monitor.keys import EVER, Window
from airflow_ml_monitor.profile.engines.engine import LabelRequest
from airflow_ml_monitor.profile.engines.scan import ABSENT, Array, Scan
from airflow_ml_monitor.profile.label_source import LabelMode, Several
from airflow_ml_monitor.profile.ledger import CENSORED, UNSCORED, micros, moment_of
from airflow_ml_monitor.profile.queries import single_join_query, strata
from airflow_ml_monitor.profile.queries.ledger_columns import LedgerColumns
from airflow_ml_monitor.profile.queries.single_join_query import CellShape, Parts
from airflow_ml_monitor.profile.sums import SUMS, at_least
from airflow_ml_monitor.profile.task import TaskKind

Found = dict[str, Array]
Counts = Mapping[int, tuple[int, int, int]]


@dataclass(frozen=True, slots=True)
class Answers:
    """What label_query's `label_entries` and `prediction_entries` select, and label_events' `label_counts`.

    counts: (keys, orphans, repeats) by the day of `arrived`, -1: of none.
    """

    labelled: Found
    predicted: Found
    counts: Counts

    def less(self, other: Answers) -> Answers:
        return self.plus(
            Answers(
                _negated(other.labelled),
                _negated(other.predicted),
                {at: (-keys, -orphans, -repeats) for at, (keys, orphans, repeats) in other.counts.items()},
            )
        )

    def plus(self, other: Answers) -> Answers:
        counts = dict(self.counts)
        for at, (keys, orphans, repeats) in other.counts.items():
            mine = counts.get(at, (0, 0, 0))
            counts[at] = (mine[0] + keys, mine[1] + orphans, mine[2] + repeats)
        return Answers(_both(self.labelled, other.labelled), _both(self.predicted, other.predicted), counts)


def _negated(found: Found) -> Found:
    """The same rows, taken back."""
    named = {"day", "known", "coarse", "version", "stratum", "label", "prediction", "bucket"}
    is_key = {name: name in named or (name[0] == "s" and name[1:].isdigit()) for name in found}
    return {name: of if is_key[name] else -of for name, of in found.items()}


def _both(one: Found, other: Found) -> Found:
    return {name: np.concatenate([of, other[name]]) for name, of in one.items() if name in other}


@dataclass(frozen=True, slots=True, kw_only=True)
class SingleJoin:
    """A request's predictions and labels, joined once.

    known: when each day of knowledge is over, in microseconds. arrived: the days that labels are counted by.
    """

    request: LabelRequest
    columns: LedgerColumns
    known: Array
    arrived: Sequence[Window]
    shape: CellShape = field(init=False)

    def __post_init__(self) -> None:
        settled = [day for day in self.request.days if day not in self.request.stale]
        kinds = len(strata.names(self.columns.strata))
        shape = CellShape(len(self.request.days), kinds, len(self.known), len(settled))
        object.__setattr__(self, "shape", shape)

    @property
    def may_be(self) -> bool:
        """Whether a label that is its key's only one is nothing but itself, and cells can name it."""
        labels, days = self.request.labels, self.request.days
        if self.request.task.kind is not TaskKind.BINARY or labels.mode is LabelMode.IMPLICIT:
            return False
        # Of a censored row alone more than half of its labels are of no class.
        is_itself = labels.censored is None or labels.several is not Several.MAJORITY
        is_whole = all(a.end == b.start for a, b in pairwise(days)) and days[-1].end <= self.request.upto
        return is_itself and is_whole and self.shape.fits and len(self._days()) == len(self.arrived)

    def answers(self, scan: Scan, in_order: Callable[[Scan], Answers]) -> Answers | None:
        """What was asked for; None where most keys have several labels. in_order: the same of any keys."""
        self._share(scan)
        found, is_believed = self._joined(scan)
        if is_believed:
            return found
        labels, columns = replace(self.request.labels, source=None), self.columns
        scan.keep("repeated", single_join_query.repeated_keys, columns, labels)
        [(repeated,)] = scan.rows(single_join_query.repeated_count)
        if 2 * repeated > sum(rows for rows, _, _ in found.counts.values()):
            return None
        scan.keep("source_apart", single_join_query.predictions_apart, columns, tuple(scan.types["source"]))
        scan.keep("labels_apart", single_join_query.labels_apart, columns, labels)
        apart = scan.instead({"source": "source_apart", "labels": "labels_apart"})
        return found.less(self._joined(apart)[0]).plus(in_order(apart))

    def _joined(self, scan: Scan) -> tuple[Answers, bool]:
        """(the answers, whether they are right: no key has several label rows)."""
        labels = replace(self.request.labels, source=None)
        found = scan.columns(single_join_query.joined, self.columns, labels, self.shape)
        is_sliced = found["cell"] == ABSENT
        cell = np.where(is_sliced, found["coarse"], found["cell"]) if self.columns.slices else found["cell"]
        parts = Parts.of(cell.astype(np.int64), self.shape)
        [(predictions,)] = scan.rows(single_join_query.predictions_in_window, self.columns)
        is_lost = parts.is_orphan & ~is_sliced & parts.has_value
        lost, hashes = found["count"][is_lost], found["hashes"][is_lost]
        joined = int(found["count"][~parts.is_orphan & ~is_sliced].sum())
        is_believed = joined == predictions and (not lost.size or int(lost.sum()) == hashes[0])
        days = self._days()
        counts: dict[int, tuple[int, int, int]] = {}
        by_known = scan.rows(single_join_query.labels_by_known, labels, len(self.known))
        orphans = np.bincount(parts.known[is_lost] + 1, lost, len(self.known) + 1)
        for at, rows in by_known:
            day = days.get(int(at), -1)
            keys, without, _ = counts.get(day, (0, 0, 0))
            counts[day] = (keys + int(rows), without + round(float(orphans[int(at) + 1])), 0)
        return Answers(*self._entries(found, parts), counts), is_believed

    def _days(self) -> dict[int, int]:
        """Days of knowledge that are days by which labels are counted: index of the one → index of the other."""
        ends = {(micros(day.start), micros(day.end)): i for i, day in enumerate(self.arrived)}
        spans = zip(self.known[:-1].tolist(), self.known[1:].tolist(), strict=True)
        return {at: ends[span] for at, span in enumerate(spans, 1) if span in ends}

    def _order(self) -> list[int]:
        """The days in the order of their numbers, from 1."""
        days, stale = self.request.days, self.request.stale
        return sorted(range(len(days)), key=lambda i: (days[i] in stale, i))

    def _share(self, scan: Scan) -> None:
        """Share the spans that the statements name."""
        labels, days = self.request.labels, self.request.days
        for number, i in enumerate(self._order(), 1):
            scan.shared[f"day{i}"] = number
            scan.shared[f"day_end{i}"] = scan.terms("source", self.request.dataset, days[i].end)
        if labels.label_time:
            scan.shared["known_start"] = scan.terms("labels", labels, EVER.start)
            for i, end in enumerate(self.known[:-1].tolist()):
                scan.shared[f"known_end{i}"] = scan.terms("labels", labels, moment_of(end))

    def _entries(self, found: Found, parts: Parts) -> tuple[Found, Found]:
        """(labelled, predicted) rows as the ledger's own statements return them."""
        stale = np.array([*(day in self.request.stale for day in self.request.days), False])
        day = np.array([-1, *self._order()])[parts.day]
        is_there = ~parts.is_orphan & (day >= 0)
        is_stale = is_there & stale[day]
        rows = {name: of for name, of in found.items() if name not in ("cell", "hashes")}
        rows.setdefault("version", np.full(len(day), ""))
        rows |= {name: getattr(parts, name) for name in ("known", "stratum", "prediction", "bucket", "label")}
        # Of slices the buckets are the coarse ones already.
        rows |= {"day": day, "coarse": parts.bucket}
        counts = (parts.bucket != UNSCORED) & (parts.label != CENSORED)
        scores = {*SUMS[TaskKind.BINARY], *(at_least(threshold) for threshold in self.request.task.thresholds)}
        if not self.columns.features:
            rows |= {name: np.where(counts, rows[name], 0.0) for name in scores}
        is_labelled = is_there & parts.is_labelled & (is_stale | parts.is_fresh)
        labelled, predicted = ({name: of[those] for name, of in rows.items()} for those in (is_labelled, is_stale))
        kept = {"day", "stratum", "prediction", "bucket", "coarse", "version", "count"}
        sliced = {f"s{i}" for i in range(len(self.columns.slices))}
        return labelled, {name: of for name, of in predicted.items() if name in kept | sliced}
