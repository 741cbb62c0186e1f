"""Charts: the fold's laws, what they find, and what they leave alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.stats import poisson

from airflow_ml_monitor.policy.charts.panel import Panel
from airflow_ml_monitor.policy.charts.watch import LEAST_WINDOWS, STAYED, lasting, watch

YEARS = 12


def upto(panel: Panel, windows: int) -> Panel:
    cut = {name: getattr(panel, name)[:windows] for name in ("day", "phase", "value", "variance")}
    return replace(panel, **cut)


def moved(panel: Panel, by: float, component: int, first: int, last: int | None = None) -> Panel:
    value = panel.value.copy()
    value[first:last, component] += by
    return replace(panel, value=value)


def test_what_is_said_of_a_window_does_not_change_with_later_ones(world: Any) -> None:
    panel = moved(world(1), 0.3, 4, 120)
    whole = watch(panel, 1.0)
    for windows in (60, 121, 125, 180):
        part = watch(upto(panel, windows), 1.0)
        assert (part.alarm == whole.alarm[:windows]).all()
        assert part.excess == pytest.approx(whole.excess[:windows])


def test_the_order_of_components_does_not_matter(world: Any) -> None:
    panel = moved(world(2), 0.3, 4, 120)
    order = np.random.default_rng(0).permutation(panel.value.shape[1])
    turned = {name: getattr(panel, name)[:, order] for name in ("value", "variance")}
    turned |= {name: getattr(panel, name)[order] for name in ("group", "least", "side", "weight")}
    assert (watch(replace(panel, **turned), 1.0).alarm == watch(panel, 1.0).alarm[:, order]).all()


def test_a_shift_is_found_within_days_of_the_right_component_with_its_size(world: Any) -> None:
    found = watch(moved(world(3), 0.3, 7, 120), 1.0)
    days, components = np.nonzero(found.alarm[120:130])
    assert set(components) == {7}
    assert days[0] <= 6
    assert found.size[130, 7] == pytest.approx(0.3, abs=0.1)


@pytest.mark.parametrize("side", [1, -1])
def test_a_change_for_the_better_alarms_nobody(world: Any, side: int) -> None:
    panel = world(3)
    panel = replace(panel, side=np.full(panel.value.shape[1], side))
    assert watch(moved(panel, 0.4 * side, 7, 120), 1.0).alarm[120:130, 7].any()
    assert not watch(moved(panel, -0.4 * side, 7, 120), 1.0).alarm[120:150, 7].any()


def test_below_the_size_that_matters_nothing_alarms_however_many_rows(world: Any) -> None:
    panel = world(4, between=0.001)
    panel = replace(panel, value=panel.value * 0.1, variance=np.full(panel.value.shape, 1e-8))
    assert watch(moved(panel, 0.06, 2, 120), 1.0).alarm[:, 2].any()
    assert not watch(moved(panel, 0.03, 2, 120), 1.0).alarm.any()


def test_a_level_that_stays_becomes_the_usual_one_and_says_so(world: Any) -> None:
    found = watch(moved(world(5), 0.5, 3, 120), 1.0)
    renewed = np.flatnonzero(found.renewed[:, 3])
    assert 120 + STAYED[0] - 1 <= renewed[0] <= 120 + STAYED[0] + 3
    assert not found.alarm[renewed[0] + 1 :, 3].any()
    back = watch(moved(world(5), 0.5, 3, 120, 170), 1.0)
    assert back.alarm[170:175, 3].any(), "back to the old level is a change from the new one"


def test_of_another_thing_nothing_is_said_until_its_own_windows_tell_what_is_usual(world: Any) -> None:
    panel = moved(moved(world(5), 0.5, 3, 120), 0.5, 3, 150)
    fresh = np.zeros(panel.value.shape, bool)
    fresh[120, 3] = True
    found = watch(replace(panel, fresh=fresh), 1.0)
    assert not found.alarm[:150, 3].any()
    assert found.alarm[150:154, 3].any()
    others = np.arange(panel.value.shape[1]) != 3
    assert (found.alarm[:, others] == watch(moved(panel, -0.5, 3, 120, 150), 1.0).alarm[:, others]).mean() > 0.999
    young = upto(replace(panel, fresh=fresh[:130]), 130)
    detectable = watch(young, 1.0).detectable
    assert np.isinf(detectable[3])
    assert np.isfinite(detectable[others]).all()


@pytest.mark.parametrize("after", [5, 20])
def test_what_is_said_to_be_usual_is_so_from_its_first_window_on(world: Any, after: int) -> None:
    panel = moved(moved(world(5), 0.5, 3, 120), 0.9, 3, 150)
    accepted = np.zeros(len(panel.day), bool)
    accepted[120 + after] = True
    plain, found = watch(panel, 1.0), watch(replace(panel, accepted=accepted), 1.0)
    assert (found.alarm[: 120 + after] == plain.alarm[: 120 + after]).all()
    assert found.alarm[124, 3]
    assert not found.alarm[120 + after : 150, 3].any()
    assert found.renewed[120 + after, 3]
    assert found.renewed[:150].sum() == 1
    assert found.alarm[150:154, 3].any()


def test_a_word_when_nothing_is_in_alarm_changes_nothing(world: Any) -> None:
    panel = world(5)
    accepted = np.ones(len(panel.day), bool)
    plain, found = watch(panel, 1.0), watch(replace(panel, accepted=accepted), 1.0)
    calm = ~plain.alarm.any(axis=0)
    assert calm.sum() >= 38
    assert not found.alarm[:, calm].any()


def test_another_thing_may_begin_before_anything_is_judged(world: Any) -> None:
    panel = moved(world(5), 5.0, 3, 6)
    fresh = np.zeros(panel.value.shape, bool)
    fresh[6, 3] = True
    # And again, long after.
    fresh[150, 3] = True
    found = watch(replace(panel, fresh=fresh, trusted=40), 1.0)
    assert not found.alarm[:, 3].any()
    assert np.abs(found.score[40:150, 3]).max() < 5
    assert watch(panel, 1.0).alarm[14:20, 3].any() or watch(panel, 1.0).size[20, 3] > 0.5


def test_windows_without_a_value_are_neither_judged_nor_learnt_from(world: Any) -> None:
    panel = moved(world(6), 50.0, 1, 130, 134)
    value = panel.value.copy()
    value[130:134] = np.nan
    found = watch(replace(panel, value=value), 1.0)
    assert not found.alarm.any()


def test_what_is_not_there_for_months_or_strange_without_mattering_leaves_the_others_as_they_are(world: Any) -> None:
    panel = world(7, windows=320)
    value, variance = panel.value.copy(), panel.variance.copy()
    value[20:300, 0] = np.nan
    value[:, 1], variance[:, 1] = value[:, 1] * 0.01, 1e-8
    value[60:, 1] += 0.03
    found = watch(replace(panel, value=value, variance=variance), 1.0)
    assert not found.alarm[:, :2].any()
    assert (found.alarm[:, 2:] == watch(panel, 1.0).alarm[:, 2:]).mean() > 0.999
    late = moved(replace(panel, value=value, variance=variance), 0.5, 1, 310)
    assert watch(late, 1.0).alarm[310:312, 1].all()


def test_a_component_that_never_moves_raises_nothing_and_is_found_when_it_does(world: Any) -> None:
    panel = world(7)
    value, variance = panel.value.copy(), panel.variance.copy()
    value[:, 0], variance[:, 0] = 0.0, 1e-4
    still = replace(panel, value=value, variance=variance)
    assert not watch(still, 1.0).alarm[:, 0].any()
    assert watch(moved(still, 0.5, 0, 150), 1.0).alarm[150:152, 0].any()


def test_before_there_is_a_baseline_nothing_is_judged(world: Any) -> None:
    short = upto(moved(world(8), 9.0, 0, 5), LEAST_WINDOWS)
    found = watch(short, 1.0)
    assert not found.alarm.any()
    assert np.isinf(found.detectable).all()


def test_more_history_sees_smaller_shifts(world: Any) -> None:
    few, many = (watch(upto(world(9), windows), 1.0).detectable for windows in (20, 200))
    assert np.median(many) < 0.8 * np.median(few)


def test_false_incidents_keep_the_budget_and_the_budget_is_not_far_from_spent(world: Any) -> None:
    incidents, years = 0, 0.0
    for seed in range(YEARS):
        panel = world(100 + seed, components=60, windows=425)
        days = np.flatnonzero(watch(replace(panel, trusted=60), 4.0).alarm.any(axis=1))
        incidents += int(len(days) > 0) + int((np.diff(days) > 3).sum())
        years += 1.0
    assert incidents <= poisson.ppf(0.99, 4.0 * years)
    assert incidents >= poisson.ppf(0.01, 0.25 * 4.0 * years)


def test_bursts_that_went_by_are_learnt_from_and_what_lasts_is_not() -> None:
    def one(text: str) -> str:
        out = np.array([[letter == "x"] for letter in text])
        return "".join("x" if lasts else "." for lasts in lasting(out)[:, 0])

    assert one("..x......") == "........."
    assert one("..xx.....") == "........."
    assert one("..xxx....") == "..xxx...."
    assert one("..x.x....") == "..x......"
    assert one("......xx.") == "......xx."
