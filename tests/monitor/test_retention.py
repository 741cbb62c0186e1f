"""A monitor that lived, pruned: what was decided is decided again, and faults and drift say what they said."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from airflow_ml_monitor.__main__ import main
from airflow_ml_monitor.keys import WHOLE, Window, WindowUnit
from airflow_ml_monitor.measurement import Family
from airflow_ml_monitor.monitor.faults import EARLIER
from airflow_ml_monitor.monitor.freezing import freeze
from airflow_ml_monitor.monitor.judgement import decide
from airflow_ml_monitor.monitor.performance import measure_performance
from airflow_ml_monitor.monitor.retention.ages import Ages
from airflow_ml_monitor.monitor.retention.prune import prune
from airflow_ml_monitor.monitor.run import Monitor
from airflow_ml_monitor.monitor.spec import MonitorSpec
from airflow_ml_monitor.monitor.steps import measure_drift, measure_quality, scan
from airflow_ml_monitor.monitor.stored import Place, layouts_of, stored_total
from airflow_ml_monitor.policy.decision import Decision
from airflow_ml_monitor.policy.rule import Action
from airflow_ml_monitor.profile.coarse import coarse
from airflow_ml_monitor.profile.codec import decode_profile
from airflow_ml_monitor.profile.engines.chosen import Chosen
from airflow_ml_monitor.report.pairs import profiles_of
from airflow_ml_monitor.report.scope import scope_of
from airflow_ml_monitor.store.records import StoredProfile
from airflow_ml_monitor.store.repository import MetricsStore

DAY = timedelta(days=1)
DAYS = 26
AGES = Ages(profiles=3 * DAY, weeks=9 * DAY, revisions=5 * DAY)
RULES = [{"metric": "roc_auc", "min": 0.74, "action": "retrain"}, {"metric": "psi", "max": 0.2, "action": "alert"}]


@pytest.fixture(scope="module")
def month(builders: Callable[[str], ModuleType], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Days measured and judged, each six hours after its end; of the last there are only rows."""
    desk, root = builders("monitor/conftest.py"), tmp_path_factory.mktemp("month")
    (root / "predictions").mkdir()
    reference = desk.make_predictions(1, 1500, 99)
    reference["y"] = (np.random.default_rng(98).uniform(size=1500) < reference["score"]).astype(float)
    reference.to_parquet(root / "reference.parquet")
    predictions = desk.make_predictions(DAYS, 60, 1)
    spec = MonitorSpec.from_document(desk.document(root, policy={"rules": RULES}))
    store = MetricsStore(f"sqlite:///{root}/monitor.db")
    store.upgrade()
    world = desk.World(root, store, predictions, desk.make_labels(predictions, 2), spec, DAYS)
    world.write_labels()
    for number in range(DAYS):
        world.write_day(number)
    for number in range(DAYS - 1):
        live(world, number)
    store.dispose()
    return world


def live(world: Any, number: int, store: MetricsStore | None = None) -> Decision:
    """A day's run at its time."""
    run = world.run(number)
    used = store or clocked(world, run.known_at)
    monitor = world.monitor(store=used)
    for step in (scan, measure_quality, measure_drift, measure_performance):
        step(monitor, run)
    decision = decide(monitor, run)
    if store is None:
        used.dispose()
    return decision


@pytest.fixture
def lived(month: Any, tmp_path: Path) -> Any:
    """A copy of the month's store, to do with as one likes; a mended day is as it was before afterwards."""
    shutil.copy(month.root / "monitor.db", tmp_path)
    day = month.root / "predictions" / "002.parquet"
    shutil.copy2(day, tmp_path)
    yield replace(month, root=tmp_path, predictions=month.predictions.copy())
    shutil.copy2(tmp_path / day.name, day)


def clocked(world: Any, now: datetime) -> MetricsStore:
    """The world's store at a time of the wall clock."""
    return MetricsStore(f"sqlite:///{world.root}/monitor.db", clock=lambda: now)


def stored(store: MetricsStore, key: str, rule: str) -> list[StoredProfile]:
    return [one for one in store.archive.profiles(key) if one.key.rule.startswith(rule)]


def rows(store: MetricsStore, key: str, found: list[StoredProfile]) -> int:
    payloads = [store.profile(key, one.key) for one in found]
    return sum(decode_profile(payload).rows[WHOLE] for payload in payloads if payload)


def test_a_pruned_monitor_decides_again_what_it_decided_and_goes_on_as_one_that_was_not(
    lived: Any, tmp_path: Path
) -> None:
    world, key = lived, lived.spec.key
    now = world.run(DAYS - 1).known_at
    shutil.copy(tmp_path / "monitor.db", tmp_path / "whole.db")
    store = clocked(world, now)
    made = store.decisions(key)
    gone = {one.what: one for one in prune(store, key, AGES)}
    assert gone["superseded revisions"].rows > 20
    assert gone["profiles made coarse"].rows > 0
    assert prune(store, key, AGES) == []
    asked = [d for d in made if d.action not in (Action.NONE, Action.WAIT)]
    assert asked, "nothing was ever asked for here"
    assert min(d.known_at for d in asked) < now - AGES.revisions
    kept = [number for number in range(DAYS - 1) if made[number] in asked or made[number].known_at >= now - 5 * DAY]
    for number in kept:
        assert decide(world.monitor(store=store), world.run(number)) == made[number]
    assert store.decisions(key) == made
    # The next day, beside a store that was not pruned.
    whole = MetricsStore(f"sqlite:///{tmp_path}/whole.db", clock=lambda: now)
    assert live(world, DAYS - 1, store) == live(world, DAYS - 1, whole)
    assert store.current(key) == whole.current(key)
    whole.dispose()
    store.dispose()


def test_profiles_are_fine_then_coarse_then_weeks_and_no_row_is_lost(lived: Any) -> None:
    world, key = lived, lived.spec.key
    store = clocked(world, world.run(DAYS - 1).known_at)
    before = stored(store, key, "day")
    total = rows(store, key, before)
    told = prune(store, key, AGES, dry_run=True)
    assert stored(store, key, "day") == before
    assert prune(store, key, AGES) == told
    days, weeks = stored(store, key, "day"), stored(store, key, "week")
    assert total == rows(store, key, days) + rows(store, key, weeks)
    assert weeks
    rule = replace(world.spec.rule(), unit=WindowUnit.WEEK)
    assert all(one.key.window == rule.containing(one.key.window.start) for one in weeks)
    fine = [one for one in days if one.key.layout_digest == before[0].key.layout_digest]
    # Two windows end after the age, and faults look back at fourteen before them.
    assert [one.key.window for one in fine] == [one.key.window for one in before[-(2 + EARLIER) :]]
    assert not {one.key.window for one in days if one not in fine} & {one.key.window for one in fine}
    assert sum(one.size for one in (*days, *weeks)) < sum(one.size for one in before)
    store.dispose()


def test_an_old_day_measured_again_is_news_only_if_its_rows_are(lived: Any) -> None:
    world, key = lived, lived.spec.key
    store = clocked(world, world.run(DAYS - 1).known_at)
    prune(store, key, AGES)
    before = store.current(key)
    monitor = Monitor(world.spec, store)
    assert measure_quality(monitor, world.run(2)).revisions == 0
    assert store.current(key) == before
    # What was read again goes again, and the week that has it stays as it is.
    store.dispose()
    later = clocked(world, world.run(DAYS + 30).known_at)
    prune(later, key, AGES)
    weeks = stored(later, key, "week")
    assert rows(later, key, weeks) + rows(later, key, stored(later, key, "day")) == (DAYS - 1) * 60
    mended = world.predictions["at"].between(world.day(2).start, world.day(2).end, inclusive="left")
    world.predictions.loc[mended, "x"] *= 10
    write_into(world, 2)
    assert measure_quality(Monitor(world.spec, later), world.run(2)).revisions > 0
    faults = [r for r in later.current(key, families=[Family.FAULT]) if r.head.window != world.day(2)]
    assert faults == [r for r in before if r.head.family is Family.FAULT and r.head.window != world.day(2)]
    later.dispose()


def test_a_week_of_which_a_day_was_mended_is_added_up_anew_before_its_days_go(lived: Any) -> None:
    world, key = lived, lived.spec.key
    store = clocked(world, world.run(DAYS - 1).known_at)
    week = Window(world.day(0).start, world.day(6).end)
    place = Place(store, key, "predictions", world.spec.rule())
    assert stored_total(place, week, is_coarse=True)
    inside = world.predictions["at"].between(world.day(2).start, world.day(2).end, inclusive="left")
    world.predictions.loc[inside, "x"] = 3.0
    write_into(world, 2)
    scan(Monitor(world.spec, store), replace(world.run(2), known_at=world.run(DAYS - 1).known_at))
    (layout,) = layouts_of(store, key).values()
    expected = coarse(Chosen().profile(world.spec.dataset(), layout, week), layout)
    later = clocked(world, world.run(DAYS + 30).known_at)
    prune(later, key, AGES)
    mine = [one for one in stored(later, key, "week") if one.key.window == week]
    assert len(mine) == 1
    payload = later.profile(key, mine[0].key)
    assert payload is not None
    for where, cells in decode_profile(payload).cells.items():
        np.testing.assert_array_equal(cells.count, expected.cells[where].count)
        np.testing.assert_allclose(cells.d1, expected.cells[where].d1, rtol=1e-9, atol=1e-9)
    store.dispose()
    later.dispose()


def test_the_page_of_an_old_day_still_draws_its_columns(lived: Any) -> None:
    world, key = lived, lived.spec.key
    store = clocked(world, world.run(DAYS - 1).known_at)
    prune(store, key, replace(AGES, weeks=900 * DAY))
    scope = scope_of(store, key, day=world.spec.rule().date_of(world.day(1).start))
    reference = store.references(key, "predictions")[0][1]
    found = profiles_of(scope, "predictions", reference)
    assert found is not None
    pair = found.pair("x")
    assert pair is not None
    assert (pair.reference.n, pair.current.n) == (1500, 60)
    assert found.current.layout_digest == found.layout.digest != layouts_of(store, key).popitem()[0]
    store.dispose()


def write_into(world: Any, number: int) -> None:
    """A day's rows into the file that the spec names."""
    source = Path(world.spec.datasets[0].source).parent.parent
    replace(world, root=source).write_day(number)


def test_the_command_says_what_would_go_and_lets_it_go(lived: Any, capsys: pytest.CaptureFixture[str]) -> None:
    url, key = f"sqlite:///{lived.root}/monitor.db", lived.spec.key
    aged = ["--keep-profiles", "3d", "--keep-weeks", "9d", "--keep-revisions", "5d"]
    before = MetricsStore(url).counted(key)
    assert main(["db", "prune", "--url", url, *aged, "--dry-run"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[-1] == "nothing was changed; to let it go, leave --dry-run out"
    assert MetricsStore(url).counted(key) == before
    assert any(line.startswith(f"{key}  revision: ") and "2026-03-" in line for line in told)
    assert any(f"{key}  measurement: " in line and "about" in line for line in told)
    assert main(["db", "prune", key, "--url", url, *aged]) == 0
    assert capsys.readouterr().out.splitlines() == told[:-1]
    assert MetricsStore(url).counted(key)["measurement"] < before["measurement"]
    assert main(["db", "prune", "--url", url, *aged]) == 0
    assert capsys.readouterr().out == "nothing is too old\n"
    assert main(["db", "prune", "default/x", "--url", url]) == 1
    assert "unknown monitor 'default/x'" in capsys.readouterr().err
    assert main(["db", "prune", "--url", url, "--keep-profiles", "90"]) == 1
    assert "keep-profiles" in capsys.readouterr().err


def test_a_profile_whose_layout_is_unknown_stays(lived: Any) -> None:
    world, key = lived, lived.spec.key
    store = clocked(world, world.run(DAYS - 1).known_at)
    freeze(Monitor(world.spec, store), world.run(0).known_at)
    one = stored(store, key, "day")[0]
    strange = replace(one.key, layout_digest="of another release", input_digest="x")
    store._clock = lambda: world.run(0).known_at
    store.save_profile(key, strange, b"unreadable", world.run(0).known_at - DAY)
    store._clock = lambda: world.run(DAYS - 1).known_at
    prune(store, key, AGES)
    assert store.profile(key, strange) == b"unreadable"
    assert np.isfinite(store.archive.profiles(key)[0].size)
    store.dispose()
