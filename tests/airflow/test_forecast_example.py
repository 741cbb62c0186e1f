"""The example of a forecast with quantiles, run for real: what its docstring promises, happens."""

import pandas as pd
import pytest

pytestmark = pytest.mark.slow

START = pd.Timestamp("2026-01-01", tz="UTC")
DAYS, UNSTEADY = 9, 6


@pytest.fixture(scope="module")
def store(days_of):
    """What nine days of the example leave behind."""
    return days_of("watch_demand", DAYS)


def latest(store, metric, slice):
    """Values by (day, parameters), as last known."""
    table = store.history("default/demand", metric=metric)
    table = table[(table["status"] == "ok") & (table["slice"] == slice) & (table["stage"] == "production")]
    day = (pd.to_datetime(table["window_start"], utc=True) - START).dt.days
    return table.assign(day=day).groupby(["day", "parameters"])["value"].last()


def test_the_lead_that_is_too_sure_of_itself_is_told_and_the_others_are_not(store):
    made = store.decisions("default/demand")
    assert made[-1].action.value in ("alert", "wait")
    alarms = [alarm for decision in made for alarm in decision.evidence["alarms"]]
    assert alarms
    assert {alarm["rule"] for alarm in alarms} == {"too sure of itself"}
    assert all("lead=7" in alarm["text"] for alarm in alarms)
    assert min(alarm["window"][:10] for alarm in alarms) == str((START + pd.Timedelta(days=UNSTEADY)).date())


def test_over_all_leads_the_coverage_falls_by_less_and_the_scaled_error_stays_below_one(store):
    gap = latest(store, "interval_coverage_gap", "{}")
    assert gap.index.get_level_values("day").max() >= UNSTEADY
    assert gap.min() > -0.15
    assert latest(store, "mase", "{}").max() < 1
    of_seven = latest(store, "interval_coverage", '{"lead":"7"}').xs("levels=0.1-0.9", level="parameters")
    assert of_seven[: UNSTEADY - 1].min() > 0.65
    assert of_seven[UNSTEADY:].max() < 0.6
