"""Distances from the sum of the stored windows before: which these are, and what a late or broken one changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.keys import WHOLE, Window
from airflow_ml_monitor.measurement import Family, Measurement, Status
from airflow_ml_monitor.metrics.names import LABEL_CORRELATION
from airflow_ml_monitor.monitor.checks.trailing import Trailing
from airflow_ml_monitor.monitor.freezing import freeze
from airflow_ml_monitor.monitor.judgement import decide
from airflow_ml_monitor.monitor.measure import pair_rows
from airflow_ml_monitor.monitor.retention.ages import Ages
from airflow_ml_monitor.monitor.retention.prune import prune
from airflow_ml_monitor.monitor.run import Run
from airflow_ml_monitor.monitor.spec import MonitorSpec
from airflow_ml_monitor.monitor.steps import measure_drift, measure_quality, scan
from airflow_ml_monitor.monitor.stored import layouts_of
from airflow_ml_monitor.policy.chart import SHIFT, TOGETHER
from airflow_ml_monitor.policy.feedback import Feedback
from airflow_ml_monitor.profile.cells import Profile
from airflow_ml_monitor.profile.engines.chosen import Chosen
from airflow_ml_monitor.report.page import report
from airflow_ml_monitor.store.repository import MetricsStore

DAY = timedelta(days=1)
WEEK = Trailing(7 * DAY)
DISTANCES = {"psi", "jensen_shannon", "kolmogorov_smirnov", "wasserstein"}


@pytest.fixture
def worlds_before(worlds: Callable[..., Any]) -> Callable[..., Any]:
    """Worlds whose distances are from the windows before."""

    def make(trailing: Trailing | None, *, days: int = 12, rows: int = 60, **changes: Any) -> Any:
        changes = {"labels": [], "dataset": {"slice_by": ["purpose"]}, "contract": None, **changes}
        world = worlds(days=days, rows=rows, **changes)
        world.spec = with_trailing(world.spec, trailing)
        return world

    return make


def with_trailing(spec: MonitorSpec, trailing: Trailing | None) -> MonitorSpec:
    return replace(spec, reference=replace(spec.reference, trailing=trailing))


def drift(world: Any, number: int, **wanted: Any) -> list[Measurement]:
    found = world.store.current(world.spec.key, families=[Family.DRIFT], **wanted)
    return [r.measurement for r in found if r.head.window == world.day(number)]


def made_of(world: Any, number: int, **wanted: Any) -> Measurement:
    (row,) = (r for r in drift(world, number, **wanted) if r.metric == "reference_windows")
    return row


def scanned(world: Any, first: int, last: int) -> Profile:
    """What one scan of the days up to `last` leaves."""
    (layout,) = layouts_of(world.store, world.spec.key).values()
    return Chosen().profile(world.spec.dataset(), layout, Window(world.day(first).start, world.day(last - 1).end))


def named(rows: list[Measurement]) -> dict[tuple[Any, ...], Measurement]:
    return {(r.metric, r.column, r.parameters, r.slice): r for r in rows}


@pytest.mark.parametrize("gap", [0, 2])
def test_distances_are_from_one_scan_of_the_days_before_and_all_else_from_the_frozen_reference(
    worlds_before: Callable[..., Any], gap: int
) -> None:
    world = worlds_before(Trailing(7 * DAY, gap=gap * DAY))
    for number in range(12):
        measure_drift(world.monitor(), world.run(number))
    (layout,) = layouts_of(world.store, world.spec.key).values()
    current = scanned(world, 11, 12)
    before = named(pair_rows(scanned(world, 4 - gap, 11 - gap), current, layout))
    frozen = world.monitor().reference(world.spec.dataset(), world.day(11))
    rest = named(pair_rows(frozen.profile, current, layout))
    found = named(drift(world, 11))
    told = found.pop(("reference_windows", "", "", WHOLE))
    assert told.estimate is not None
    assert (told.estimate.value, told.estimate.n) == (7, 7 * 60)
    assert told.reason == f"2026-03-0{6 - gap} to 2026-03-{12 - gap:02}"
    assert found.keys() == rest.keys()
    for name, row in found.items():
        expected = before[name] if name[0] in DISTANCES else rest[name]
        assert (row.status, row.reason) == (expected.status, expected.reason)
        if row.estimate and expected.estimate:
            for part in ("value", "n", "low", "high", "p_value", "noise"):
                one, other = getattr(row.estimate, part), getattr(expected.estimate, part)
                assert one == other or one == pytest.approx(other, rel=1e-6), (name, part)
    assert any(name[0] in DISTANCES and name[3] != WHOLE for name in found)
    # What charts are calibrated on is the frozen reference (correlations with labels wait for labels).
    assert {SHIFT, *TOGETHER} - {LABEL_CORRELATION} <= {name[0] for name in found} - DISTANCES


def test_a_rerun_writes_nothing_and_a_day_read_anew_revises_those_whose_reference_it_is_in_once(
    worlds_before: Callable[..., Any],
) -> None:
    world = worlds_before(Trailing(2 * DAY), days=6)
    for number in range(6):
        measure_drift(world.monitor(), world.run(number))
    before, then = world.revisions(), drift(world, 4)
    assert [measure_drift(world.monitor(), world.run(number)).revisions for number in range(6)] == [0] * 6
    world.predictions.loc[world.predictions["at"] < world.day(2).end, "x"] += 1.0
    world.write_day(2)
    again = world.run(2, hours=400)
    assert measure_drift(world.monitor(), again).revisions == 3
    # The day itself, and the two that look back at it; not the third.
    assert world.grown(before) == {("drift", "predictions", f"03-0{day}"): 1 for day in (4, 5, 6)}
    assert measure_drift(world.monitor(), again).revisions == 0
    assert drift(world, 4) != then
    assert drift(world, 4, as_of=world.run(5).known_at) == then
    assert drift(world, 5) == drift(world, 5, as_of=world.run(5).known_at)


def test_days_whose_rows_were_drawn_by_another_fraction_are_left_out(worlds_before: Callable[..., Any]) -> None:
    world = worlds_before(Trailing(4 * DAY, least_windows=1), days=7)
    for number in range(7):
        if number == 4:
            dataset = replace(world.spec.dataset(), sampling_fraction=0.5)
            world.spec = replace(world.spec, datasets=(dataset,))
        measure_drift(world.monitor(), world.run(number))
    told = "2026-03-04 to 2026-03-07; without 2026-03-04, 2026-03-05 (no longer kept as it was, or with another "
    assert made_of(world, 6).reason == f"{told}sampling_fraction)"
    estimate = made_of(world, 6).estimate
    assert estimate is not None
    assert (estimate.value, estimate.n) == (2, 2 * 60)
    psi = next(row.estimate for row in drift(world, 6, metrics={"psi"}) if row.slice == WHOLE and row.estimate)
    assert 10 < psi.n < 50


def test_what_became_known_after_the_cut_off_is_in_no_reference(worlds_before: Callable[..., Any]) -> None:
    world = worlds_before(Trailing(2 * DAY, least_windows=1), days=3)
    measure_drift(world.monitor(), world.run(0))
    measure_drift(world.monitor(), world.run(1, hours=100))
    measure_drift(world.monitor(), world.run(2))
    assert made_of(world, 2, as_of=world.run(2).known_at).reason == (
        "2026-03-02 to 2026-03-03; without 2026-03-03 (not measured)"
    )
    assert made_of(world, 2).reason == "2026-03-02 to 2026-03-03"


def test_the_days_in_any_order_leave_what_they_leave_one_after_the_other(
    worlds_before: Callable[..., Any], history: Any
) -> None:
    world = worlds_before(Trailing(3 * DAY, least_windows=1), days=5)
    live, other = world.store, world.new_store("other")
    for number in range(5):
        measure_drift(world.monitor(), world.run(number))
    for number in (4, 1, 3, 0, 2):
        measure_drift(world.monitor(store=other), world.run(number))
    for as_of in (None, world.run(4).known_at, world.run(3).known_at):
        one, two = (history(store, world.spec.key, as_of=as_of) for store in (live, other))
        pd.testing.assert_frame_equal(one, two, rtol=1e-6, atol=1e-9)


def test_too_few_days_before_are_a_status_with_the_reason_and_never_a_smaller_reference(
    worlds_before: Callable[..., Any],
) -> None:
    world = worlds_before(WEEK, days=5)
    for number in (0, 1, 3, 4):
        measure_drift(world.monitor(), world.run(number))
    rows = [r for r in drift(world, 4) if r.metric in DISTANCES]
    assert {(r.status, r.estimate) for r in rows} == {(Status.TOO_FEW, None)}
    reason = "3 of the 7 windows before are there, 4 needed; 2026-02-27 to 2026-03-05; without 2026-02-27, "
    reason += "2026-02-28, 2026-03-01 and 1 more (not measured)"
    assert {r.reason for r in rows} == {reason}
    assert (made_of(world, 4).status, made_of(world, 4).reason) == (Status.TOO_FEW, reason)
    assert {r.status for r in drift(world, 4) if r.metric == "shift"} == {Status.OK}
    # What is missing is measured: now four of seven are there, and the row says which are not.
    measure_drift(world.monitor(), world.run(2))
    assert {r.status for r in drift(world, 4) if r.metric in DISTANCES} == {Status.OK}
    assert made_of(world, 4).estimate.value == 4  # type: ignore[union-attr]
    assert made_of(world, 4).reason.endswith("without 2026-02-27, 2026-02-28, 2026-03-01 (not measured)")


def lived(world: Any, first: int, last: int) -> list[str]:
    """Each day measured and judged in its evening; what was decided."""
    said = []
    for number in range(first, last):
        run = world.run(number)
        scan(world.monitor(), run)
        measure_quality(world.monitor(), run)
        measure_drift(world.monitor(), run)
        said.append(decide(world.monitor(), run).action.value)
    return said


def test_a_day_in_an_incident_is_in_no_reference_unless_somebody_calls_the_incident_false(
    worlds_before: Callable[..., Any],
) -> None:
    world = worlds_before(Trailing(5 * DAY), days=8)
    broken = (world.predictions["at"] >= world.day(3).start) & (world.predictions["at"] < world.day(3).end)
    world.predictions.loc[broken, "x"] = np.nan
    world.write_day(3)
    assert lived(world, 0, 7)[3] == "investigate_data"
    assert made_of(world, 6).reason == "2026-03-03 to 2026-03-07; without 2026-03-05 (in an incident)"
    drawn = "Drawn is the frozen reference; distances are from the 4 windows before: 2026-03-03 to 2026-03-07; without"
    assert drawn in report(world.store, world.spec.key)
    (incident,) = world.store.incidents(world.spec.key)
    world.store.save_feedback(world.spec.key, Feedback(incident.id, False, world.run(6).known_at + DAY / 2))
    lived(world, 7, 8)
    assert made_of(world, 7).reason == "2026-03-04 to 2026-03-08"
    assert made_of(world, 6).reason.endswith("(in an incident)")  # as it was known then


def test_a_column_that_was_missing_is_told_by_the_days_that_brought_it(worlds_before: Callable[..., Any]) -> None:
    trailing = Trailing(4 * DAY, least_windows=3, without=())
    world = worlds_before(trailing, days=6)
    for number in (1, 2):
        path = world.root / "predictions" / f"{number:03}.parquet"
        days = world.predictions["at"].between(world.day(number).start, world.day(number).end, inclusive="left")
        world.predictions[days].drop(columns="x").to_parquet(path)
    lived(world, 0, 6)
    told = {r.column: r for r in drift(world, 4) if r.metric == "psi" and r.slice == WHOLE}
    assert told["x"].status is Status.TOO_FEW
    assert told["x"].reason == ("column 'x' arrived as declared in 2 of the 4 windows before that are there, 3 needed")
    assert told["score"].status is Status.OK
    told = {r.column: r for r in drift(world, 5) if r.metric == "wasserstein" and r.slice == WHOLE}
    assert told["x"].status is Status.TOO_FEW
    world.spec = with_trailing(world.spec, replace(trailing, least_windows=2))
    measure_drift(world.monitor(), world.run(5))
    # An edited spec counts from the end of what was measured.
    told = {r.column: r for r in drift(world, 5) if r.metric == "wasserstein" and r.slice == WHOLE}
    assert told["x"].status is Status.TOO_FEW


def test_days_cut_by_an_older_reference_are_no_part_of_it(worlds_before: Callable[..., Any]) -> None:
    world = worlds_before(Trailing(3 * DAY, least_windows=2), days=6)
    for number in range(4):
        measure_drift(world.monitor(), world.run(number))
    world.predictions.assign(y=1.0, x=world.predictions["x"] * 3).to_parquet(world.root / "reference.parquet")
    freeze(world.monitor(), world.run(3).known_at, again=True)
    for number in (4, 5):
        measure_drift(world.monitor(), world.run(number))
    assert made_of(world, 5).status is Status.TOO_FEW
    assert "without 2026-03-04, 2026-03-05 (cut by another reference)" in made_of(world, 5).reason


def test_what_a_trailing_reference_looks_back_at_is_not_pruned(worlds_before: Callable[..., Any]) -> None:
    world = worlds_before(Trailing(20 * DAY, least_windows=20), days=22, rows=20)
    now = [world.run(0).known_at]
    world.store = MetricsStore(world.store.url, clock=lambda: now[0])
    for number in range(21):
        now[0] = world.run(number).known_at
        scan(world.monitor(), world.run(number))
    gone = prune(world.store, world.spec.key, Ages(profiles=DAY, weeks=DAY))
    measure_drift(world.monitor(), world.run(21))
    assert made_of(world, 21).status is Status.OK
    assert gone == []
    world.store.dispose()


@pytest.mark.parametrize(
    ("trailing", "problem"),
    [
        ({"span": "12h"}, r"reference\.trailing\.span: .* no number of whole days"),
        ({"span": 28}, r"reference\.trailing\.span: 28 has no unit; write e.g. 28d"),
        ({"span": "7d", "gap": "36h"}, r"reference\.trailing\.gap: .* no number of whole days"),
        ({"span": "7d", "least_windows": 8}, r"trailing\.least_windows: 7 days hold 7 windows of a day, and never 8"),
        ({"span": "7d", "least_windows": 0}, r"trailing\.least_windows: 0 windows are no reference"),
        ({"span": "7d", "without": ["alarm"]}, r"unknown .*'alarm'"),
        ({"spam": "7d"}, r"unknown field 'spam'; did you mean 'span'\?"),
    ],
)
def test_a_span_that_can_be_no_reference_is_refused_before_data_is_read(
    worlds: Callable[..., Any], trailing: Any, problem: str
) -> None:
    reference = {"source": "nowhere.parquet", "trailing": trailing}
    with pytest.raises(SpecError, match=problem):
        worlds(reference=reference, labels=[])


def test_a_span_without_a_whole_window_of_some_rule_is_refused(worlds: Callable[..., Any]) -> None:
    with pytest.raises(SpecError, match="6 days before a week hold no whole one at times; give a longer span"):
        worlds(reference={"source": "nowhere.parquet", "trailing": "6d"}, windows=["day", "week"], labels=[])


def test_windows_of_another_rule_than_the_one_it_is_of_are_held_against_the_frozen_reference(
    worlds: Callable[..., Any],
) -> None:
    trailing = {"span": "2d", "rule": "day", "least_windows": 1}
    world = worlds(days=7, rows=30, windows=["day", "week"], labels=[], contract=None)
    of_days = MonitorSpec.from_document(
        {**world.spec.document(), "reference": {**world.spec.document()["reference"], "trailing": trailing}}
    )
    world.spec = of_days
    week = of_days.rule("week")
    measure_drift(world.monitor(), Run(week.containing(world.day(0).start), week, world.run(6).known_at))
    assert not [r for r in world.store.current(world.spec.key) if r.measurement.metric == "reference_windows"]
    with pytest.raises(SpecError, match="unknown window rule 'month'"):
        with_trailing(of_days, Trailing(7 * DAY, rule="month"))


def test_a_duration_alone_is_the_span_and_a_stored_document_makes_the_same_spec(worlds: Callable[..., Any]) -> None:
    spec = worlds(reference={"source": "nowhere.parquet", "trailing": "4w"}, labels=[]).spec
    assert spec.reference.trailing == Trailing(28 * DAY)
    assert MonitorSpec.from_document(spec.document()) == spec
