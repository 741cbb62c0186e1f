"""The example of several classes, run for real: what its docstring promises, happens."""

import pandas as pd
import pytest

pytestmark = pytest.mark.slow

START = pd.Timestamp("2026-01-01", tz="UTC")
DAYS, CONFUSED, WARRANTY = 9, 5, 7


@pytest.fixture(scope="module")
def store(days_of):
    """What nine days of the example leave behind."""
    return days_of("watch_tickets", DAYS)


def day_of(window):
    return (pd.Timestamp(str(window).split("/")[0]) - START).days


def test_a_class_that_is_lost_and_a_class_that_is_new_are_told_and_the_accuracy_breaks_no_rule(store):
    made = store.decisions("default/tickets")
    # Of the first day no label is known by its end; an alert is asked for once, and waited for from then on.
    assert [d.action.value for d in made] == ["wait", *["none"] * CONFUSED, "alert", "wait", "wait"]
    alarms = {(day_of(a["window"]), a["rule"]) for a in made[-1].evidence["alarms"]}
    lost = {(day, "one is lost") for day in range(CONFUSED, DAYS - 1)}
    assert alarms == lost | {(day, "a new class") for day in range(WARRANTY, DAYS - 1)}
    texts = [a["text"] for a in made[-1].evidence["alarms"]]
    assert any("recall [class=returns]" in text for text in texts)
    assert any("label_rate [class=undeclared]" in text for text in texts)


def test_the_other_classes_are_found_as_before(store):
    table = store.history("default/tickets", metric="recall")
    table = table[(table["status"] == "ok") & (table["slice"] == "{}") & (table["stage"] == "production")]
    by_class = table.groupby("parameters")["value"]
    assert by_class.min()["class=billing"] > 0.8
    assert by_class.min()["class=returns"] < 0.2 < 0.7 < by_class.max()["class=returns"]


def of_day(store, end, moment):
    """What was known at a moment of the day that ends so, by metric."""
    rows = store.history("default/tickets", as_of=moment)
    rows = rows[(rows["window_end"] == end) & (rows["slice"] == "{}") & (rows["parameters"] == "")]
    return rows[rows["stage"] == "production"].set_index("metric")


def test_the_accuracy_is_estimated_at_the_end_of_a_day_whose_labels_so_far_flatter_the_model(store):
    errors, held = [], 0
    for day in range(DAYS - 1):
        end = START + pd.Timedelta(days=day + 1)
        first, last = (of_day(store, end, moment) for moment in (end, None))
        realised = last.loc["accuracy", "value"]
        if day < 3:
            assert "predictions have been followed for" in first.loc["accuracy", "reason"]
            continue
        assert first.loc["accuracy", "reason"].startswith("estimated from labels of")
        errors.append([first.loc[name, "value"] - realised for name in ("accuracy", "naive.accuracy")])
        held += first.loc["final.accuracy", "low"] <= realised <= first.loc["final.accuracy", "high"]
    estimated, naive = pd.DataFrame(errors).mean()
    assert naive > 0.04
    assert abs(estimated) < 0.5 * naive
    assert held >= len(errors) - 1 >= 4
