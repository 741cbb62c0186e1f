"""How often the metrics database is asked: a bounded number of times, however long a monitor has lived."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa

from airflow_ml_monitor.keys import Window
from airflow_ml_monitor.monitor.faults import name_faults
from airflow_ml_monitor.monitor.judgement import decide
from airflow_ml_monitor.monitor.performance import measure_performance
from airflow_ml_monitor.monitor.run import Run
from airflow_ml_monitor.monitor.steps import measure_drift, measure_quality, scan
from airflow_ml_monitor.store.repository import MetricsStore

STEPS: dict[str, Callable[..., Any]] = {
    "scan": scan,
    "quality": measure_quality,
    "drift": measure_drift,
    "performance": measure_performance,
    "decide": decide,
}


@contextmanager
def counted(store: MetricsStore) -> Iterator[Counter[str]]:
    """Statements by what they do to which table, transactions' own words left out."""
    found: Counter[str] = Counter()

    def said(*about: Any) -> None:
        text = " ".join(about[2].split())
        if not text.startswith(("BEGIN", "SAVEPOINT", "RELEASE")):
            found[text[:80]] += 1

    engine = store._database.engine
    sa.event.listen(engine, "before_cursor_execute", said)
    try:
        yield found
    finally:
        sa.event.remove(engine, "before_cursor_execute", said)


@pytest.fixture
def asked(worlds: Callable[..., Any]) -> Callable[..., dict[str, int]]:
    """Statements of each step when the fifth day of a monitor is mended and run again, after so many days."""

    def again(days: int, *, decided: bool = False) -> dict[str, int]:
        world = worlds(days=days, rows=12, contract=None)
        monitor = world.monitor()
        for number in range(days):
            run = world.run(number)
            for step in (measure_quality, *((measure_performance, decide) if decided else ())):
                step(monitor, run)
        inside = world.predictions["at"].between(world.day(4).start, world.day(4).end, inclusive="left")
        world.predictions.loc[inside.idxmax(), "x"] = 7.0
        world.write_day(4)
        run = Run(world.day(4), world.spec.rule(), world.day(days - 1).end + timedelta(hours=8))
        found = {}
        for name, step in STEPS.items():
            with counted(world.store) as said:
                step(monitor, run)
            found[name] = said.total()
        return found

    return again


def test_an_old_day_run_again_asks_as_often_after_thirty_days_as_after_sixty(asked: Callable[..., Any]) -> None:
    short, long = asked(30), asked(60)
    assert all(abs(long[name] - short[name]) <= 2 for name in STEPS), (short, long)
    assert sum(long.values()) < 200


@pytest.mark.slow
def test_an_old_day_run_again_asks_as_often_after_thirty_judged_days_as_after_sixty(
    asked: Callable[..., Any],
) -> None:
    short, long = asked(30, decided=True), asked(60, decided=True)
    assert {name: long[name] for name in long if name != "performance"} == {
        name: short[name] for name in short if name != "performance"
    }
    assert long["performance"] <= short["performance"] + 10
    assert sum(long.values()) < 400


def test_the_days_after_one_that_is_mended_are_looked_at_again_together(worlds: Callable[..., Any]) -> None:
    world = worlds(days=16, rows=12, contract=None)
    for number in range(16):
        measure_quality(world.monitor(), world.run(number))
    before = world.revisions()
    world.predictions["x"] += 1.0
    world.write_day(1)
    run = Run(world.day(1), world.spec.rule(), world.day(15).end + timedelta(hours=8))
    scan(world.monitor(), run)
    with counted(world.store) as said:
        name_faults(world.monitor(), run)
    looked = {day for family, _, day in world.grown(before) if family == "fault"}
    assert len(looked) == 1 + 14
    assert said.total() < 3 * len(looked)
    known = world.store.profiles_seen(
        world.spec.key, "predictions", "day@UTC", Window(world.day(0).start, world.day(15).end)
    )
    assert {pd.Timestamp(key.window.start) for key in known} == {pd.Timestamp(world.day(n).start) for n in range(16)}
