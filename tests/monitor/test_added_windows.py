"""Weeks, months and quarters added up from their days: what a scan of them leaves, and what it takes."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.keys import WHOLE, Window, WindowRule, WindowUnit
from airflow_ml_monitor.measurement import Estimate, Family, Measurement, Status
from airflow_ml_monitor.monitor.freezing import freeze
from airflow_ml_monitor.monitor.profiling import profiled
from airflow_ml_monitor.monitor.retention.ages import Ages
from airflow_ml_monitor.monitor.retention.prune import prune
from airflow_ml_monitor.monitor.run import Run
from airflow_ml_monitor.monitor.steps import measure_drift, scan
from airflow_ml_monitor.monitor.whole import measure_all
from airflow_ml_monitor.profile.cells import Profile
from airflow_ml_monitor.store.repository import MetricsStore

DAY = timedelta(days=1)
FROM_ROWS = ("component_variance", "reconstruction_error", "correlation_change", "component_mean")
"""How products scatter is told by a part of the rows, which each scan chooses for itself."""


def rule(unit: str, *, added: bool = True, **more: Any) -> WindowRule:
    return WindowRule(WindowUnit(unit), added=added, **more)


@pytest.fixture
def worlds_of(worlds: Callable[..., Any]) -> Callable[..., Any]:
    """Worlds of days and one more rule, profiled day by day, each at its time."""

    def make(unit: str, *, days: int, rows: int = 40, measured: Any = None, **changes: Any) -> Any:
        windows = ["day", {"unit": unit, "added": True}]
        world = worlds(days=days, rows=rows, windows=windows, dataset={"slice_by": ["purpose"]}, **changes)
        for number in range(days) if measured is None else measured:
            scan(world.monitor(), world.run(number))
        return world

    return make


def run_of(world: Any, of: WindowRule, number: int, hours: float = 6) -> Run:
    """The run about the window in which a day lies."""
    window = of.containing(world.day(number).start)
    return Run(window, of, max(window.end, world.run(world.days - 1).known_at) + timedelta(hours=hours))


def scanned(world: Any, run: Run) -> Profile:
    """What one scan of the window leaves, of the reference as it is frozen."""
    monitor = world.monitor()
    return profiled(monitor, world.spec.dataset(), replace(run, rule=replace(run.rule, added=False)))[1]


def same(a: Profile, b: Profile) -> None:
    assert (a.window, a.rows, a.newest, a.versions) == (b.window, b.rows, b.newest, b.versions)
    assert (a.faults, a.traces.hours, a.traces.columns) == (b.faults, b.traces.hours, b.traces.columns)
    assert a.traces.distances == b.traces.distances
    assert set(a.cells) == set(b.cells)
    for key, cells in a.cells.items():
        for name in ("bucket", "count"):
            np.testing.assert_array_equal(getattr(cells, name), getattr(b.cells[key], name))
        for name in ("low", "high"):
            # A stored cell's extremes are known to a 10,000th of its width.
            np.testing.assert_allclose(getattr(cells, name), getattr(b.cells[key], name), rtol=1e-5, atol=1e-5)
        for name in ("d1", "d2"):
            # Within 1e-9 of the sum of |d|, of which the root of Σd² n is no less.
            error = 1e-9 * max(float(np.sqrt(b.cells[key].d2 @ b.cells[key].count)), 1.0)
            np.testing.assert_allclose(getattr(cells, name), getattr(b.cells[key], name), rtol=1e-9, atol=error)


def rows_of(world: Any, store: MetricsStore, run: Run) -> dict[tuple[Any, ...], Measurement]:
    found = store.current(world.spec.key, rule=str(run.rule))
    return {
        (r.head.family, r.head.model_version, m.metric, m.column, m.parameters, m.slice): m
        for r in found
        if (m := r.measurement) and r.head.window == run.window
    }


@pytest.mark.parametrize(
    ("of", "number", "days"),
    [
        (rule("week"), 10, 14),
        (rule("quarter", zone="America/New_York", offset=timedelta(hours=6)), 40, 122),
    ],
    ids=str,
)
def test_days_added_up_are_what_one_scan_of_the_whole_leaves(
    worlds: Callable[..., Any], of: WindowRule, number: int, days: int
) -> None:
    world = worlds(days=days, rows=8, dataset={"slice_by": ["purpose"]})
    world.spec = replace(world.spec, windows=(of.days, of))
    run = run_of(world, of, number)
    for day in of.days.between(run.window.start, run.window.end):
        scan(world.monitor(), Run(day, of.days, day.end))
    whole = scanned(world, run)
    shutil.rmtree(world.root / "predictions")
    key, made, _ = profiled(world.monitor(), world.spec.dataset(), run)
    same(made, whole)
    assert made.rows[WHOLE] > 50
    assert world.store.profiles_seen(world.spec.key, "predictions", str(of), run.window)[0] == key


def test_every_number_of_an_added_week_is_that_of_a_scanned_one_but_for_keys_of_other_days(
    worlds_of: Callable[..., Any],
) -> None:
    world = worlds_of("week", days=14)
    added, other = run_of(world, world.spec.windows[1], 8), world.new_store("scanned")
    measure_all(world.monitor(), added)
    world.spec = replace(world.spec, windows=(world.spec.windows[0], rule("week", added=False)), contract=None)
    measure_all(world.monitor(store=other), replace(added, rule=world.spec.windows[1]))
    found, expected = rows_of(world, world.store, added), rows_of(world, other, added)
    assert found.keys() == expected.keys()
    (repeats,) = (name for name in found if name[2] == "duplicate_rows" and name[5] == WHOLE)
    assert found.pop(repeats).status is Status.UNDEFINED
    assert expected.pop(repeats).status is Status.OK
    for name, row in found.items():
        assert (row.status, row.reason) == (expected[name].status, expected[name].reason), name
        if row.estimate and (of_scan := expected[name].estimate):
            error = 1e-2 if name[2] in FROM_ROWS else 1e-5 if name[2] in ("quantiles", "wasserstein") else 1e-9
            assert row.estimate.n == of_scan.n
            for part in ("value", "low", "high", "p_value", "noise"):
                one, two = getattr(row.estimate, part), getattr(of_scan, part)
                assert one == two or one == pytest.approx(two, rel=error, abs=error), (name, part)
    assert {name[0] for name in found} >= {Family.QUALITY, Family.DRIFT, Family.FAULT, Family.PERFORMANCE}
    assert (
        measure_all(world.monitor(store=other), replace(added, rule=world.spec.windows[1]))["drift"]["revisions"] == 0
    )


def test_a_key_that_comes_twice_a_day_is_told_as_the_least_that_there_are(worlds_of: Callable[..., Any]) -> None:
    world = worlds_of("week", days=7, measured=())
    world.predictions.loc[1, "id"] = world.predictions.loc[0, "id"]
    world.write_day(0)
    for number in range(7):
        scan(world.monitor(), world.run(number))
    run = run_of(world, world.spec.windows[1], 0)
    measure_all(world.monitor(), run)
    row = rows_of(world, world.store, run)[Family.QUALITY, "", "duplicate_rows", "", "", WHOLE]
    assert (row.status, row.estimate and row.estimate.value) == (Status.OK, 1.0)
    assert row.reason == "keys were compared within each day; repeats on other days are not seen"


def test_a_week_of_which_a_day_was_never_measured_is_failed_and_says_which_until_it_is(
    worlds_of: Callable[..., Any],
) -> None:
    world = worlds_of("week", days=7, measured=(0, 1, 3, 4, 5))
    run = run_of(world, world.spec.windows[1], 0)
    measure_all(world.monitor(), run)
    rows = rows_of(world, world.store, run).values()
    told = {(m.status, m.reason) for m in rows if m.metric in ("row_count", "psi", "completeness")}
    assert told == {
        (Status.FAILED, "2 of its 7 days cannot be added: 2026-03-04, 2026-03-08 (not measured)"),
    }
    for number in (2, 6):
        scan(world.monitor(), world.run(number))
    measure_all(world.monitor(), run)
    assert rows_of(world, world.store, run)[Family.QUALITY, "", "row_count", "", "", WHOLE] == Measurement(
        "row_count", Status.OK, Estimate(280.0, 280)
    )


def test_what_was_known_at_the_cut_off_is_added_and_a_mended_day_makes_one_more_revision(
    worlds_of: Callable[..., Any],
) -> None:
    world = worlds_of("week", days=7)
    run = run_of(world, world.spec.windows[1], 0)
    measure_all(world.monitor(), run)
    world.predictions.loc[world.predictions["at"] < world.day(0).end, "x"] = 5.0
    world.write_day(0)
    scan(world.monitor(), world.run(0, hours=900))
    again = measure_all(world.monitor(), run)
    assert {again[name]["revisions"] for name in ("quality", "contract", "drift", "performance")} == {0}
    late = measure_all(world.monitor(), replace(run, known_at=world.run(0, hours=901).known_at))
    assert (late["quality"]["revisions"], late["drift"]["revisions"]) == (2, 1)


def test_days_cut_by_another_reference_are_not_added(worlds_of: Callable[..., Any]) -> None:
    world = worlds_of("week", days=7, rows=20, measured=range(3))
    world.predictions.assign(y=1.0, x=world.predictions["x"] * 3).to_parquet(world.root / "reference.parquet")
    # A reference counts from the end of what was measured before.
    measure_drift(world.monitor(), world.run(2))
    freeze(world.monitor(), world.run(2).known_at, again=True)
    for number in range(3, 7):
        scan(world.monitor(), world.run(number))
    run = run_of(world, world.spec.windows[1], 0)
    measure_all(world.monitor(), run)
    row = rows_of(world, world.store, run)[Family.QUALITY, "", "row_count", "", "", WHOLE]
    assert row.status is Status.FAILED
    told = "2026-03-05, 2026-03-06, 2026-03-07 and 1 more (cut by another reference)"
    assert row.reason == f"4 of its 7 days cannot be added: {told}"


def test_days_are_not_pruned_before_the_quarter_after_theirs_is_over(worlds_of: Callable[..., Any]) -> None:
    world = worlds_of("quarter", days=17, rows=5, measured=())
    now = [world.run(0).known_at]
    world.store = MetricsStore(world.store.url, clock=lambda: now[0])
    for number in range(17):
        now[0] = world.run(number).known_at
        scan(world.monitor(), world.run(number))
    for moment, rows in ((datetime(2026, 6, 30, tzinfo=UTC), 0), (datetime(2026, 7, 2, tzinfo=UTC), 3)):
        now[0] = moment
        gone = prune(world.store, world.spec.key, Ages(profiles=DAY, weeks=DAY))
        assert sum(one.rows for one in gone) == rows
    world.store.dispose()


@pytest.mark.parametrize(
    ("unit", "problem"),
    [
        ("quarter", "a quarter is added up from its days, and none are measured; add day to the windows"),
        ("day", "a day is not added up from days; leave it out"),
    ],
)
def test_a_rule_that_cannot_be_added_up_is_refused(worlds: Callable[..., Any], unit: str, problem: str) -> None:
    with pytest.raises(SpecError, match=problem):
        worlds(windows=[{"unit": unit, "added": True}])


@pytest.mark.parametrize("hours", [0, 6])
def test_a_quarter_begins_on_the_first_of_january_april_july_or_october_by_its_zone(hours: int) -> None:
    of = WindowRule(WindowUnit.QUARTER, "America/New_York", timedelta(hours=hours))
    found = list(of.between(datetime(2025, 12, 31, tzinfo=UTC), datetime(2027, 1, 2, tzinfo=UTC)))
    assert [of.date_of(window.start).isoformat() for window in found] == [
        "2026-01-01", "2026-04-01", "2026-07-01", "2026-10-01",
    ]  # fmt: skip
    assert [a.end for a in found[:-1]] == [b.start for b in found[1:]]
    assert found[0] == Window(datetime(2026, 1, 1, 5 + hours, tzinfo=UTC), datetime(2026, 4, 1, 4 + hours, tzinfo=UTC))
    assert of.last_before(datetime(2026, 5, 5, tzinfo=UTC)) == found[0]
