"""The example of several labels a row, run for real: what its docstring promises, happens."""

import pandas as pd
import pytest

pytestmark = pytest.mark.slow

START = pd.Timestamp("2026-01-01", tz="UTC")
DAYS, LOST, CLIMATE = 9, 5, 7


@pytest.fixture(scope="module")
def store(days_of):
    """What nine days of the example leave behind."""
    return days_of("watch_news", DAYS)


def values(store, metric, parameters=""):
    """By day, of the labels that are final or stand for all."""
    table = store.history("default/news", metric=metric)
    table = table[(table["status"] == "ok") & (table["slice"] == "{}") & (table["stage"] == "production")]
    table = table[table["parameters"] == parameters]
    return {
        (pd.Timestamp(at) - START).days: value for at, value in zip(table["window_start"], table["value"], strict=True)
    }


def test_a_tag_that_is_lost_and_a_tag_that_is_new_are_told_and_the_average_breaks_no_rule(store):
    made = store.decisions("default/news")
    # Of the first day no label is known by its end; an alert is asked for once, and waited for from then on.
    assert [d.action.value for d in made] == ["wait", *["none"] * LOST, "alert", "wait", "wait"]
    alarms = {((pd.Timestamp(a["window"].split("/")[0]) - START).days, a["rule"]) for a in made[-1].evidence["alarms"]}
    lost = {(day, "one is lost") for day in range(LOST, DAYS - 1)}
    assert alarms == lost | {(day, "a new tag") for day in range(CLIMATE, DAYS - 1)}
    texts = [a["text"] for a in made[-1].evidence["alarms"]]
    assert any("recall [class=economy]" in text for text in texts)
    assert any("label_rate [class=undeclared]" in text for text in texts)


def test_the_other_tags_and_the_sets_are_found_as_before_and_tag_by_tag_as_scored(store):
    assert min(values(store, "recall", "class=politics").values()) > 0.8
    lost = values(store, "recall", "class=economy")
    assert (
        max(v for day, v in lost.items() if day >= LOST) < 0.2 < 0.6 < min(v for day, v in lost.items() if day < LOST)
    )
    area = values(store, "roc_auc", "class=economy")
    assert (
        max(v for day, v in area.items() if day >= LOST) < 0.65 < 0.9 < min(v for day, v in area.items() if day < LOST)
    )
    assert min(values(store, "jaccard").values()) > 0.7
