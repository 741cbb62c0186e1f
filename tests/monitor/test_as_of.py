"""What was known when: the ledger and the history equal pandas and scikit-learn on the labels that had arrived."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, roc_auc_score

from airflow_ml_monitor.monitor.performance import measure_performance, performance
from airflow_ml_monitor.monitor.run import Run

AUC = 0.002
"""The score is cut into cells: so far may the area be from that of the raw scores, or two pairs of a few rows."""


def agrees(world: Any, window: Any, moment: Any, found: dict[str, tuple[float, int]]) -> bool:
    """Asserts that (value, n) are those of the rows known by then; False where nothing was known."""
    known = world.known(window, moment)
    if known.empty:
        assert "accuracy" not in found
        return False
    right = accuracy_score(known["y"], known["score"] >= 0.5)
    assert found["accuracy"] == (pytest.approx(right, abs=1e-12), len(known))
    assert found["label_rate"][0] == pytest.approx(known["y"].mean(), abs=1e-12)
    if pairs := (known["y"] == 1).sum() * (known["y"] == 0).sum():
        area = roc_auc_score(known["y"], known["score"])
        assert found["roc_auc"] == (pytest.approx(area, abs=max(AUC, 2 / pairs)), len(known))
    return True


def moments(world: Any, hours: float = 0) -> list[Any]:
    return [world.day(number).end + timedelta(hours=hours) for number in range(world.days)]


def live(world: Any, store: Any = None, *, hours: float = 0) -> Any:
    """Day by day, from a labels file that grows."""
    monitor = world.monitor(store=store)
    for number in range(world.days):
        run = world.run(number, hours)
        world.write_labels(upto=run.known_at)
        measure_performance(monitor, run)
    world.write_labels()
    return monitor


@pytest.mark.parametrize("hours", [0, 6])
def test_performance_and_history_at_any_moment_are_those_of_the_labels_that_had_arrived(world, values, stored, hours):
    monitor = live(world, hours=hours)
    compared = 0
    for moment in moments(world, hours):
        then = stored(world.store, monitor.key, as_of=moment)
        over = [world.day(n) for n in range(world.days) if world.day(n).end <= moment]
        assert sorted(then) == over
        for window in over:
            assert agrees(world, window, moment, then[window]) == agrees(
                world, window, moment, values(performance(monitor, window, moment))
            )
            compared += 1
    assert compared == world.days * (world.days + 1) / 2


def test_a_moment_between_two_runs_is_as_exact_at_the_end_of_a_calendar_day(world, values):
    monitor = live(world, hours=6)
    for moment in moments(world):
        assert agrees(world, world.day(0), moment, values(performance(monitor, world.day(0), moment)))


def test_day_by_day_and_all_at_once_come_to_the_same_current_values(world, stored):
    live(world, hours=6)
    other = world.new_store("at-once")
    monitor = world.monitor(store=other)
    last = world.run(world.days - 1)
    for number in range(world.days):
        measure_performance(monitor, Run(world.day(number), last.rule, last.known_at))
    assert stored(other, monitor.key) == stored(world.store, monitor.key)


def test_a_backfill_from_the_last_day_to_the_first_leaves_the_history_of_the_days_in_order(world, history):
    monitor = live(world)
    other = world.new_store("backfill")
    behind = world.monitor(store=other)
    for number in reversed(range(world.days)):
        measure_performance(behind, world.run(number, 0, is_backfill=True))
    for moment in [*moments(world), None]:
        pd.testing.assert_frame_equal(
            history(other, behind.key, families=["performance"], as_of=moment),
            history(world.store, monitor.key, families=["performance"], as_of=moment),
        )


def test_a_corrected_label_counts_once_with_its_new_value_from_its_time_on(world, values, stored):
    window, at = world.day(0), world.day(4).start + timedelta(hours=9)
    wrong = world.known(window, world.day(2).end).iloc[:5]
    corrected = pd.DataFrame({"id": wrong["id"], "y": 1 - wrong["y"], "known_at": at})
    world.labels = pd.concat([world.labels, corrected], ignore_index=True)
    monitor = live(world)
    before, after = (values(performance(monitor, window, world.day(n).end)) for n in (3, 4))
    for number in range(world.days):
        moment = world.day(number).end
        assert agrees(world, window, moment, values(performance(monitor, window, moment)))
        assert agrees(world, window, moment, stored(world.store, monitor.key, as_of=moment)[window])
    # Of the labels known on the day before, exactly those five have another value now.
    old, new = (world.known(window, world.day(n).end).set_index("id")["y"] for n in (3, 4))
    assert sorted(old.index[old != new.reindex(old.index)]) == sorted(wrong["id"])
    assert after["accuracy"][1] == len(new)
    assert before["accuracy"][1] == len(old)
