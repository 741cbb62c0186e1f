"""The simulated airline: the same days for the same seed, delays that come a day later or never, one known fault."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.simulate.flights import SLOWER, FlightWorld

START = date(2026, 1, 1)


def world(**given):
    return FlightWorld(3, START, **given)


def delays(of, day):
    """The true delays of a day's flights, by id."""
    return of.arrivals(day + 1).set_index("flight_id")["delay"]


def test_a_day_is_the_same_whatever_was_asked_for_before():
    asked, fresh = world(), world()
    for day in (9, 0, 4):
        asked.flights(day)
    pd.testing.assert_frame_equal(asked.flights(2), fresh.flights(2))
    pd.testing.assert_frame_equal(asked.arrivals(3), fresh.arrivals(3))


def test_another_seed_and_another_day_are_other_flights():
    wind = world().flights(7)["wind"].head(50)
    assert list(wind) != list(FlightWorld(4, START).flights(7)["wind"].head(50))
    assert list(wind) != list(world().flights(8)["wind"].head(50))
    assert list(wind) != list(world().flights(-7)["wind"].head(50))


def test_ids_are_unique_over_days_and_history():
    of = world()
    ids = pd.concat([of.history(5)["flight_id"], *(of.flights(day)["flight_id"] for day in range(5))])
    assert ids.is_unique


def test_flights_depart_within_their_day_in_utc():
    departs = world().flights(4)["departs_at"]
    assert str(departs.dtype) == "datetime64[us, UTC]"
    assert departs.between(datetime(2026, 1, 5, tzinfo=UTC), datetime(2026, 1, 6, tzinfo=UTC)).all()


def test_a_delay_becomes_known_on_the_day_after_the_flight():
    of = world()
    arrived = of.arrivals(5)
    assert list(arrived["flight_id"]) == list(of.flights(4)["flight_id"])
    assert set(arrived["known_at"]) == {pd.Timestamp(of.midnight(5) + timedelta(hours=6))}


def test_three_flights_in_a_hundred_never_get_a_delay_and_no_input_is_missing():
    of = world()
    # 12,000 flights: three standard errors of a share of 3 % are half a point.
    assert of.history(40)["delay"].isna().mean() == pytest.approx(0.03, abs=0.005)
    assert of.flights(0).notna().all().all()


def test_the_fault_delays_every_flight_from_its_day_on_and_nothing_before_or_beside():
    faulty, sound = world(slower_from=6), world()
    for day in range(3, 9):
        pd.testing.assert_frame_equal(faulty.flights(day), sound.flights(day))
        late = (delays(faulty, day) - delays(sound, day)).dropna()
        assert np.allclose(late, SLOWER if day >= 6 else 0.0)
        assert len(late) > 200
    pd.testing.assert_frame_equal(faulty.history(3), sound.history(3))


def test_a_linear_model_is_right_about_the_mean():
    of = world()
    rows = of.history(60).dropna()
    inputs = np.column_stack(
        [np.ones(len(rows)), rows[["distance", "wind", "traffic"]], pd.get_dummies(rows["carrier"]).iloc[:, 1:]]
    ).astype(float)
    found = np.linalg.lstsq(inputs, rows["delay"], rcond=None)[0]
    # Of 17,000 flights; the tolerances are about three standard errors.
    assert found == pytest.approx([-10, 0.004, 0.6, 20, 2, -2, 4], abs=1.6)
    assert found[1:3] == pytest.approx([0.004, 0.6], abs=0.04)


@pytest.mark.parametrize("given", [{"rows_per_day": 0}, {"slower_from": -1}])
def test_a_number_out_of_range_is_refused_by_name(given):
    with pytest.raises(SpecError, match=f"{next(iter(given))}: .* is too small"):
        world(**given)
    with pytest.raises(SpecError, match="days: 0 is not positive"):
        world().history(0)
