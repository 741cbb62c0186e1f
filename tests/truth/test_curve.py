"""The arrival curve, against the delays from which it was drawn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_ml_monitor.truth.arrivals import Arrivals, Cells
from airflow_ml_monitor.truth.curve import ArrivalCurve, diagonals_for
from airflow_ml_monitor.truth.outage import Outages

DAYS, HORIZON = 260, 60


def arrivals(
    seed: int = 0,
    *,
    means: tuple[tuple[float, float], ...] = ((5.0, 12.0), (10.0, 20.0)),
    today: int = DAYS - 1,
    per_day: int = 150,
    bunch: int = 1,
    horizon: int = HORIZON,
) -> Arrivals:
    """Exponential delays cut at the horizon, with a mean by stratum and label; rows come in bunches of one delay."""
    rng = np.random.default_rng(seed)
    groups = DAYS * per_day // bunch
    day = rng.integers(0, DAYS, groups)
    stratum = rng.integers(0, len(means), groups)
    label = (rng.random(groups) < 0.3).astype(np.int64)
    scale = np.array(means)[stratum, label]
    # The inverse of the distribution function of an exponential below the horizon.
    delay = -scale * np.log(1 - rng.random(groups) * (1 - np.exp(-horizon / scale)))
    age = delay.astype(np.int64)
    known = day + age <= today
    none = np.zeros(len(means), np.int64)
    cells = Cells(np.arange(len(means)), none, none, np.full(len(means), 0.3))
    predicted = np.zeros((min(today + 1, DAYS), len(means)))
    np.add.at(predicted, (day[day <= today], stratum[day <= today]), float(bunch))
    parts = (day[known], age[known], label[known], stratum[known], np.full(int(known.sum()), float(bunch)))
    return Arrivals(cells, predicted, *parts, today=today, horizon=horizon)


def true_share(mean: float, age: int, horizon: int = HORIZON) -> float:
    return float((1 - np.exp(-(age + 1) / mean)) / (1 - np.exp(-horizon / mean))) if age < horizon else 1.0


@pytest.mark.parametrize("age", [0, 3, 10, 30, 59])
def test_labels_that_are_still_awaited_do_not_make_delays_look_short(age):
    share = ArrivalCurve.of(arrivals()).share
    for stratum, means in enumerate(((5.0, 12.0), (10.0, 20.0))):
        for label, mean in enumerate(means):
            assert share[label, stratum, age] == pytest.approx(true_share(mean, age), abs=0.025)


def test_the_share_never_falls_with_age_and_ends_at_one():
    share = ArrivalCurve.of(arrivals(3)).share
    assert (np.diff(share, axis=2) >= 0).all()
    assert (share[:, :, -1] == 1).all()
    assert share.min() >= 0.002


@given(st.lists(st.tuples(*(st.integers(0, n) for n in (39, 25, 1, 1, 3))), max_size=60), st.integers(1, 20))
def test_whatever_arrives_the_share_is_a_distribution_function(entries, horizon):
    columns = np.array(entries, np.int64).reshape(-1, 5)
    columns = columns[columns[:, 0] + columns[:, 1] <= 39]
    none = np.zeros(2, np.int64)
    cells = Cells(np.arange(2), none, none, np.full(2, 0.3))
    parts = (*(columns[:, i] for i in range(4)), columns[:, 4].astype(float))
    curve = ArrivalCurve.of(Arrivals(cells, np.full((40, 2), 30.0), *parts, today=39, horizon=horizon))
    assert ((curve.share >= 0.002) & (curve.share <= 1)).all()
    assert (np.diff(curve.share, axis=2) >= -1e-12).all()
    assert (curve.share[:, :, -1] == 1).all()
    assert np.isfinite(curve.drawn).all()
    assert 1 <= curve.overdispersion <= 10


def test_a_stratum_without_labels_takes_the_delays_of_all():
    found = arrivals(4)
    only = found.cell == 0
    parts = [getattr(found, name)[only] for name in ("day", "age", "label", "cell", "count")]
    curve = ArrivalCurve.of(Arrivals(found.cells, found.predicted, *parts, today=found.today, horizon=found.horizon))
    np.testing.assert_allclose(curve.share[:, 1], curve.share[:, 0], atol=0.02)


def test_silence_that_is_a_label_at_the_horizon_comes_all_at_once():
    found = arrivals(5)
    age = np.where(found.label == 0, HORIZON, found.age)
    kept = found.day + age <= found.today
    parts = [column[kept] for column in (found.day, age, found.label, found.cell, found.count)]
    share = ArrivalCurve.of(Arrivals(found.cells, found.predicted, *parts, today=found.today, horizon=HORIZON)).share
    assert (share[0, :, :HORIZON] == 0.002).all()
    assert (share[0, :, HORIZON] == 1).all()
    assert share[1, 0, 30] == pytest.approx(true_share(12.0, 30), abs=0.03)


def test_only_the_newest_days_count():
    """Labels took three times as long until 130 days ago; the curve of the last 120 does not know it."""
    old, new = arrivals(6, means=((15.0, 36.0), (30.0, 60.0))), arrivals(7)
    early, late = old.day + old.age < 130, new.day + new.age >= 130
    both = [
        np.concatenate([getattr(old, name)[early], getattr(new, name)[late]])
        for name in ("day", "age", "label", "cell", "count")
    ]
    mixed = ArrivalCurve.of(Arrivals(new.cells, new.predicted, *both, today=new.today, horizon=HORIZON), 60).share
    np.testing.assert_allclose(mixed, ArrivalCurve.of(new, 60).share, atol=0.06)


@pytest.mark.parametrize(("bunch", "low", "high"), [(1, 1.0, 1.25), (8, 5.0, 10.0)])
def test_rows_that_come_in_bunches_are_seen_as_overdispersed(bunch, low, high):
    assert low <= ArrivalCurve.of(arrivals(8, bunch=bunch, per_day=160)).overdispersion <= high


def test_the_interval_of_maturity_holds_the_true_share_most_of_the_time():
    held = 0
    for seed in range(40):
        maturity = ArrivalCurve.of(arrivals(seed + 20, means=((8.0, 8.0),), per_day=40)).maturity(10)
        held += maturity.low <= true_share(8.0, 10) <= maturity.high
    assert held >= 34


def test_maturity_is_said_in_words():
    told = str(ArrivalCurve.of(arrivals(means=((8.0, 8.0),))).maturity(10))
    assert told.startswith(("74 % ", "74% ", "75% ", "73% ", "76% "))
    assert "mature after 10 days (" in told


def test_the_age_at_which_a_share_has_come_is_the_first_at_which_it_has():
    curve = ArrivalCurve.of(arrivals())
    age = curve.age_at(0.8)
    assert age is not None
    assert curve.maturity(age).share >= 0.8 > curve.maturity(age - 1).share


def test_labels_taken_back_are_expected_to_be_taken_back_again():
    """5 % of labels are wrong at first, and put right six days later."""
    found = arrivals(9, means=((6.0, 6.0),))
    wrong = np.random.default_rng(1).random(len(found.day)) < 0.05
    fixed = wrong & (found.day + found.age + 6 <= found.today)
    shown = np.where(wrong, 1 - found.label, found.label)
    columns = {
        "day": [found.day, found.day[fixed], found.day[fixed]],
        "age": [found.age, found.age[fixed] + 6, found.age[fixed] + 6],
        "label": [shown, shown[fixed], found.label[fixed]],
        "cell": [found.cell, found.cell[fixed], found.cell[fixed]],
        "count": [found.count, -found.count[fixed], found.count[fixed]],
    }
    parts = (np.concatenate(columns[name]) for name in ("day", "age", "label", "cell", "count"))
    curve = ArrivalCurve.of(Arrivals(found.cells, found.predicted, *parts, today=found.today, horizon=HORIZON))
    assert curve.corrections is not None
    np.testing.assert_allclose(curve.corrections.wrong, 0.05, atol=0.01)
    first = curve.corrections.first(curve.net)
    for age in (0, 3, 10):
        np.testing.assert_allclose(first[:, :, age], true_share(6.0, age), atol=0.03)
    # None is put right in the first six days, and all are in the end.
    np.testing.assert_allclose(curve.corrections.still_wrong(first)[:, :, 5], 0.05 * first[:, :, 5], atol=0.005)
    np.testing.assert_allclose(curve.corrections.still_wrong(first)[:, :, -1], 0, atol=0.002)


def test_days_on_which_no_label_could_come_do_not_make_delays_look_long():
    found = arrivals(11)
    out = found.day + found.age
    held = np.where((out >= 200) & (out < 210), 210, out)
    held_back = replace(found, age=held - found.day)
    np.testing.assert_allclose(ArrivalCurve.of(held_back).share, ArrivalCurve.of(found).share, atol=0.03)


def test_an_outage_that_still_lasts_is_seen_but_not_a_weekend():
    found = arrivals(12)
    out = found.day + found.age
    parts = [getattr(found, name)[out < 255] for name in ("day", "age", "label", "cell", "count")]
    stopped = Arrivals(found.cells, found.predicted, *parts, today=found.today, horizon=HORIZON)
    assert ArrivalCurve.of(stopped).last_live == 254
    # Nothing on two days of seven: what would have come then comes on the third.
    weekend = np.where(out % 7 == 2, out + 2, np.where(out % 7 == 3, out + 1, out))
    late = weekend <= found.today
    parts = [getattr(found, name)[late] for name in ("day", "label", "cell", "count")]
    weekly = replace(
        found, day=parts[0], age=(weekend - found.day)[late], label=parts[1], cell=parts[2], count=parts[3]
    )
    assert not len(Outages.of(weekly).distorted)


@pytest.mark.parametrize(("horizon", "newest"), [(30, 120), (90, 120), (300, 150), (365, 180), (700, 180)])
def test_long_delays_are_read_off_more_days(horizon, newest):
    assert diagonals_for(horizon) == newest
