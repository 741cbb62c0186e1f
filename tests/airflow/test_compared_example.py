"""The example of a baseline and a benchmark, run for real: what its docstring promises, happens."""

import pandas as pd
import pytest

pytestmark = pytest.mark.slow

START = pd.Timestamp("2026-01-01", tz="UTC")
DAYS, FREE = 7, 4


@pytest.fixture(scope="module")
def store(days_of):
    """What seven days of the example leave behind."""
    return days_of("watch_returns", DAYS)


def test_a_model_that_falls_behind_its_rule_is_rolled_back_when_its_first_bad_day_is_known(store):
    made = store.decisions("default/returns")
    # Of the first day no label is known by its end; what is asked for is asked for once, and then the milder of both.
    assert [d.action.value for d in made] == ["wait", *["none"] * FREE, "roll_back", "alert"]
    alarms = {(a["window"][:10], a["rule"]) for a in made[FREE + 1].evidence["alarms"]}
    assert alarms == {("2026-01-05", "below its benchmark"), ("2026-01-05", "the rule is better")}
    texts = " ".join(a["text"] for a in made[FREE + 1].evidence["alarms"])
    assert "below 0.83 (reference 0.88)" in texts


def whole(store, metric):
    """The values of the whole in production, day by day."""
    table = store.history("default/returns", metric=metric)
    table = table[(table["status"] == "ok") & (table["slice"] == "{}") & (table["stage"] == "production")]
    return table.drop_duplicates("window_start", keep="last").set_index("window_start").sort_index()


def test_the_model_is_surely_better_than_the_rule_and_than_knowing_nothing_until_then(store):
    for metric in ("accuracy_gain", "brier_skill", "accuracy_over_majority"):
        table = whole(store, metric)
        assert len(table) == DAYS - 1
        assert (table["low"].iloc[:FREE] > 0).all(), metric
        assert (table["high"].iloc[FREE:] < 0).all(), metric
