"""The watch on the delay: what slows, speeds up or stops is told; what does not, is left in peace."""

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binom, kstest

from airflow_ml_monitor.simulate.label_delays import WorldKind
from airflow_ml_monitor.simulate.late_labels import Concept, LabelFaults, Outage, Slowdown
from airflow_ml_monitor.truth.arrivals import Arrivals, Cells
from airflow_ml_monitor.truth.delay_watch import Flow, watch_delay
from airflow_ml_monitor.truth.diagonals import diagonals_of, silence_of
from airflow_ml_monitor.truth.slowdown import Scope, curve_of, tilt

ALL = tuple(WorldKind)
BEGIN = 250


def _worlds():
    path = Path(__file__).parents[1] / "benchmarks" / "late" / "worlds.py"
    spec = importlib.util.spec_from_file_location("late_worlds", path)
    module = importlib.util.module_from_spec(spec)
    # A dataclass looks its module up by name.
    sys.modules["late_worlds"] = module
    spec.loader.exec_module(module)
    return module


def arrivals(kind, today, *, seed=5, **faults):
    """What is known of a simulated world at the end of a day."""
    return _worlds().watched(kind, seed, today + 1, LabelFaults(**faults)).arrivals(today)


def counted(counts, *, today=None):
    """Arrivals of one cell from labels of class 1 by day and age, (T, U); class 0 has none."""
    day, age = np.nonzero(counts)
    cells = Cells(*(np.zeros(1, np.int64) for _ in range(3)), np.array([0.5]))
    rows = counts.sum(axis=1, keepdims=True).astype(float)
    none = np.zeros(len(day), np.int64)
    last = len(counts) - 1 if today is None else today
    pick = day + age <= last
    entries = (part[pick] for part in (day, age, none + 1, none, counts[day, age].astype(float)))
    return Arrivals(cells, rows, *entries, today=last, horizon=counts.shape[1])


def poisson(days, mean, seed=1):
    """Labels by day and age, Poisson with the given means by age; a row per day."""
    return np.random.default_rng(seed).poisson(np.broadcast_to(mean, (days, len(mean))))


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("factor", [1.2, 0.75])
def test_a_change_of_pace_is_noticed_within_a_fortnight_and_measured(kind, factor):
    watch = watch_delay(arrivals(kind, BEGIN + 13, slowdown=Slowdown(BEGIN, factor)))
    assert watch.is_flagged
    assert watch.flow is (Flow.SLOWER if factor > 1 else Flow.FASTER)
    assert watch.likelihood.best == pytest.approx(factor, rel=0.12)
    assert abs(watch.since - BEGIN) <= 7
    assert "times as long" in watch.words
    assert watch.likelihood.scope is Scope.AWAITED


@pytest.mark.parametrize("kind", ALL)
def test_a_steady_flow_is_left_in_peace_while_the_relation_of_score_and_label_changes(kind):
    known = arrivals(kind, BEGIN + 40, concept=Concept(BEGIN))
    watches = [watch_delay(known.as_of(day)) for day in range(BEGIN, BEGIN + 41, 20)]
    assert [watch.flow for watch in watches] == [Flow.STEADY] * 3
    assert watches[0].words == "labels come as fast as they used to"
    assert watches[0].likelihood is None
    assert watches[0].since is None


@pytest.mark.parametrize("kind", ALL)
def test_labels_that_stop_are_told_apart_from_slow_ones_and_leave_no_flag_behind(kind):
    known = arrivals(kind, BEGIN + 30, outage=Outage(BEGIN, 10))
    during = watch_delay(known.as_of(BEGIN + 5))
    assert during.flow is Flow.STOPPED
    assert during.words.startswith("no labels arrived for 6 days; about ")
    assert (during.since, during.complete_until) == (BEGIN, BEGIN - 1)
    after = watch_delay(known.as_of(BEGIN + 25))
    assert after.flow is Flow.STEADY
    assert after.silence.left_out == tuple(range(BEGIN, BEGIN + 11))


def test_corrections_of_two_labels_in_a_hundred_are_no_change_of_pace():
    for kind in ALL:
        assert watch_delay(arrivals(kind, BEGIN, corrected=0.02)).flow is Flow.STEADY


def test_another_base_rate_or_volume_changes_nothing_that_the_watch_looks_at():
    mean = 40 * 0.9 ** np.arange(30)
    known = counted(poisson(260, mean))
    doubled = poisson(260, mean)
    doubled[200:] += poisson(60, mean, seed=2)
    assert watch_delay(known).flow is Flow.STEADY
    assert watch_delay(counted(doubled)).flow is Flow.STEADY


def test_z_is_standard_normal_when_nothing_changes():
    # 80 independent histories: Kolmogorov and Smirnov would tell a mean of ±0.3, or a spread of 0.6 or 1.5.
    mean = np.r_[6.0, 15 * 0.9 ** np.arange(1, 25)]
    zs = []
    for seed in range(80):
        watch = watch_delay(counted(poisson(220, mean, seed=seed)))
        found = next(s for s in watch.signals if s.days == 14 and s.labels == (1,) and s.scope is Scope.AWAITED)
        zs.append(found.z * found.scatter)
    assert kstest(zs, "norm").pvalue > 0.01
    assert np.std(zs) == pytest.approx(1, abs=0.25)


def test_a_history_that_always_scattered_raises_its_own_limit():
    # Whole days of labels come in groups: twenty times the variance of chance, and no change.
    rng = np.random.default_rng(3)
    mean = 20 * 0.92 ** np.arange(40)
    quiet, grouped = 0, 0
    for seed in range(6):
        counts = 20 * rng.poisson(np.broadcast_to(mean / 20, (300, 40)))
        watch = watch_delay(counted(counts))
        quiet += not watch.is_flagged
        grouped += max(signal.scatter for signal in watch.signals) > 2
        assert max(signal.limit for signal in watch.signals) > 4, seed
    assert (quiet, grouped) == (6, 6)


def test_a_desk_closed_on_weekends_is_not_silent_but_a_week_without_labels_is():
    counts = poisson(260, 30 * 0.8 ** np.arange(20))
    day, age = np.indices(counts.shape)
    on = (day + age) % 7
    counts[(on == 5) | (on == 6)] = 0
    for today in (249, 250, 251, 252):
        assert silence_of(counted(counts, today=today)).lasting == 0
    # The last label comes on day 249, a Friday; 250 and 251 are a weekend.
    counts[day + age > 249] = 0
    assert silence_of(counted(counts, today=257)).lasting == 8


def test_labels_that_come_weekly_are_not_silent_between():
    counts = poisson(260, 30 * 0.8 ** np.arange(20))
    day, age = np.indices(counts.shape)
    counts[(day + age) % 7 != 3] = 0
    for today in range(240, 254):
        silence = silence_of(counted(counts, today=today))
        assert (silence.lasting, silence.left_out) == (0, ()), today


def test_labels_that_dry_up_after_the_last_prediction_are_not_silence():
    known = counted(poisson(200, 30 * 0.8 ** np.arange(20)), today=260)
    assert silence_of(known).lasting == 0
    assert silence_of(replace(known, predicted=np.full((261, 1), 150.0))).lasting > 30


def test_too_little_history_is_said_and_is_no_flag():
    watch = watch_delay(counted(poisson(50, 30 * 0.8 ** np.arange(20))))
    assert watch.flow is Flow.UNKNOWN
    assert not watch.is_flagged
    assert watch.words.startswith("too few labels so far")
    assert (watch.strongest, watch.ratio, watch.z(1)) == (None, None, None)


def test_no_label_at_all_is_unknown_and_not_an_error():
    empty = counted(np.zeros((120, 10), np.int64))
    assert watch_delay(replace(empty, predicted=empty.predicted + 5)).flow is Flow.UNKNOWN


def test_what_came_and_what_was_expected_are_counts_of_the_span():
    # Slowed to a half for a week: half of what was expected came at ages that the change reaches.
    known = counted(_slowed(poisson(300, np.full(40, 12.0)), 293))
    watch = watch_delay(known)
    week = next(s for s in watch.signals if (s.days, s.labels, s.scope) == (7, (1,), Scope.AWAITED))
    assert week.actual / week.expected == pytest.approx(0.55, abs=0.1)
    assert watch.ratio == watch.strongest.actual / watch.strongest.expected
    assert watch.z(1) == max((s.z for s in watch.signals if s.labels == (1,)), key=abs)


def _slowed(counts, begin):
    """Every second label that would have come from a calendar day on is still awaited."""
    day, age = np.indices(counts.shape)
    late = day + age >= begin
    return np.where(late, binom.rvs(counts, 0.5, random_state=4), counts)


def test_the_tables_hold_every_label_on_its_calendar_day_and_age():
    known = arrivals(WorldKind.REVIEW, 120, corrected=0.05)
    tables = diagonals_of(known, 121)
    assert sum(table.events.sum() for table in tables) == known.count.sum()
    assert sum(table.gross.sum() for table in tables) == np.abs(known.count).sum()
    for label in (0, 1):
        of = sum(table.events for table in tables if table.label == label)
        pick = (known.label == label) & (known.day + known.age == 100) & (known.age == 7)
        assert of[100, 7] == known.count[pick].sum()
        came = sum(table.came for table in tables if table.label == label)
        pick = (known.label == label) & (known.day == 93) & (known.age <= 7)
        assert came[100, 7] == known.count[pick].sum()
    left_out = diagonals_of(known, 121, (100,))
    assert sum(table.gross[100].sum() for table in left_out) == 0


def test_the_curve_is_the_share_that_has_come_and_rises():
    events = np.array([10.0, 20, 30, 0, 40])
    came = np.cumsum(events) * 3
    curve = curve_of(events * 3, came)
    assert curve == pytest.approx([0, 0.1, 0.3, 0.6, 0.6, 1.0], abs=0.02)
    assert (np.diff(curve) >= 0).all()


def test_a_slower_flow_tilts_an_even_one_as_worked_by_hand():
    # Even over 60 days, doubled, on the first day after the change, for a prediction that was 29 days old: 30/60 had
    # come, half a day's worth comes: hazard 0.5/30.5 where 1/31 is usual.
    even = np.arange(61) / 60
    found = tilt(even, 1, 2.0, Scope.AWAITED)[0, 30]
    logit = [np.log(h / (1 - h)) for h in (0.5 / 30.5, 1 / 31)]
    assert found == pytest.approx(logit[0] - logit[1], abs=1e-9)
    assert tilt(even, 5, 2.0, Scope.NEW)[:, 5:].tolist() == np.zeros((5, 55)).tolist()
