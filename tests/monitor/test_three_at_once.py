"""Three processes measure one window at once, on every kind of database: what is stored is one run's."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import IO, Any

import pandas as pd
import pytest

# A process of its own, with nothing inherited. It says that it is ready, then runs what comes on its standard input.
CHILD = """
import json, sys
from airflow_ml_monitor.keys import Window, parse_moment
from airflow_ml_monitor.monitor.performance import measure_performance
from airflow_ml_monitor.monitor.run import Monitor, Run
from airflow_ml_monitor.monitor.spec import MonitorSpec
from airflow_ml_monitor.monitor.steps import measure_drift, measure_quality, scan
from airflow_ml_monitor.store.repository import MetricsStore
import airflow_ml_monitor.profile.engines.embedded.duckdb, duckdb, pandas, pyarrow

start = json.loads(sys.stdin.readline())
spec = MonitorSpec.from_document(start["spec"])
monitor = Monitor(spec, MetricsStore(start["url"]))
print("ready", flush=True)
for line in sys.stdin:
    asked = json.loads(line)
    run = Run(Window(*map(parse_moment, asked["window"].split("/"))), spec.rule(), parse_moment(asked["known_at"]))
    scan(monitor, run)
    done = [step(monitor, run).revisions for step in (measure_quality, measure_drift, measure_performance)]
    print(json.dumps(done), flush=True)
"""


@dataclass
class Three:
    """Three processes on one store, released together."""

    children: list[subprocess.Popen[str]]

    def measure(self, run: Any) -> list[int]:
        """How many revisions of quality, drift and performance were new, of all three together."""
        asked = json.dumps({"window": str(run.window), "known_at": run.known_at.isoformat()})
        for child in self.children:
            self.say(child, asked)
        return [sum(counts) for counts in zip(*(json.loads(self.hear(child)) for child in self.children), strict=True)]

    def say(self, child: subprocess.Popen[str], line: str) -> None:
        pipe: IO[str] | None = child.stdin
        assert pipe is not None
        pipe.write(line + "\n")
        pipe.flush()

    def hear(self, child: subprocess.Popen[str]) -> str:
        assert child.stdout is not None
        line = child.stdout.readline()
        assert line, f"a process died with {child.wait(30)}; see its standard error above"
        return line


@pytest.fixture
def three(database, worlds):
    """(world on the database, three processes that wait)."""
    world = worlds(days=3, store=database)
    package = str(Path(__file__).resolve().parents[2])
    children = [
        subprocess.Popen(
            [sys.executable, "-c", CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=package
        )
        for _ in range(3)
    ]
    try:
        processes = Three(children)
        for child in children:
            processes.say(child, json.dumps({"spec": world.spec.document(), "url": database.url}))
        assert [processes.hear(child) for child in children] == ["ready\n"] * 3
        yield world, processes
    finally:
        for child in children:
            for pipe in (child.stdin, child.stdout):
                pipe.close()
            child.wait(30)


def test_three_processes_at_once_store_what_one_run_stores(three, measure, history):
    world, processes = three
    alone = world.monitor(store=world.new_store("alone"))
    key, run = world.spec.key, world.run(1, hours=80)

    # All three at once, the reference not yet frozen: as one run would have left it.
    measure(alone, run)
    wrote = processes.measure(run)
    pd.testing.assert_frame_equal(history(world.store, key), history(alone.store, key))
    assert set(world.revisions().values()) == {1}
    # Quality and faults; drift; the rest.
    assert wrote == [2, 1, len(world.revisions()) - 3]
    assert processes.measure(run) == [0, 0, 0]

    # One label of the window gets another value: only the heads that it touches are revised, once.
    before = world.revisions()
    changed = world.known(run.window, run.known_at).iloc[[0]]
    later = world.run(1, hours=81)
    correction = pd.DataFrame({"id": changed["id"], "y": 1 - changed["y"], "known_at": later.known_at})
    quiet = ~world.labels["known_at"].between(run.known_at, later.known_at, inclusive="right")
    world.labels = pd.concat([world.labels[quiet], correction], ignore_index=True)
    world.write_labels()
    # Of the labels that came within that hour none is left: the correction is all the news.
    assert sum(processes.measure(later)) == len(world.grown(before))
    grown = world.grown(before)
    assert grown["performance", "outcomes", "03-03"] == 1
    assert {family for family, _, _ in grown} <= {"performance", "quality"}
    assert {day for _, _, day in grown} == {"03-03"}

    # Who knows less comes late: what it writes is in the past, and nothing becomes current.
    now = history(world.store, key)
    processes.measure(world.run(1, hours=2))
    pd.testing.assert_frame_equal(history(world.store, key), now)
    behind = history(world.store, key, as_of=world.run(1, hours=2).known_at)
    assert (behind["known_at"] <= pd.Timestamp(world.run(1).window.end + timedelta(hours=2))).all()
    assert set(behind["family"]) == {"quality", "fault", "drift", "performance", "estimate"}
