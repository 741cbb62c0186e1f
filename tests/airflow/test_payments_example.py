"""The example in euros, run for real: what its docstring promises, happens."""

import pandas as pd
import pytest

pytestmark = pytest.mark.slow

START = pd.Timestamp("2026-01-01", tz="UTC")
DAYS, STOLEN, STRANGE = 9, 5, 7


@pytest.fixture(scope="module")
def store(days_of):
    """What nine days of the example leave behind."""
    return days_of("watch_payments", DAYS)


def day_of(window):
    return (pd.Timestamp(str(window).split("/")[0]) - START).days


def test_what_does_not_pay_and_who_is_blocked_are_told_and_shares_of_rows_break_no_rule(store):
    made = store.decisions("default/payments")
    assert [d.action.value for d in made[: STOLEN + 1]] == ["wait", *["none"] * STOLEN]
    assert made[STOLEN + 1].action == "retrain"
    alarms = {(day_of(a["window"]), a["rule"]) for a in made[-1].evidence["alarms"]}
    lost = {(day, "it does not pay") for day in range(STOLEN, DAYS - 1)}
    blocked = {"regulars are blocked", "the night shift is too small"}
    assert alarms == lost | {(day, rule) for day in range(STRANGE, DAYS - 1) for rule in blocked}
    texts = [a["text"] for a in made[-1].evidence["alarms"]]
    assert any("prediction_rate_at_threshold [threshold=0.8]" in text for text in texts)


def test_a_payment_earns_half_a_euro_until_large_ones_are_stolen(store):
    table = store.history("default/payments", metric="profit")
    table = table[(table["status"] == "ok") & (table["stage"] == "production")]
    found = table.groupby(table["window_start"])["value"].last()
    assert found.iloc[:STOLEN].between(0.2, 0.9).all()
    assert (found.iloc[STOLEN:] < -2).all()
