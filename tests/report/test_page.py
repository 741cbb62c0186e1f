"""The page answers four questions from stored rows: what it says, and when it says that it cannot say."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from airflow_ml_monitor.errors import MonitorError, UnknownName
from airflow_ml_monitor.measurement import Family
from airflow_ml_monitor.report.page import report

QUESTIONS = ["works", "performs", "moved", "verdict"]


def test_the_questions_stand_in_the_order_in_which_people_ask_them(quiet: Any) -> None:
    page = quiet.page()
    assert list(page.lights) == QUESTIONS
    assert [given["id"] for tag, given in page.tags if tag == "section"] == QUESTIONS
    links = [given["href"] for tag, given in page.tags if tag == "a"]
    assert links == [f"#{name}" for name in QUESTIONS]


def test_a_sound_day_works_is_steady_and_is_estimated_while_its_labels_are_awaited(quiet: Any) -> None:
    page = quiet.page()
    assert page.lights == {
        "works": ("good", "works"),
        "performs": ("good", "in bounds"),
        "moved": ("good", "steady"),
        "verdict": ("good", "good enough"),
    }
    assert "250 rows were measured" in page.section("works")
    assert "Estimated from labels of" in page.section("performs")


def test_a_day_that_cannot_be_estimated_yet_waits_for_its_labels_and_says_why(shops: Any) -> None:
    page = shops().live(0).page()
    assert page.lights["performs"] == ("waiting", "waiting")
    assert "not estimated: predictions have been followed for 0 days" in page.section("performs")


def test_a_day_whose_labels_have_come_and_were_judged_is_within_bounds(quiet: Any) -> None:
    page = quiet.page(day=date(2026, 3, 4))
    assert page.lights["performs"] == ("good", "in bounds")
    (auc,) = (
        r.measurement.estimate
        for r in quiet.store.current("default/shop", families=[Family.PERFORMANCE], metrics={"roc_auc"}, whole=True)
        if r.head.window == quiet.window(2)
    )
    assert f"<td>{auc.value:.4g}</td>" in page.section("performs")


def test_a_model_gone_bad_is_worse_and_the_owner_of_the_model_is_asked_to_retrain(shops: Any) -> None:
    shop = shops().live(0, 1).live(2, 3, 4, is_lost=True)
    page = shop.page()
    assert page.lights["performs"] == ("bad", "worse")
    assert page.lights["verdict"] == ("bad", "retrain")
    assert "model people" in page.section("verdict")
    assert "asked for on 2026-03-07" in page.section("verdict")


def test_a_missing_column_turns_what_broke_red_and_the_others_are_still_drawn(shops: Any) -> None:
    shop = shops(edit=lambda frame, day: frame.drop(columns="x") if day == 1 else frame).live(0, 1)
    page = shop.page()
    assert page.lights["moved"] == ("bad", "broken")
    assert page.lights["verdict"] == ("bad", "investigate data")
    assert "data people" in page.section("verdict")
    assert "column &#39;x&#39; is missing" in page.section("moved")
    drawn = [text for text in page.pictures("moved") if "chance." in text]
    assert {text.split(":")[0] for text in drawn} == {"cards", "city", "score"}


def test_a_column_that_moved_turns_the_light_and_stands_first(shops: Any) -> None:
    moved = {"edit": lambda frame, day: frame.assign(cards=3.0) if day == 1 else frame}
    page = shops(**moved, overlook=("clipped of cards", "default_flood of cards")).live(0, 1).page()
    assert page.lights["moved"] == ("look", "moved")
    assert page.lights["verdict"] == ("look", "alert")
    first = next(text for text in page.pictures("moved") if "chance." in text)
    assert first.startswith("cards: psi")
    assert "Largest difference at 3" in first
    assert "100 % now" in first


def test_a_broken_rule_of_the_contract_is_named(shops: Any) -> None:
    shop = shops(
        edit=lambda frame, day: frame.assign(x=np.nan) if day == 0 else frame,
        contract="inferred",
        rules=[],
        overlook=("all_missing",),
    )
    page = shop.live(0).page()
    assert page.lights["moved"] == ("look", "contract broken")
    assert "expect_column_values_to_not_be_null" in page.section("moved")


def test_a_day_without_rows_and_a_day_never_measured_do_not_work(shops: Any) -> None:
    shop = shops(edit=lambda frame, day: frame.head(0) if day == 1 else frame).live(0, 1)
    assert shop.page().lights["works"] == ("bad", "no rows")
    later = shop.page(day=date(2026, 3, 9))
    assert later.lights["works"] == ("bad", "not measured")
    assert later.lights["verdict"] == ("unknown", "not judged")


def test_windows_that_were_skipped_are_counted_as_gaps(shops: Any) -> None:
    page = shops().live(0, 1, 4).page()
    assert page.lights["works"] == ("look", "gaps")
    assert "2 of the last 5 windows were not" in page.section("works")


def test_without_labels_performance_is_said_to_be_unknown(shops: Any) -> None:
    page = shops(has_labels=False, rules=[]).live(0, 1).page()
    assert page.lights["performs"] == ("unknown", "no labels")
    assert page.pictures("performs") == []
    assert page.lights["moved"] == ("unknown", "no rule")


def test_without_a_decision_nothing_is_called_good(shops: Any) -> None:
    page = shops().live(0, judge=False).page()
    assert {name: light for name, (light, _) in page.lights.items()} == {
        "works": "good",
        "performs": "waiting",
        "moved": "unknown",
        "verdict": "unknown",
    }


def test_what_was_known_on_a_day_is_the_same_page_however_much_is_known_since(shops: Any) -> None:
    shop = shops().live(*range(4))
    moment = shop.window(3).end
    then = shop.page(as_of=moment).html
    shop.owners = {"model": "other people"}
    shop.live(4, 5, 6)
    assert "other people" in shop.page().text
    assert shop.page(as_of=moment).html == then
    assert shop.page(day=date(2026, 3, 5)).html != then
    assert "as known on 2026-03-06 00:00 UTC" in then


def test_known_then_and_known_now_are_what_the_store_held_then_and_holds_now(quiet: Any) -> None:
    """Day 2 was first judged on what had come by the end of day 4; labels came until day 5."""
    page = quiet.page()
    (_, table) = page.section("performs").split("known then against known now")[1:3]

    def value(moment: Any) -> str:
        rows = quiet.store.current(
            "default/shop", as_of=moment, families=[Family.PERFORMANCE], metrics={"roc_auc"}, whole=True
        )
        (e,) = (r.measurement.estimate for r in rows if r.head.window == quiet.window(2))
        return f"{e.value:.4g} ({e.low:.4g} to {e.high:.4g})"

    first = next(
        r.known_at
        for r in quiet.store.revisions("default/shop", head_of(quiet, 2))
        if r.coverage is not None and r.coverage >= 0.75
    )
    row = next(part for part in table.split("<tr>") if "<td>2026-03-04</td>" in part)
    assert f"<td>{value(first)}</td>" in row
    assert f"<td>{value(None)}</td>" in row
    assert value(first) != value(None)


def head_of(shop: Any, number: int) -> Any:
    found = shop.store.current("default/shop", families=[Family.PERFORMANCE], metrics={"roc_auc"}, whole=True)
    return next(r.head for r in found if r.head.window == shop.window(number))


def test_windows_are_named_by_the_calendar_of_their_zone(shops: Any) -> None:
    shop = shops(zone="Asia/Tokyo").live(0, 1)
    page = shop.page(day=date(2026, 3, 3))
    assert "2026-03-03 00:00 Asia/Tokyo to 2026-03-04 00:00 Asia/Tokyo" in page.text
    assert page.lights["works"][0] == "good"
    assert shop.page().text == page.text


def test_a_week_is_a_window_like_a_day(shops: Any) -> None:
    shop = shops(unit="week").live(6, 13)
    page = shop.page()
    assert "default/shop week of 2026-03-09" in page.text
    assert page.lights["works"] == ("good", "works")
    assert shop.page(day=date(2026, 3, 12)).text == page.text


def test_every_model_version_and_slice_has_its_numbers(shops: Any) -> None:
    def two(frame: pd.DataFrame, day: int) -> pd.DataFrame:
        return frame.assign(version=np.where(frame["x"] > 0, "v2", "v1"))

    page = shops(edit=two, rules=[{"metric": "accuracy", "min": 0.1}]).live(*range(4)).page()
    assert "Calls of v1" in page.text
    assert "Calls of v2" in page.text
    trend = next(text for text in page.pictures("verdict") if text.startswith("accuracy"))
    assert "over 4 windows" in trend
    assert all(f"<td>2026-03-02</td><td>{version}</td>" in page.section("verdict") for version in ("v1", "v2"))
    assert any("by slice" in text for text in page.pictures("performs"))


def test_the_feature_that_no_longer_tells_of_the_label_is_the_first_that_is_told(shops: Any) -> None:
    shop = shops(dataset={"label_moments": True}).live(*range(4), is_lost=True)
    page = shop.page()
    [told] = [text for text in page.pictures("performs") if text.startswith("label_correlation_change")]
    assert "by feature, 2026-03-0" in told
    assert "furthest from the reference (0) is x~label, -0." in told
    assert "cards~label" in page.section("performs")
    early = shops(dataset={"label_moments": True}).live(0).page()
    assert not [text for text in early.pictures("performs") if text.startswith("label_correlation_change")]


def test_two_label_sources_are_told_apart_and_what_silence_and_several_labels_mean_is_said(shops: Any) -> None:
    besides = {"name": "events", "mode": "implicit", "horizon": "2d", "several": "any"}
    page = shops(besides=besides).live(*range(6)).page()
    section = page.section("performs")
    assert all(f"Labels known of v1, {name}" in page.text for name in ("labels", "events"))
    assert all(f"<td>v1, {name}</td>" in section for name in ("labels", "events"))
    assert "as estimated, where that holds; finally after 2 days, when silence is a label" in page.text
    assert "as estimated, where that holds; else from 75 % of its labels; finally after 4 days" in page.text
    assert "Of several labels of one row (events) any counts" in page.text
    assert "Of several labels of one row (labels)" not in page.text


def test_a_regression_has_its_errors_and_no_scores_by_label(shops: Any) -> None:
    page = shops(task="regression", rules=[{"metric": "mae", "max": 0.9, "action": "retrain"}]).live(*range(4)).page()
    assert any(text.startswith("mae over 4 windows") for text in page.pictures("verdict"))
    assert any(text.startswith("Share of labels known") for text in page.pictures("performs"))
    assert "Scores by label" not in page.text


def test_an_unknown_monitor_is_answered_with_those_there_are(quiet: Any) -> None:
    with pytest.raises(UnknownName, match=r"unknown monitor 'default/shopp'; one of: default/shop"):
        report(quiet.store, "default/shopp")


def test_a_monitor_without_a_measured_window_says_so(quiet: Any) -> None:
    with pytest.raises(MonitorError, match=r"no window of 'default/shop' \(day@UTC\) was measured by 2026-03-01"):
        quiet.page(as_of=quiet.window(0).start - timedelta(days=1))
