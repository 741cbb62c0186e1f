"""The example of labels that come as totals, run for real: what its docstring promises, happens."""

import pandas as pd
import pytest

pytestmark = pytest.mark.slow

START = pd.Timestamp("2026-01-01", tz="UTC")
DAYS, FEWER, HALF = 10, 4, 2


@pytest.fixture(scope="module")
def store(days_of):
    """What ten days of the example leave behind."""
    return days_of("watch_conversions", DAYS)


def history(store, metric):
    """What is known of the production windows of the whole at last, by day."""
    table = store.history("default/conversions", metric=metric)
    table = table[(table["slice"] == "{}") & (table["stage"] == "production")]
    return table.assign(day=(table["window_start"] - START).dt.days).set_index("day")


def test_scores_that_are_too_high_in_one_channel_are_found_in_its_second_report(store):
    made = store.decisions("default/conversions")
    actions = [decision.action.value for decision in made]
    assert actions.index("retrain") == FEWER + 3 == 7
    assert all("social" in alarm["text"] for alarm in made[7].evidence["alarms"])
    assert made[7].evidence["alarms"]


def test_a_report_of_half_of_the_clicks_waits_for_its_correction(store):
    rate, covered = history(store, "label_rate"), history(store, "label_maturity")
    reported = range(DAYS - 2)
    assert {day: covered["value"][day] for day in reported} == dict.fromkeys(reported, 1.0)
    assert set(rate.loc[: DAYS - 3, "n"]) == {1200}
    assert set(rate.loc[DAYS - 2 :, "status"]) == {"immature"}
    then = store.history("default/conversions", metric="naive.label_rate", as_of=START + pd.Timedelta(days=HALF + 3))
    assert then[then["window_start"] == START + pd.Timedelta(days=HALF)]["n"].tolist() == [600]


def test_what_no_total_tells_is_undefined_and_what_scores_alone_say_stands(store):
    assert set(history(store, "roc_auc")["status"]) == {"undefined"}
    assert set(history(store, "cbpe.roc_auc")["status"]) == {"ok"}
    board = store.history("default/conversions", metric="scoreboard")
    (reason,) = set(board[board["parameters"] == "cbpe.roc_auc"]["reason"])
    assert reason == "labels are totals, which tell no roc_auc to compare with"
