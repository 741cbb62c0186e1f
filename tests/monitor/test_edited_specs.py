"""A spec that is edited counts from then on: what older windows have stays theirs, and is still put right."""

from __future__ import annotations

from typing import Any

from airflow_ml_monitor.measurement import Family, Status
from airflow_ml_monitor.monitor.freezing import freeze
from airflow_ml_monitor.monitor.measure import labelled_metrics
from airflow_ml_monitor.monitor.performance import measure_performance
from airflow_ml_monitor.monitor.spec import MonitorSpec
from airflow_ml_monitor.monitor.steps import scan


def edited(spec: MonitorSpec, **changes: Any) -> MonitorSpec:
    return MonitorSpec.from_document({**spec.document(), **changes})


def test_late_labels_of_older_windows_find_the_sums_of_their_own_spec(worlds: Any, measure: Any) -> None:
    world = worlds(days=3)
    task = world.spec.document()["task"]
    before = edited(world.spec, task={**task, "thresholds": [0.3]})
    for number in (0, 1):
        measure(world.monitor(before), world.run(number))
    after = world.monitor(edited(before, task={**task, "thresholds": [0.4]}))
    for hours in (6, 24 * 9):
        measure(after, world.run(2, hours=hours))
    rows = world.store.current(before.key, families=[Family.PERFORMANCE], metrics=["recall_at_threshold"])
    found = {(r.head.window, r.measurement.parameters): r.measurement.status for r in rows if not r.measurement.slice}
    assert found[world.day(0), "threshold=0.3"] is Status.OK
    assert found[world.day(2), "threshold=0.4"] is Status.OK


def test_a_column_that_is_declared_later_asks_nothing_of_older_references(worlds: Any, measure: Any) -> None:
    world = worlds(days=3)
    document = world.spec.document()
    (dataset,) = document["datasets"]
    fewer = [column for column in dataset["columns"] if column["name"] != "x"]
    before = edited(world.spec, datasets=[{**dataset, "columns": fewer}])
    for number in (0, 1):
        measure(world.monitor(before), world.run(number))
    run = world.run(2)
    freeze(world.monitor(world.spec), run.known_at, again=True)
    monitor = world.monitor(world.spec).at(run.window, run.known_at)
    scan(monitor, run)
    assert measure_performance(monitor, run).revisions > 0
    names = {m.name for m in labelled_metrics(world.spec.task, world.spec.dataset())}
    rows = world.store.current(before.key, families=[Family.PERFORMANCE])
    assert {r.measurement.metric for r in rows if r.head.window == world.day(2)} & names
