"""What is drawn of performance: what rules look at, exactly as they look at it; and what is known now beside it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from airflow_ml_monitor.keys import WHOLE, Slice, Window
from airflow_ml_monitor.measurement import Estimate, Family, HeadKey, Measurement, Status
from airflow_ml_monitor.report.drawn import OF_A_RULE, Drawn, drawn_of
from airflow_ml_monitor.store.records import Recorded

DAY = Window(datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 3, 3, tzinfo=UTC))
NOW = datetime(2026, 3, 9, tzinfo=UTC)


def row(metric: str, value: float, parameters: str = "", slice: Slice = WHOLE) -> Recorded:
    found = Measurement(metric, Status.OK, Estimate(value, 100), "", "", parameters, slice)
    head = HeadKey(Family.PERFORMANCE, "labels", "day@UTC", DAY, reference="r")
    return Recorded(head, 1, NOW, NOW, 1.0, True, "", found)


RANKED = [
    *(row("ndcg", value, f"at={k}") for k, value in ((1, 0.5), (5, 0.6), (10, 0.7))),
    *(row("hit_rate", 0.5, f"at={k}") for k in (1, 5, 10)),
    row("queries_without_relevant", 0.1),
]


def test_a_rule_that_names_parameters_has_these_drawn_first_and_no_others_of_its_metric() -> None:
    rules = [{"metric": "ndcg", "parameters": "at=5", "bounds": {"min": 0.4}}]
    first, *others = drawn_of(rules, RANKED, {})
    assert (first.title, first.limits(None), first.left) == ("ndcg [at=5]", (0.4,), 0)
    assert [one.title for one in others] == ["hit_rate [at=10]", "queries_without_relevant"]


def test_without_a_rule_the_most_first_places_and_the_mean_over_classes_stand_for_a_metric() -> None:
    assert drawn_of([], RANKED, {})[0].title == "ndcg [at=10]"
    classes = [row("f1", 0.5, p) for p in ("average=macro", "average=micro", "class=a", "class=b")]
    assert [one.title for one in drawn_of([], classes, {})] == ["f1 [average=macro]"]


def test_of_a_rule_without_parameters_those_nearest_to_its_bound_are_drawn_and_the_rest_is_counted() -> None:
    """Bounds 0.25 and 0.75: c is 0.25 beyond, d 0.05 within, a 0.15, b and e 0.25."""
    of = {"a": 0.4, "b": 0.5, "c": 1.0, "d": 0.7, "e": 0.5}
    rows = [row("recall", value, f"class={name}") for name, value in of.items()]
    found = drawn_of([{"metric": "recall", "bounds": {"min": 0.25, "max": 0.75}}], rows, {})
    assert [one.parameters for one in found] == ["class=c", "class=d", "class=a"]
    assert {one.left for one in found} == {len(of) - OF_A_RULE} == {2}


def test_a_relative_bound_is_measured_from_the_reference_of_the_same_parameters() -> None:
    rows = [row("recall", 0.9, "class=a"), row("recall", 0.6, "class=b")]
    references = {("r", "recall", "class=a", WHOLE): 0.99, ("r", "recall", "class=b", WHOLE): 0.6}
    (a, b) = drawn_of([{"metric": "recall", "bounds": {"fall": 0.05}}], rows, references)
    assert (a.parameters, b.parameters) == ("class=a", "class=b")
    assert a.limits(0.99) == (0.94,)


def test_slices_are_drawn_where_a_rule_looks_at_slices_alone() -> None:
    lead = (("lead", "7"),)
    rows = [row("bias", 0.1), row("bias", 0.5, "", lead), row("mae", 1.0), row("mae", 9.0, "", lead)]
    rules = [{"metric": "bias", "bounds": {"max": 0.3}, "slices": True}, {"metric": "mae", "bounds": {"max": 2}}]
    assert [one.title for one in drawn_of(rules, rows, {})] == ["bias, lead = 7", "bias", "mae"]


def test_two_rules_on_one_value_are_one_picture_with_both_limits() -> None:
    rules = [{"metric": "mae", "bounds": {"max": 2}}, {"metric": "mae", "bounds": {"rise": 0.5}}]
    (one,) = drawn_of(rules, [row("mae", 1.0)], {})
    assert one == Drawn("mae", bounds=one.bounds)
    assert one.limits(1.0) == (1.5, 2)


def test_slices_that_a_rule_names_are_drawn_and_no_others() -> None:
    rows = [row("bias", value, "", ((column, "7"),)) for column, value in (("lead", 0.5), ("city", 0.9))]
    rules = [{"metric": "bias", "bounds": {"max": 0.3}, "slices": ["lead"]}]
    assert [one.title for one in drawn_of(rules, [row("bias", 0.1), *rows], {})] == ["bias, lead = 7", "bias"]


def test_of_a_rule_of_conditions_each_is_drawn_with_its_own_limit() -> None:
    psi = {"metric": "psi", "bounds": {"max": 0.2}}
    both = {"metric": "", "bounds": None, "any": [], "all": [psi, {"metric": "mae", "bounds": {"max": 2}}]}
    (one, other) = drawn_of([both], [row("mae", 1.0), row("rmse", 1.0)], {})
    assert (one.title, one.limits(None)) == ("mae", (2,))
    assert (other.title, other.bounds) == ("rmse", ())


def test_the_limit_of_what_gets_better_is_not_drawn_unless_it_is_one() -> None:
    both = {"metric": "mae", "bounds": {"fall": 0.5, "rise": 0.5}}
    for improvement, limits in (("ignore", (1.5,)), ("alarm", (0.5, 1.5))):
        (one,) = drawn_of([{**both, "improvement": improvement}], [row("mae", 1.0)], {})
        assert one.limits(1.0) == limits
    (one,) = drawn_of([{"metric": "mae", "bounds": {"sigmas": 3.0}}], [row("mae", 1.0)], {})
    assert one.limits(1.0) == ()


def test_labels_at_hand_are_drawn_under_the_name_of_the_rule() -> None:
    rules = [{"metric": "ndcg", "parameters": "at=5", "bounds": {"min": 0.4}}]
    assert drawn_of(rules, [row("naive.ndcg", 0.5, "at=5")], {})[0].title == "ndcg [at=5]"


RULES = [
    {"metric": "lift", "parameters": "top=0.1", "min": 0.5, "action": "alert"},
    {"metric": "accuracy", "min": 0.1, "action": "alert", "slices": True},
]


def test_the_page_draws_a_lift_of_the_rules_share_and_an_accuracy_of_each_city(shops: Any) -> None:
    page = shops(rules=RULES).live(*range(6)).page(day=date(2026, 3, 4))
    drawn = [text for text in page.pictures("verdict") if " over " in text]
    titles = [text.split(" over ")[0] for text in drawn]
    assert titles[0] == "lift [top=0.1]"
    assert set(titles[1:4]) == {"accuracy", "accuracy, city = lima", "accuracy, city = oslo"}
    assert any(text.startswith("lift [top=0.1] of ") for text in page.pictures("performs"))
    table = page.section("performs").split("The newest judged window")[0]
    assert table.index("lift [top=0.1]") < table.index("accuracy, city = lima") < table.index("<td>brier</td>")


def test_a_window_that_is_worse_by_now_says_what_was_decided_that_evening_and_is_not_called_good(shops: Any) -> None:
    """Of day 2 few labels had come by its end; by the end of day 5 all have: the model knows nothing."""
    shop = shops().live(0, 1).live(2, 3, 4, 5, is_lost=True)
    of_day_2 = next(d for d in shop.store.decisions("default/shop") if d.evidence["window"] == str(shop.window(2)))
    assert of_day_2.action in ("none", "wait")
    page = shop.page(day=date(2026, 3, 4))
    assert page.lights["performs"] == ("bad", "worse")
    assert page.lights["verdict"] == ("bad", "retrain, as known now")
    assert f"Decided on 2026-03-05 00:00 UTC, as known then: {of_day_2.action}" in page.section("verdict")
    # The same evening's page, as it was read then: nothing was known that could contradict it.
    then = shop.page(day=date(2026, 3, 4), as_of=shop.window(2).end + timedelta(minutes=1))
    assert then.lights["verdict"][0] in ("good", "waiting")
    assert "as known then" not in then.section("verdict")


def test_a_window_whose_alarm_is_retracted_is_good_enough_now_and_says_what_it_was_then(shops: Any) -> None:
    """A column that moved on day 1 is measured again, as it was meant to be."""
    moved = {"edit": lambda frame, day: frame.assign(cards=3.0) if day == 1 else frame}
    shop = shops(**moved, overlook=("clipped of cards", "default_flood of cards"))
    assert shop.live(0, 1).page().lights["verdict"] == ("look", "alert")
    shop.edit = lambda frame, day: frame
    shop.live(1, judge=False).live(2, 3, 4, 5)
    assert shop.page(day=date(2026, 3, 3)).lights["verdict"] == ("good", "good enough, as known now")
    assert "as known then: alert" in shop.page(day=date(2026, 3, 3)).section("verdict")


def test_the_page_tells_a_rule_of_conditions_as_performance_and_draws_its_limits(shops: Any) -> None:
    auc = {"metric": "roc_auc", "min": 0.99, "sure": False}
    rule = {"all": [{"metric": "psi", "min": 0, "share_of_columns": 0.5}, auc], "action": "alert"}
    page = shops(rules=[rule]).live(*range(6)).page(day=date(2026, 3, 4))
    assert "columns (100.0%) break" not in page.text  # nothing is below 0
    rule = {"all": [{"metric": "psi", "max": 0, "share_of_columns": 0.5, "sure": False}, auc], "action": "alert"}
    page = shops(rules=[rule]).live(*range(6)).page(day=date(2026, 3, 4))
    assert "columns (100.0%) break their bound, at least 50.0%: psi of" in page.text
    assert "roc_auc over" in " ".join(page.pictures("verdict"))
