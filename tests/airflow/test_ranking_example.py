"""The example of a ranking, run for real: what its docstring promises, happens."""

import pandas as pd
import pytest

pytestmark = pytest.mark.slow

START = pd.Timestamp("2026-01-01", tz="UTC")
DAYS, HOLIDAY, LOST = 9, 4, 7


@pytest.fixture(scope="module")
def store(days_of):
    """What nine days of the example leave behind."""
    return days_of("watch_searches", DAYS)


def day_of(window):
    return (pd.Timestamp(str(window).split("/")[0]) - START).days


def test_guests_who_look_for_something_else_and_clicks_that_get_lost_are_told_apart(store):
    made = store.decisions("default/searches")
    actions = [d.action.value for d in made]
    alarms = {(day_of(a["window"]), a["rule"]) for a in made[-1].evidence["alarms"]}
    assert actions.index("retrain") == HOLIDAY + 1
    assert actions.index("investigate_data") == LOST + 1
    assert alarms == {(day, "out of order") for day in range(HOLIDAY, LOST)} | {(LOST, "no clicks")}


def test_every_search_is_judged_once_the_horizon_has_passed(store):
    table = store.history("default/searches", metric="ndcg")
    table = table[(table["status"] == "ok") & (table["slice"] == "{}") & (table["stage"] == "production")]
    assert set(table["n"]) == {250}
    first = table[table["parameters"] == "at=3"].set_index("window_start")["value"]
    before, after = (
        first[[day_of(at) in days for at in first.index]] for days in (range(HOLIDAY), range(HOLIDAY, LOST))
    )
    assert before.min() > after.max() + 0.2
