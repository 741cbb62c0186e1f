"""Real bookings with late labels, through the operators in real runs: the numbers are those of the rows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from airflow_ml_monitor.measurement import Family

HOTEL = Path(__file__).with_name("hotel")
BOOKINGS = Path(__file__).resolve().parents[3] / "shared" / "data" / "hotel_bookings.parquet"
WEEKS, STEP = 3, 42
"""Weeks that are scored, and how many lie between two looks at late labels; the benchmark has 64, and looks weekly."""
WORST = 0.002
"""The score's buckets tie what rows tell apart."""
TIED = pd.Timestamp("2016-11-14")
"""The week in which 1,024 equal buckets tie most: known after a Monday, its AUC is off by 2.25e-3 with them."""


@pytest.fixture(scope="module")
def hotel(airflow_db: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A season run every Monday, and the same in one sitting at the end, the newest window first."""
    if not BOOKINGS.exists():
        pytest.skip("the hotel bookings are not there: ../shared/data/hotel_bookings.parquet, beside the project")
    folder = tmp_path_factory.mktemp("hotel")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(HOTEL)
        import hotel_estimates
        import hotel_season
        import hotel_world

        patch.setenv(hotel_season.CONNECTION, hotel_season.connection_to(folder))
        world = hotel_world.build_world(BOOKINGS, folder)
        season = hotel_season.Season.of(hotel_world.FIRST_MONDAY, WEEKS, pd.Timestamp("2017-09-18"), STEP)
        with hotel_season.driven(folder, contract=False) as driver:
            for monday in season.mondays:
                window = season.window_of(monday)
                if window.end == monday:
                    world.land(hotel_season.naive(window.start))
                hotel_season.run(driver, "hotel_weekly", window, monday)
            for window in reversed(season.windows):
                hotel_season.run(driver, "hotel_at_once", window, season.end)
        weekly, at_once = (hotel_season.Kept.of(folder, name) for name in ("default", "at_once"))
        truth = hotel_season.recomputed_apart(BOOKINGS, folder, season.end)
        modules = {"runs": hotel_season, "estimates": hotel_estimates}
        yield SimpleNamespace(**modules, season=season, world=world, weekly=weekly, at_once=at_once, truth=truth)
        weekly.store.dispose()
        at_once.store.dispose()


def test_the_model_and_its_reference_know_nothing_of_what_came_after_and_share_no_day(hotel):
    table = pd.read_parquet(BOOKINGS, columns=["prediction_time", "label_time"])
    trained, held_out = table.loc[hotel.world.trained_on], table.loc[hotel.world.held_out]
    assert max(trained.label_time.max(), held_out.label_time.max()) <= pd.Timestamp("2016-03-01")
    assert max(trained.prediction_time.max(), held_out.prediction_time.max()) < pd.Timestamp("2016-03-01")
    assert not set(trained.prediction_time) & set(held_out.prediction_time)
    assert hotel.world.scored.booked_at.min() >= pd.Timestamp("2016-03-07")


@pytest.mark.parametrize("kept", ["weekly", "at_once"])
def test_labels_at_hand_on_any_monday_come_to_what_the_rows_labelled_by_then_do(hotel, kept):
    starts = {hotel.runs.naive(window.start): window for window in hotel.season.windows}
    assert set(hotel.truth.index.get_level_values("window")) == set(starts)
    # Every fourth pair, for time; the benchmark takes each.
    for (start, known_at), row in hotel.truth.iloc[::4].iterrows():
        auc, labels = getattr(hotel, kept).by_ledger(starts[start], hotel.runs.aware(known_at))
        assert labels == row.labelled
        assert auc == pytest.approx(row.roc_auc, abs=WORST)


def test_auc_is_that_of_the_rows_where_ties_of_scores_matter_most(hotel, tmp_path):
    window = hotel.runs.WEEKS.containing(hotel.runs.aware(TIED))
    kept = hotel.runs.measured_alone(hotel.world, tmp_path, window, window.end)
    [row] = hotel.runs.recomputed_apart(BOOKINGS, tmp_path, window.end).itertuples()
    auc, labels = kept.by_ledger(window, window.end)
    kept.store.dispose()
    assert labels == row.labelled == 221
    assert auc == pytest.approx(row.roc_auc, abs=WORST)


@pytest.mark.parametrize("metric", ["roc_auc", "accuracy", "label_rate"])
def test_history_holds_what_each_monday_knew(hotel, metric):
    for known_at in hotel.season.mondays:
        stored = hotel.weekly.by_history(known_at, metric)
        over = [window for window in hotel.season.windows if window.end <= known_at]
        assert list(stored.index) == [window.start for window in over]
        for window, row in zip(over, stored.itertuples(), strict=True):
            expected = hotel.truth.loc[(hotel.runs.naive(window.start), hotel.runs.naive(known_at))]
            # Only the order of scores is coarser than in the rows.
            assert row.value == pytest.approx(expected[metric], abs=WORST if metric == "roc_auc" else 1e-12)
            assert row.coverage == pytest.approx(expected.labelled / expected.predicted)


def test_nothing_stands_under_the_metrics_own_name_but_what_all_labels_say_or_an_estimate_said_to_be_one(hotel):
    for known_at in hotel.season.mondays:
        said = hotel.weekly.said(known_at, "roc_auc", "accuracy")
        own = said[said.metric.isin(["roc_auc", "accuracy"])]
        assert len(own) == 2 * sum(window.end <= known_at for window in hotel.season.windows)
        for row in own.itertuples():
            assert row.is_final == (known_at >= row.window_end + pd.Timedelta(days=365))
            if row.is_final:
                assert (row.status, row.reason) == ("ok", "")
            elif row.status == "ok":
                assert row.reason == f"estimated from labels of {row.coverage:.0%}"
            else:
                assert row.status == "immature"
                assert pd.isna(row.value)
                assert row.reason.startswith(f"labels of {row.coverage:.0%} of ")


def test_after_one_week_it_is_said_when_there_may_be_an_estimate_and_then_there_is_one(hotel):
    first = hotel.season.windows[0]
    begun = hotel.weekly.said(first.end, "label_rate").set_index("metric").loc["label_rate"]
    assert "not estimated: predictions have been followed for 6 days" in begun.reason
    assert begun.reason.endswith("about 2016-12-25 it may be estimated")
    early = hotel.estimates.awaited(hotel.season, hotel.weekly, hotel.truth)
    later = early[early.known_at == hotel.runs.naive(hotel.season.mondays[WEEKS])]
    assert len(later) == len(hotel.estimates.METRICS) * WEEKS
    assert later.known_at.min() > pd.Timestamp("2016-12-25")
    assert later[["estimate", "low", "high", "naive"]].notna().all(axis=None)
    assert early[early.known_at < pd.Timestamp("2016-12-25")].estimate.isna().all()
    nearly_all = later[later.coverage > 0.99]
    assert len(nearly_all) == len(hotel.estimates.METRICS) * 2
    assert (nearly_all.estimate - nearly_all.realised).abs().max() < 0.005


def test_late_labels_restate_every_window(hotel):
    last = hotel.weekly.by_history(hotel.season.end)
    for window in hotel.season.windows:
        first = hotel.weekly.by_history(window.end).loc[window.start]
        assert abs(last.value[window.start] - first.value) > 10 * WORST
    assert (last.revision > 1).all()
    assert last.coverage.to_list() == [1.0] * WEEKS


def test_every_monday_and_one_sitting_leave_the_same_rows(hotel):
    for family in (Family.PERFORMANCE, Family.DRIFT, Family.QUALITY):
        live, later = hotel.weekly.rows(family), hotel.at_once.rows(family)
        assert {head.window for head, *_ in live} == set(hotel.season.windows)
        assert hotel.runs.differences(live, later, 1e-9) == []


def test_estimators_without_labels_are_asked_while_labels_are_awaited_and_what_they_said_stands(hotel):
    said = hotel.weekly.rows(Family.ESTIMATE).values()
    assert {r.head.window for r in said if r.measurement.metric == "cbpe.roc_auc"} == set(hotel.season.windows)
    # In one sitting after the horizon there is nothing left to estimate.
    assert hotel.at_once.rows(Family.ESTIMATE) == {}


def test_estimates_are_held_against_what_came_of_them_beside_the_labels_at_hand_of_the_same_weeks(hotel):
    missing = float("nan")
    rows = [
        ("accuracy", 0, 0.2, 0.7, 0.55, 0.75, 0.9, 0.6),
        ("accuracy", 0, 0.4, 0.5, 0.45, 0.55, 0.7, 0.6),
        ("accuracy", 0, 0.1, missing, missing, missing, 0.4, 0.6),
        ("accuracy", 28, 0.3, missing, missing, missing, 0.8, 0.7),
    ]
    columns = ["metric", "age", "coverage", "estimate", "low", "high", "naive", "realised"]
    told = {row["age"]: row for row in hotel.estimates.by_age(pd.DataFrame(rows, columns=columns))}
    at_once = told[0]
    assert (at_once["pairs"], at_once["estimated"], at_once["labels"]) == (3, 2, 0.3)
    # Errors of +10 and -10 points; naive +30 and +10, and -20 where nothing was estimated.
    assert (at_once["estimate_bias"], at_once["estimate_rmse"]) == (0.0, 10.0)
    assert (at_once["naive_there_bias"], at_once["naive_there_rmse"]) == (20.0, 22.36)
    assert (at_once["naive_bias"], at_once["naive_rmse"]) == (6.67, 21.6)
    assert (at_once["covered"], at_once["half"]) == (50.0, 7.5)
    assert (told[28]["estimated"], told[28]["estimate_bias"], told[28]["naive_bias"]) == (0, None, 10.0)
    assert (told[None]["pairs"], told[None]["estimated"]) == (4, 2)
