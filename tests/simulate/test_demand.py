"""The simulated shops: the same days for the same seed, quantiles that hold at every lead, one known fault at one."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.simulate.demand import LEADS, DemandWorld

START = date(2026, 1, 1)


def world(**given):
    return DemandWorld(3, START, **given)


def told(of, days):
    """The forecasts of some days with what was sold."""
    sold = pd.concat([of.sales(day) for day in range(min(days), max(days) + 5)]).set_index("forecast_id")
    return pd.concat([of.forecasts(day) for day in days]).join(sold, on="forecast_id")


def coverage(rows):
    return rows["sold"].between(rows["q10"], rows["q90"]).groupby(rows["lead"]).mean()


def test_a_day_is_the_same_whatever_was_asked_for_before():
    asked, fresh = world(), world()
    for day in (9, 0, 4):
        asked.forecasts(day)
    pd.testing.assert_frame_equal(asked.forecasts(2), fresh.forecasts(2))
    pd.testing.assert_frame_equal(asked.sales(3), fresh.sales(3))
    assert list(asked.forecasts(2)["q50"]) != list(DemandWorld(4, START).forecasts(2)["q50"])


def test_every_shop_has_a_forecast_of_every_lead_within_its_day():
    rows = world(shops=20).forecasts(4)
    assert rows["forecast_id"].is_unique
    assert rows.groupby("lead").size().to_dict() == {str(lead): 20 for lead in LEADS}
    assert str(rows["sold_at"].dtype) == "datetime64[us, UTC]"
    assert rows["sold_at"].between(datetime(2026, 1, 5, tzinfo=UTC), datetime(2026, 1, 6, tzinfo=UTC)).all()
    assert (rows["q10"] < rows["q50"]).all()
    assert (rows["q50"] < rows["q90"]).all()


def test_sales_become_known_one_two_or_four_days_later_and_all_do():
    of = world()
    rows = pd.concat([of.sales(day) for day in range(10, 15)])
    mine = rows[rows["forecast_id"].str.startswith("2026-01-11")]
    assert {*mine["forecast_id"]} == {*of.forecasts(10)["forecast_id"]}
    assert len(mine) == len(of.forecasts(10))
    late = {midnight - of.midnight(10) for midnight in mine["known_at"].dt.to_pydatetime()}
    assert late == {timedelta(days=days, hours=6) for days in (1, 2, 4)}


def test_eight_of_ten_sales_lie_between_the_deciles_at_every_lead_and_the_longer_the_wider():
    rows = told(world(), range(40))
    # 3,200 rows of each lead: three standard errors are two points.
    assert coverage(rows).to_dict() == pytest.approx({"1": 0.8, "3": 0.8, "7": 0.8}, abs=0.021)
    width = (rows["q90"] / rows["q10"]).groupby(rows["lead"]).median()
    assert width["1"] < width["3"] < width["7"]


def test_the_fault_shows_at_seven_days_alone_and_in_no_forecast_made_then():
    faulty, sound = world(unsteady_from=6), world()
    pd.testing.assert_frame_equal(faulty.forecasts(5), sound.forecasts(5))
    found = coverage(told(faulty, range(6, 30)))
    assert found["7"] < 0.55
    assert found[["1", "3"]].to_list() == pytest.approx([0.8, 0.8], abs=0.03)
    made = [of.forecasts(8).query("lead == '7'")[["q10", "q50", "q90"]] for of in (faulty, sound)]
    assert np.array_equal(*made)
    pd.testing.assert_frame_equal(faulty.history(3), sound.history(3))


def test_the_past_carries_its_sales_and_those_of_a_week_before():
    of = world(shops=10)
    rows = of.history(20).assign(day=lambda rows: rows["sold_at"].dt.normalize())
    sold = rows.drop_duplicates(["shop", "day"]).set_index(["shop", "day"])["sold"]
    later = rows[rows["day"] >= rows["day"].min() + pd.Timedelta(days=7)]
    before = sold.loc[list(zip(later["shop"], later["day"] - pd.Timedelta(days=7), strict=True))]
    assert before.to_list() == later["sold_week_ago"].to_list()


@pytest.mark.parametrize("given", [{"shops": 0}, {"unsteady_from": -1}])
def test_a_number_out_of_range_is_refused_by_name(given):
    with pytest.raises(SpecError, match=f"{next(iter(given))}: .* is too small"):
        world(**given)
    with pytest.raises(SpecError, match="days: 0 is not positive"):
        world().history(0)
