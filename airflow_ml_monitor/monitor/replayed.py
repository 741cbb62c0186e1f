"""A window's rows beside their replay: the features as training computes them, which may come later than the rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from airflow_ml_monitor.errors import DataFault
from airflow_ml_monitor.keys import EVER, Window
from airflow_ml_monitor.measurement import Family, HeadKey, Measurement, Status
from airflow_ml_monitor.monitor.freezing import check_unchanged, meaning
from airflow_ml_monitor.monitor.measure import skew_rows
from airflow_ml_monitor.monitor.run import Monitor, Run
from airflow_ml_monitor.profile.dataset import Dataset
from airflow_ml_monitor.profile.skew import Skew
from airflow_ml_monitor.store.records import Numbers

WHOLE: Final = 0.95
"""Share of a window's rows with a partner from which on no more are awaited."""
AWAITED: Final = 7
"""So many windows before are compared again while rows of theirs have no partner."""


def compared(monitor: Monitor, run: Run) -> tuple[list[Measurement], int]:
    """Every dataset that has a replay, in the run's window and in those before whose replay was not there yet; what
    was measured, and how many revisions were new."""
    every: list[Measurement] = []
    wrote = 0
    of_run = monitor.at(run.window, run.known_at)
    for dataset in of_run.spec.datasets:
        # One run's rows hold no other window's.
        is_one_run = monitor.declared is not None and dataset == of_run.spec.datasets[0]
        due = (run.window,) if is_one_run else _due(monitor, run, dataset)
        for window in due if dataset.replay else ():
            own = monitor.at(window, run.known_at)
            # By the window's own spec, which may not have declared it yet.
            mine = [d for d in own.spec.datasets if d.name == dataset.name and d.replay]
            made = [_numbers(own, replace(run, window=window), one) for one in mine]
            wrote += own.write(made)
            every += [row for numbers in made for row in numbers.measurements]
    return every, wrote


def _due(monitor: Monitor, run: Run, dataset: Dataset) -> Iterator[Window]:
    """The run's window, and those before whose rows lacked partners as far as was known."""
    yield run.window
    store, name, stage = monitor.store, dataset.replayed.name, monitor.spec.stage
    about = (monitor.key, Family.FAULT)
    known = store.heads(*about, rule=str(run.rule), dataset=name, stage=stage, as_of=run.known_at)
    awaited = {state.head.window for state in known if not state.is_final}
    window = run.window
    for _ in range(AWAITED):
        window = run.rule.last_before(window.start)
        if window in awaited:
            yield window


def _numbers(monitor: Monitor, run: Run, dataset: Dataset) -> Numbers:
    """One window's."""
    replayed = dataset.replayed
    sources = ((dataset, run.window), (replayed, EVER))
    prints = [monitor.engine.fingerprints(one, [window])[0] for one, window in sources]
    skew, rows = Skew(0, 0, 0, {}, {}), list[Measurement]()
    try:
        skew = monitor.engine.skew(dataset, run.window)
        rows = skew_rows(skew, [column.name for column in replayed.columns])
    except DataFault as fault:
        rows = [Measurement("training_serving_skew", Status.FAILED, None, fault.reason)]
    for (one, window), name in zip(sources, prints, strict=True):
        check_unchanged(monitor, one, window, name)
    head = HeadKey(Family.FAULT, replayed.name, str(run.rule), run.window, monitor.spec.stage)
    compared_by = [meaning(dataset), replayed.entity_key, replayed.zone, [column.name for column in replayed.columns]]
    ready = {"coverage": skew.coverage, "is_final": skew.coverage >= WHOLE}
    return monitor.numbers(head, run, [prints, compared_by], rows, **ready)
