"""What a label source shows besides performance: labels of nothing, labels given twice, how long they take, silence."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from airflow_ml_monitor.keys import Window
from airflow_ml_monitor.measurement import Estimate, Family, HeadKey, Measurement, Status
from airflow_ml_monitor.monitor.label_ledger import Besides, LabelTask
from airflow_ml_monitor.monitor.measure import label_feed_rows
from airflow_ml_monitor.monitor.nowcasts import Nowcasts
from airflow_ml_monitor.profile.label_feed_view import LabelFeedView
from airflow_ml_monitor.profile.label_source import Several
from airflow_ml_monitor.store.records import Numbers
from airflow_ml_monitor.truth.arrivals import Arrivals
from airflow_ml_monitor.truth.curve import ArrivalCurve
from airflow_ml_monitor.truth.delay_watch import DelayWatch, Flow

AGES: Final = (1, 3, 7, 14, 30, 60, 90, 180)
"""Days after the prediction at which it is told how complete labels are, as far as the horizon goes."""
FEWEST: Final = 30
"""Labels behind a curve that says how long they take."""


def label_numbers(task: LabelTask, besides: Besides, nowcasts: Nowcasts) -> Numbers:
    """Of a run's window, as known at its moment.

    Where several labels of one prediction are declared to mean something none of them is a repeat.
    """
    orphans, repeats, refused = besides.orphans, besides.repeats, besides.refused
    rows = [Measurement("orphan_labels", Status.OK, Estimate(float(orphans), orphans))]
    if task.labels.several is Several.LAST:
        rows.append(Measurement("repeated_labels", Status.OK, Estimate(float(repeats), repeats)))
    view = _view(task, besides)
    rows += label_feed_rows(view)
    inputs: list[Any] = [orphans, repeats, [besides.arrived[day] for day in view.days], str(view.judged_from)]
    if task.labels.are_totals:
        # How long labels take is not known of totals: which row's a late one is, is not.
        every = sum(refused.values())
        why = "; ".join(f"{count} {reason}" for reason, count in refused.items())
        rows.append(Measurement("refused_totals", Status.OK, Estimate(float(every), every), why))
        return _numbers(task, [*inputs, refused, task.labels.rows, task.labels.day, task.labels.by], rows)
    if task.labels.label_time is not None and (known := nowcasts.known(None)) is not None:
        rows += _maturity(known.arrivals)
        if nowcasts.watch is not None:
            rows += _delay(nowcasts.watch)
        inputs.append(nowcasts.digest(None))
    return _numbers(task, inputs, rows)


def _view(task: LabelTask, besides: Besides) -> LabelFeedView:
    known = task.monitor.store.ledger.days(task.monitor.key, task.labels.name)
    first = min([task.run.window.start, *(day.start for day in known)])
    return LabelFeedView(task.labels, task.run.window, first, besides.arrived)


def broken_numbers(task: LabelTask, reason: str) -> Numbers:
    """Of a source that cannot be read."""
    return _numbers(task, [reason], [Measurement("orphan_labels", Status.FAILED, None, reason)])


def _numbers(task: LabelTask, inputs: list[Any], rows: list[Measurement]) -> Numbers:
    window: Window = task.run.window
    head = HeadKey(Family.QUALITY, task.labels.name, str(task.run.rule), window, task.monitor.spec.stage)
    labels = task.labels
    return task.monitor.numbers(head, task.run, [inputs, labels.label, labels.key, labels.label_time], rows)


def _maturity(known: Arrivals) -> list[Measurement]:
    """Share of all labels that have come by an age."""
    curve, cells = ArrivalCurve.of(known), known.cells
    # The labels awaited in all, not those that came: among these the quick ones are too many.
    awaited = curve.rate * (known.predicted.sum(axis=0) @ np.eye(cells.strata)[cells.stratum])
    n = int(max(curve.events.sum(), 0))
    if n < FEWEST:
        return [Measurement("label_maturity", Status.TOO_FEW, None, f"{n} labels so far, {FEWEST} needed")]
    found = []
    for age in (age for age in AGES if age < known.horizon and age <= curve.reach):
        at = curve.maturity(age, awaited)
        estimate = Estimate(at.share, n, at.low, at.high)
        found.append(Measurement("label_maturity", Status.OK, estimate, str(at), parameters=f"age={age}d"))
    return found


def _delay(watch: DelayWatch) -> list[Measurement]:
    """By how much labels take longer than usual (1 unless that is beyond chance), and for how many days none came."""
    silent = float(watch.silence.lasting)
    if watch.flow is Flow.UNKNOWN:
        return [Measurement("label_delay", Status.TOO_FEW, None, watch.words)]
    n = int(watch.strongest.actual) if watch.strongest else 0
    found, limits = 1.0, (1.0, 1.0)
    if watch.likelihood is not None:
        found, limits = watch.likelihood.best, watch.likelihood.interval
    delay = Measurement("label_delay", Status.OK, Estimate(float(found), n, *map(float, limits)), watch.words)
    return [delay, Measurement("label_silence", Status.OK, Estimate(silent, n), watch.words if silent else "")]
