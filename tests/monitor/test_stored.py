"""Longer spans from stored days: the same numbers as a scan, with the sources gone."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from airflow_ml_monitor.errors import ReferenceMismatch
from airflow_ml_monitor.keys import WHOLE, Window
from airflow_ml_monitor.monitor.freezing import freeze
from airflow_ml_monitor.monitor.measure import pair_rows
from airflow_ml_monitor.monitor.retention.ages import Ages
from airflow_ml_monitor.monitor.retention.prune import prune
from airflow_ml_monitor.monitor.run import Monitor
from airflow_ml_monitor.monitor.steps import scan
from airflow_ml_monitor.monitor.stored import Place, layouts_of, stored_total
from airflow_ml_monitor.monitor.trailing import trailing_drift
from airflow_ml_monitor.profile.cells import Profile
from airflow_ml_monitor.profile.coarse import coarse
from airflow_ml_monitor.profile.engines.chosen import Chosen
from airflow_ml_monitor.profile.packed_cells import WIDTH
from airflow_ml_monitor.store.repository import MetricsStore

DAY = timedelta(days=1)
DAYS = 24


@pytest.fixture
def world(worlds: Callable[..., Any]) -> Any:
    """Twenty-four days profiled, each at its time."""
    world = worlds(days=DAYS, rows=40, dataset={"slice_by": ["purpose"]})
    for number in range(DAYS):
        scan(world.monitor(), world.run(number))
    return world


def span(world: Any, first: int, last: int) -> Window:
    return Window(world.day(first).start, world.day(last - 1).end)


def place(world: Any, store: MetricsStore | None = None) -> Place:
    return Place(store or world.store, world.spec.key, "predictions", world.spec.rule())


def scanned(world: Any, first: int, last: int) -> Profile:
    """What one scan of the whole span leaves."""
    (layout,) = layouts_of(world.store, world.spec.key).values()
    return Chosen().profile(world.spec.dataset(), layout, span(world, first, last))


def same(a: Profile, b: Profile) -> None:
    assert (a.layout_digest, a.rows, a.duplicates, a.newest) == (b.layout_digest, b.rows, b.duplicates, b.newest)
    assert (a.versions, a.faults, a.traces.hours) == (b.versions, b.faults, b.traces.hours)
    assert set(a.cells) == set(b.cells)
    for key, cells in a.cells.items():
        for name in ("bucket", "count"):
            np.testing.assert_array_equal(getattr(cells, name), getattr(b.cells[key], name))
        for name in ("low", "high"):
            moved = np.abs(getattr(cells, name) - getattr(b.cells[key], name))
            assert not (moved > WIDTH * (cells.high - cells.low)).any()
        for name in ("d1", "d2"):
            np.testing.assert_allclose(getattr(cells, name), getattr(b.cells[key], name), rtol=1e-9, atol=1e-9)


def test_days_weeks_and_all_of_them_are_what_one_scan_leaves_and_none_is_made(world: Any) -> None:
    spans = [(3, 4), (0, 7), (2, 22), (0, DAYS)]
    whole = {of: scanned(world, *of) for of in spans}
    shutil.rmtree(world.root / "predictions")
    for of in spans:
        found = stored_total(place(world), span(world, *of))
        assert found is not None
        assert list(found.windows) == [world.day(number) for number in range(*of)]
        same(found.profile, whole[of])
    # Weeks are kept by now, and what they are made of is not read again.
    before = world.store.archive.profiles(world.spec.key)
    weeks = [one.key.window for one in before if one.key.rule == "week@UTC"]
    assert weeks == [span(world, first, first + 7) for first in range(0, 21, 7)]
    world.store.archive.swap_profiles(
        world.spec.key, [one.scan for one in before if one.key.window == world.day(9)], []
    )
    found = stored_total(place(world), span(world, 2, 22))
    assert found is not None
    same(found.profile, whole[2, 22])


def test_a_mended_day_makes_another_week_and_what_was_known_then_is_still_told(world: Any) -> None:
    week = span(world, 7, 14)
    then = stored_total(place(world), week)
    inside = world.predictions["at"].between(world.day(9).start, world.day(9).end, inclusive="left")
    world.predictions.loc[inside, "x"] = 5.0
    world.write_day(9)
    scan(world.monitor(), world.run(9, hours=900))
    now = stored_total(place(world), week)
    assert then is not None
    assert now is not None
    same(now.profile, scanned(world, 7, 14))
    assert now.profile.cells[WHOLE, "x"].rows == then.profile.cells[WHOLE, "x"].rows
    assert not np.array_equal(now.profile.cells[WHOLE, "x"].d1, then.profile.cells[WHOLE, "x"].d1)
    told = stored_total(place(world), week, as_of=world.run(20).known_at)
    assert told is not None
    same(told.profile, then.profile)


def test_pruned_days_still_add_up_in_coarse_buckets(world: Any) -> None:
    whole = scanned(world, 0, DAYS)
    (layout,) = layouts_of(world.store, world.spec.key).values()
    pruned = MetricsStore(world.store.url, clock=lambda: world.run(DAYS - 1).known_at + 9999 * DAY)
    prune(pruned, world.spec.key, Ages(profiles=5 * DAY, weeks=9000 * DAY))
    assert {one.key.rule for one in pruned.archive.profiles(world.spec.key)} == {"day@UTC", "week@UTC"}
    shutil.rmtree(world.root / "predictions")
    found = stored_total(place(world, pruned), span(world, 0, DAYS))
    assert found is not None
    assert len(found.windows) == DAYS
    expected = coarse(whole, layout)
    assert found.profile.rows == expected.rows
    for key, cells in expected.cells.items():
        np.testing.assert_array_equal(found.profile.cells[key].count, cells.count)
        np.testing.assert_allclose(found.profile.cells[key].d1, cells.d1, rtol=1e-9, atol=1e-9)
    recent = stored_total(place(world, pruned), span(world, DAYS - 7, DAYS))
    assert recent is not None
    assert recent.layout == layout
    pruned.dispose()


def test_a_week_is_compared_with_the_fortnight_before_it(world: Any) -> None:
    (layout,) = layouts_of(world.store, world.spec.key).values()
    expected = pair_rows(scanned(world, 3, 17), scanned(world, 17, 24), layout, ())
    shutil.rmtree(world.root / "predictions")
    found = trailing_drift(Monitor(world.spec, world.store), span(world, 17, 24), 14 * DAY)
    assert [(r.metric, r.column, r.parameters, r.slice, r.status) for r in found] == [
        (r.metric, r.column, r.parameters, r.slice, r.status) for r in expected
    ]
    for r, e in zip(found, expected, strict=True):
        if r.estimate and e.estimate:
            # How products scatter is told by a part of the rows, which days choose each for itself; a stored cell's
            # extremes are known to a 10,000th of its width.
            error = {"component_variance": 1e-3, "reconstruction_error": 1e-3, "wasserstein": 1e-7}.get(r.metric, 1e-9)
            assert r.estimate.value == pytest.approx(e.estimate.value, rel=error, abs=error)
    with pytest.raises(ReferenceMismatch, match="no profile is stored of a day in 2026-02-"):
        trailing_drift(Monitor(world.spec, world.store), span(world, 0, 1), 7 * DAY)


def test_spans_cut_by_two_references_are_not_compared(world: Any) -> None:
    path = world.root / "reference.parquet"
    world.predictions.assign(y=1.0, x=world.predictions["x"] * 3).to_parquet(path)
    freeze(Monitor(world.spec, world.store), world.run(DAYS - 1).known_at, again=True)
    world.write_day(0)
    late = world.predictions[world.predictions["at"] < world.day(1).end]
    late = late.assign(at=late["at"] + DAYS * DAY, id=[f"late-{i}" for i in range(len(late))])
    late.to_parquet(world.root / "predictions" / "late.parquet")
    scan(world.monitor(), world.run(DAYS))
    with pytest.raises(ReferenceMismatch, match="were cut by different references"):
        trailing_drift(Monitor(world.spec, world.store), world.day(DAYS), 14 * DAY)
