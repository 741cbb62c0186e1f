"""The two-stage nowcast on worlds whose final labels are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from airflow_ml_monitor.errors import Immature, TooFew
from airflow_ml_monitor.estimation.states import States
from airflow_ml_monitor.estimation.two_stage import TwoStage, nowcast
from airflow_ml_monitor.profile.labelled_view import ScoredCells
from airflow_ml_monitor.truth.curve import ArrivalCurve

FIRST, LAST = 230, 236


def base_rate(cells: ScoredCells) -> np.ndarray:
    return cells.positives.sum(axis=-1) / cells.rows.sum(axis=-1)


def accuracy(cells: ScoredCells) -> np.ndarray:
    tp, fp, fn, tn = cells.confusion
    return (tp + tn) / (tp + fp + fn + tn)


def test_a_window_whose_labels_are_all_in_is_what_it_is(world):
    rows = world(1)
    expected = nowcast(rows.arrivals(LAST + 60), FIRST, LAST)
    truth = rows.truth(FIRST, LAST)
    np.testing.assert_array_equal(expected.cells.positives, truth.positives)
    np.testing.assert_array_equal(expected.cells.negatives, truth.negatives)
    assert np.ptp(expected.final.positives, axis=0).max() == 0
    assert np.ptp(expected.final.negatives, axis=0).max() == 0


def test_the_spread_of_the_model_is_a_poisson_bootstrap_when_all_labels_are_in(world):
    rows = world(1)
    expected = TwoStage.of(rows.arrivals(LAST + 60), draws=200).nowcast(FIRST, LAST).expected
    n, p = float(expected.cells.rows.sum()), float(base_rate(expected.cells))
    spread = float(base_rate(expected.model).std())
    assert spread == pytest.approx(np.sqrt(p * (1 - p) / n), rel=0.2)


@pytest.mark.parametrize("shift", [0.0, 0.6, -0.6])
def test_early_labels_do_not_mislead_even_where_the_relation_to_the_score_has_changed(world, shift):
    errors = []
    for seed in range(12):
        rows = world(seed, shift=shift, since=FIRST)
        expected = TwoStage.of(rows.arrivals(LAST + 7)).nowcast(FIRST, LAST).expected
        truth = rows.truth(FIRST, LAST)
        errors.append(
            [float(formula(expected.cells) - formula(truth)) for formula in (base_rate, accuracy)],
        )
    mean, spread = np.mean(errors, axis=0), np.std(errors, axis=0) / np.sqrt(len(errors))
    assert (np.abs(mean) < 0.006 + 2 * spread).all()
    assert (np.abs(errors) < 0.06).all()


def test_intervals_hold_the_final_value_about_as_often_as_they_say(world):
    held = []
    for seed in range(24):
        rows = world(seed + 100, shift=0.4, since=FIRST)
        expected = TwoStage.of(rows.arrivals(LAST + 5)).nowcast(FIRST, LAST).expected
        low, high = np.quantile(base_rate(expected.final), [0.025, 0.975])
        held.append(low <= base_rate(rows.truth(FIRST, LAST)) <= high)
    assert np.mean(held) >= 0.83


def test_every_row_is_counted_once(world):
    rows = world(3)
    expected = TwoStage.of(rows.arrivals(LAST + 3)).nowcast(FIRST, LAST).expected
    truth = rows.truth(FIRST, LAST)
    np.testing.assert_allclose(expected.cells.rows, truth.rows)
    np.testing.assert_array_equal(expected.final.rows, np.broadcast_to(truth.rows, expected.final.rows.shape))
    assert (expected.final.positives >= 0).all()
    assert (expected.final.negatives >= 0).all()


def test_what_has_arrived_is_never_taken_back(world):
    rows = world(3)
    arrivals = rows.arrivals(LAST + 10)
    expected = TwoStage.of(arrivals).nowcast(FIRST, LAST).expected
    order = np.argsort(rows.cells.bucket, kind="stable")
    arrived = arrivals.arrived()[FIRST : LAST + 1].sum(axis=0)[:, order]
    assert (expected.final.negatives >= arrived[0]).all()
    assert (expected.final.positives >= arrived[1]).all()


def test_the_same_question_has_the_same_answer(world):
    arrivals = world(3).arrivals(LAST + 3)
    one, other = (TwoStage.of(arrivals).nowcast(FIRST, LAST).expected for _ in range(2))
    np.testing.assert_array_equal(one.final.positives, other.final.positives)
    np.testing.assert_array_equal(one.model.negatives, other.model.negatives)


def test_one_window_s_answer_does_not_depend_on_which_were_asked_before(world):
    arrivals = world(3).arrivals(LAST + 3)
    fresh, used = TwoStage.of(arrivals), TwoStage.of(arrivals)
    used.nowcast(FIRST - 7, FIRST - 1)
    np.testing.assert_array_equal(
        used.nowcast(FIRST, LAST).expected.final.positives, fresh.nowcast(FIRST, LAST).expected.final.positives
    )


def test_labels_that_will_be_put_right_are_expected_to_be(world):
    errors, as_shown = [], []
    for seed in range(10):
        rows = world(seed, wrong=0.06)
        arrivals = rows.arrivals(LAST + 12)
        expected = TwoStage.of(arrivals).nowcast(FIRST, LAST).expected
        never = replace(arrivals, **_without_corrections(arrivals))
        naive = TwoStage.of(never).nowcast(FIRST, LAST).expected
        truth = float(accuracy(rows.truth(FIRST, LAST)))
        errors.append(float(accuracy(expected.cells)) - truth)
        as_shown.append(float(accuracy(naive.cells)) - truth)
    assert abs(np.mean(errors)) < 0.006
    assert abs(np.mean(as_shown)) > 2 * abs(np.mean(errors))


def _without_corrections(arrivals):
    first = np.flatnonzero(arrivals.count > 0)
    return {name: getattr(arrivals, name)[first] for name in ("day", "age", "label", "cell", "count")}


def test_predictions_that_never_get_a_label_are_not_awaited(world):
    rows = world(5)
    lost = np.random.default_rng(0).random(len(rows.day)) < 0.2
    rows = replace(rows, known=np.where(lost, -1, rows.known))
    expected = TwoStage.of(rows.arrivals(LAST + 14)).nowcast(FIRST, LAST).expected
    labelled = float(((rows.day >= FIRST) & (rows.day <= LAST) & ~lost).sum())
    assert float(expected.cells.rows.sum()) == pytest.approx(labelled, rel=0.03)


def test_the_curve_may_be_of_more_strata_than_a_version_has(world):
    rows = world(6)
    first_stratum = _only(rows, rows.cell < len(rows.cells.bucket) // 2)
    kept = rows.cells.stratum == 0
    cells = replace(
        rows.cells, **{name: getattr(rows.cells, name)[kept] for name in ("stratum", "bucket", "prediction", "score")}
    )
    every, version = rows.arrivals(LAST + 7), replace(first_stratum, cells=cells).arrivals(LAST + 7)
    stage = TwoStage(States(version, ArrivalCurve.of(every)), None, 100, 0)
    expected = stage.nowcast(FIRST, LAST).expected
    truth = float(base_rate(replace(first_stratum, cells=cells).truth(FIRST, LAST)))
    assert float(base_rate(expected.cells)) == pytest.approx(truth, abs=0.05)


def test_too_short_a_history_is_refused_with_the_day_on_which_it_is_long_enough(world):
    stage = TwoStage.of(world(3).arrivals(30))
    with pytest.raises(Immature, match="followed for 30 days"):
        stage.nowcast(20, 26)
    refused = stage.refusal(20, 26)
    assert refused is not None
    assert refused.known_on == 48


def test_a_class_that_cannot_have_come_is_refused_until_it_can(world):
    """Positives take at least 25 days here, and of the negatives too few have come to count them by what is missing."""
    rows = world(7)
    slow = replace(rows, known=rows.day + np.where(rows.label == 1, 25 + (rows.known - rows.day) // 2, 20))
    stage = TwoStage.of(slow.arrivals(LAST + 7))
    with pytest.raises(Immature, match="too early"):
        stage.nowcast(FIRST, LAST)
    known_on = stage.refusal(FIRST, LAST).known_on
    assert LAST + 7 < known_on <= LAST + 30
    assert TwoStage.of(slow.arrivals(known_on)).refusal(FIRST, LAST) is None


def test_without_any_label_nothing_is_said(world):
    arrivals = world(3).arrivals(LAST + 7)
    nothing = {name: getattr(arrivals, name)[:0] for name in ("day", "age", "label", "cell", "count")}
    with pytest.raises(Immature, match="0 labels"):
        TwoStage.of(replace(arrivals, **nothing)).nowcast(FIRST, LAST)


def test_an_outage_is_neither_a_lack_of_positives_nor_of_negatives(world):
    """No label since the window's end. The estimate is that of the day before, and a younger window's is refused."""
    rows = world(8)
    held = replace(rows, known=np.where(rows.known > LAST + 3, LAST + 13, rows.known))
    during, before = (TwoStage.of(held.arrivals(day)) for day in (LAST + 11, LAST + 3))
    early, late = (float(base_rate(stage.nowcast(FIRST, LAST).expected.cells)) for stage in (before, during))
    assert late == pytest.approx(early, abs=0.01)
    with pytest.raises(Immature, match="none came at all in the last 8 days"):
        during.nowcast(LAST + 1, LAST + 7)


def test_a_window_without_predictions_has_too_few(world):
    rows = world(3)
    gone = (rows.day >= FIRST) & (rows.day <= LAST)
    parts = {name: getattr(rows, name)[~gone] for name in ("day", "cell", "label", "known", "put_right")}
    with pytest.raises(TooFew):
        TwoStage.of(replace(rows, **parts).arrivals(LAST + 7)).nowcast(FIRST, LAST)


def test_without_older_predictions_the_reference_tells_how_score_and_label_are_related(world):
    """The score is a stranger's here: its logit is off by 2, which only the labels of the reference show."""
    rows = world(3)
    off = replace(rows, cells=replace(rows.cells, score=1 / (1 + np.exp(2) * (1 / rows.cells.score - 1))))
    recent = rows.day >= 180
    parts = {name: getattr(off, name)[recent] for name in ("cell", "label", "known", "put_right")}
    young = replace(off, day=rows.day[recent] - 180, **parts)
    young = replace(young, known=young.known - 180)
    reference = np.stack([np.bincount(off.cell[off.label == y], minlength=len(off.cells.bucket)) for y in (0, 1)])
    arrivals = young.arrivals(50)
    truth = float(base_rate(young.truth(45, 50)))
    with_it = TwoStage.of(arrivals, reference.astype(float)).nowcast(45, 50).expected
    assert float(base_rate(with_it.cells)) == pytest.approx(truth, abs=0.06)


def test_a_slice_departs_from_the_whole_as_its_own_labels_say(world):
    """In one part of the window the relation has changed; the whole hides it, its own early labels show it."""
    rows = world(4)
    rng = np.random.default_rng(2)
    part = rng.random(len(rows.day)) < 0.3
    inside = (rows.day >= FIRST) & (rows.day <= LAST)
    flipped = part & inside & (rng.random(len(rows.day)) < 0.3)
    rows = replace(rows, label=np.where(flipped, 1, rows.label))
    today = LAST + 10
    stage = TwoStage.of(rows.arrivals(today))
    mine = _only(rows, part)
    arrivals = mine.arrivals(today)
    days = slice(FIRST, LAST + 1)
    found = stage.of_slice(
        FIRST, LAST, stage.nowcast(FIRST, LAST), arrivals.predicted[days], arrivals.arrived()[days]
    ).expected
    truth = float(base_rate(mine.truth(FIRST, LAST)))
    low, high = np.quantile(base_rate(found.final), [0.005, 0.995])
    assert low <= truth <= high
    assert float(base_rate(found.cells)) > float(base_rate(stage.nowcast(FIRST, LAST).expected.cells)) + 0.05


def _only(rows, pick):
    parts = {name: getattr(rows, name)[pick] for name in ("day", "cell", "label", "known", "put_right")}
    return replace(rows, **parts)
