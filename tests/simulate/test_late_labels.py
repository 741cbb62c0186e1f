"""Four worlds of late labels: the same rows for the same seed, delays of the declared shape, faults that stay apart."""

from datetime import UTC, date, timedelta

import numpy as np
import pandas as pd
import pytest

from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.simulate.label_delays import WORLDS, WorldKind
from airflow_ml_monitor.simulate.late_labels import Concept, LabelFaults, LateLabels, Outage, Slowdown

START = date(2026, 1, 1)
ALL = tuple(WorldKind)


def world(kind=WorldKind.REVIEW, *, days=60, seed=3, **faults):
    return LateLabels(kind, seed, START, days=days, faults=LabelFaults(**faults))


def all_rows(of):
    return of.rows(0, of.days - 1)


@pytest.mark.parametrize("kind", ALL)
def test_a_day_is_the_same_whatever_was_asked_for_and_however_long_the_world_is(kind):
    pd.testing.assert_frame_equal(world(kind).predictions(7), world(kind, days=8).predictions(7))
    one, other = world(kind).rows(5, 9), world(kind).rows(8, 8)
    assert np.array_equal(one.known[one.day == 8], other.known)
    assert not np.array_equal(world(kind).rows(8, 8).score[:50], world(kind, seed=4).rows(8, 8).score[:50])


@pytest.mark.parametrize("kind", ALL)
def test_scores_are_calibrated_until_the_concept_changes_and_not_after(kind):
    rows = all_rows(world(kind, concept=Concept(30)))
    for part, is_right in ((rows.day < 30, True), (rows.day >= 30, False)):
        score = rows.score[part]
        # Standard errors of the sum of labels that the scores promise.
        z = (rows.label[part].sum() - score.sum()) / np.sqrt((score * (1 - score)).sum())
        assert bool(abs(z) < 3) is is_right


@pytest.mark.parametrize("kind", ALL)
def test_a_fault_changes_neither_rows_nor_labels_that_it_does_not_touch(kind):
    sound = all_rows(world(kind))
    late = all_rows(world(kind, slowdown=Slowdown(30, 1.5), outage=Outage(40), corrected=0.02))
    assert np.array_equal(sound.label, late.label)
    assert np.array_equal(sound.score, late.score)
    before = (sound.known < 30) & (sound.first_label == late.first_label)
    assert np.array_equal(sound.known[before], late.known[before])


@pytest.mark.parametrize("kind", ALL)
def test_no_label_takes_longer_than_the_horizon(kind):
    rows = all_rows(world(kind))
    assert rows.delay.min() >= 0
    assert rows.delay.max() <= WORLDS[kind].horizon + 1e-9


def test_the_four_worlds_are_late_in_the_four_ways_they_are_named_for():
    review, fraud, churn, loan = (all_rows(world(kind, days=100)) for kind in ALL)
    low, high = (np.median(review.delay[review.prediction == p]) for p in (0, 1))
    assert high > 1.5 * low
    assert np.median(fraud.delay[fraud.label == 1]) == pytest.approx(9, rel=0.1)
    assert fraud.delay[fraud.label == 0].min() >= 40
    assert fraud.delay[fraud.label == 0].max() <= 60
    assert np.allclose(churn.delay[churn.label == 0], 60)
    # Even over sixty days: a quarter in each fifteen.
    shares = np.histogram(churn.delay[churn.label == 1], [0, 15, 30, 45, 60])[0] / (churn.label == 1).sum()
    assert shares == pytest.approx([0.25] * 4, abs=0.03)
    assert loan.delay[loan.label == 1].min() >= 30
    assert (loan.delay[loan.label == 0] < 14).mean() > 0.2


@pytest.mark.parametrize("kind", ALL)
def test_strata_differ_in_their_delay(kind):
    rows = all_rows(world(kind, days=100))
    of = 0 if kind is WorldKind.LOAN else 1
    middles = [np.median(rows.delay[(rows.label == of) & (rows.stratum == s)]) for s in np.unique(rows.stratum)]
    assert len(middles) == len(WORLDS[kind].shares)
    assert max(middles) > 1.1 * min(middles)


def test_a_slower_flow_stretches_what_is_awaited_from_its_day_on_and_nothing_known_before():
    sound, slow = (all_rows(world(slowdown=given)) for given in (None, Slowdown(30, 1.5)))
    awaited = (sound.day < 30) & (sound.known > 30)
    assert np.allclose(slow.known[awaited] - 30, 1.5 * (sound.known[awaited] - 30))
    assert np.array_equal(slow.known[sound.known <= 30], sound.known[sound.known <= 30])
    later = sound.day >= 30
    assert np.allclose(slow.delay[later], 1.5 * sound.delay[later])


def test_a_slowdown_of_new_rows_alone_leaves_the_pending_ones_alone():
    given = Slowdown(30, 1.5, labels=(1,), is_pending_slowed=False)
    sound, slow = all_rows(world()), all_rows(world(slowdown=given))
    untouched = (sound.day < 30) | (sound.label == 0)
    assert np.array_equal(slow.known[untouched], sound.known[untouched])
    assert np.allclose(slow.delay[~untouched], 1.5 * sound.delay[~untouched])


def test_silence_is_not_slowed_and_a_late_event_is_put_right_when_it_comes():
    rows = all_rows(world(WorldKind.CHURN, slowdown=Slowdown(0, 1.5)))
    assert np.allclose(rows.delay[rows.label == 0], 60)
    late = (rows.label == 1) & (rows.first_label == 0)
    assert late.sum() > 500
    assert np.allclose(rows.delay[late], 60)
    assert (rows.corrected[late] > rows.known[late]).all()


def test_an_outage_holds_labels_back_and_brings_them_all_at_once():
    sound, out = all_rows(world()), all_rows(world(outage=Outage(30, 10)))
    held = (sound.known >= 30) & (sound.known < 40)
    assert held.sum() > 2000
    assert not ((out.known >= 30) & (out.known < 40)).any()
    assert set(out.known[held]) == {40.25}
    assert np.array_equal(out.known[~held], sound.known[~held])


def test_two_labels_in_a_hundred_are_first_wrong_and_put_right_later():
    rows = all_rows(world(corrected=0.02))
    wrong = rows.first_label != rows.label
    assert wrong.mean() == pytest.approx(0.02, abs=0.003)
    assert np.array_equal(wrong, ~np.isnan(rows.corrected))
    assert (rows.corrected[wrong] > rows.known[wrong]).all()


def test_labels_arrive_once_in_order_and_end_at_the_truth():
    of = world(days=20, corrected=0.05)
    end = of.midnight(20 + 400)
    labels = of.labels(of.midnight(0), end)
    assert labels["known_at"].is_monotonic_increasing
    days = [of.labels(of.midnight(day), of.midnight(day + 12)) for day in range(0, 420, 12)]
    pd.testing.assert_frame_equal(pd.concat(days, ignore_index=True), labels)
    last = labels.drop_duplicates("row_id", keep="last").set_index("row_id")["label"]
    rows = all_rows(of)
    predicted = pd.concat([of.predictions(day) for day in range(20)])
    assert predicted["row_id"].is_unique
    assert np.array_equal(last.loc[predicted["row_id"]].to_numpy(), rows.label)


def test_predictions_lie_within_their_day_and_follow_from_the_threshold():
    of = world()
    frame = of.predictions(4)
    begin = pd.Timestamp(2026, 1, 5, tz=UTC)
    assert frame["scored_at"].between(begin, begin + timedelta(days=1), inclusive="left").all()
    assert ((frame["score"] >= of.threshold) == (frame["prediction"] == 1)).all()


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"days": 0}, "days: 0 is too small"),
        ({"seed": -1}, "seed: -1 is too small"),
        ({"corrected": 0.5}, "faults.corrected: 0.5 is no share"),
        ({"outage": Outage(3, 0)}, "faults.outage.days: 0 is too small"),
        ({"slowdown": Slowdown(3, 0.0)}, "faults.slowdown.factor: 0.0 is not positive"),
    ],
)
def test_a_number_out_of_range_is_refused_by_name(given, named):
    with pytest.raises(SpecError, match=named):
        world(**given)


def test_days_outside_the_world_are_refused():
    with pytest.raises(SpecError, match="5 to 60 are no days of this world; it has 0 to 59"):
        world().rows(5, 60)
