"""A suite inferred from a reference holds for its world, and breaks when the world does."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from airflow_ml_monitor.errors import ReferenceMismatch
from airflow_ml_monitor.expectations.engine import run_suite
from airflow_ml_monitor.expectations.infer import infer_suite
from airflow_ml_monitor.expectations.outcome import Ruling
from airflow_ml_monitor.expectations.suite import load_suite
from airflow_ml_monitor.keys import WHOLE
from airflow_ml_monitor.profile.cells import Profile
from airflow_ml_monitor.profile.dataset import Kind
from airflow_ml_monitor.profile.layout import Layout

pytestmark = pytest.mark.usefixtures("great_expectations")

Profiler = Callable[[pd.DataFrame, dict[str, Kind]], tuple[Layout, Profile]]


def rules_on(suite: dict[str, Any], column: str) -> dict[str, Any]:
    return {r["type"]: r["kwargs"] for r in suite["expectations"] if r["kwargs"].get("column") == column}


def broken(suite: dict[str, Any], frame: pd.DataFrame) -> set[str]:
    return {o.rule_id for o in run_suite(suite, frame) if o.status is not Ruling.PASS}


def test_the_suite_is_plain_json_marked_as_a_guess(world: Any) -> None:
    suite = infer_suite(world.layout, world.reference)
    assert load_suite(json.loads(json.dumps(suite, allow_nan=False))) == suite
    assert {r["severity"] for r in suite["expectations"]} == {"warning"}
    assert {r["meta"]["origin"] for r in suite["expectations"]} == {"inferred"}


@pytest.mark.slow
def test_fresh_windows_of_the_same_world_keep_every_rule(world: Any) -> None:
    suite = infer_suite(world.layout, world.reference)
    kept = sum(not broken(suite, world.draw(500, seed)) for seed in range(100, 150))
    assert kept >= 48


def test_a_column_in_another_unit_breaks_its_range_alone(world: Any) -> None:
    suite = infer_suite(world.layout, world.reference)
    frame = world.draw(500, 2)
    frame["income"] *= 1000
    assert broken(suite, frame) == {"expect_column_values_to_be_between:income"}


def test_a_column_that_arrives_empty_breaks_its_nullability(world: Any) -> None:
    suite = infer_suite(world.layout, world.reference)
    status = {o.rule_id: o.status for o in run_suite(suite, world.draw(500, 2).assign(age=np.nan))}
    assert status.pop("expect_column_values_to_not_be_null:age") is Ruling.FAIL
    assert status.pop("expect_column_values_to_be_between:age") is Ruling.NOTHING
    assert set(status.values()) == {Ruling.PASS}


def test_a_new_category_in_a_tenth_of_the_rows_breaks_its_set_alone(world: Any) -> None:
    suite = infer_suite(world.layout, world.reference)
    frame = world.draw(500, 2)
    frame.loc[:49, "channel"] = "app"
    assert broken(suite, frame) == {"expect_column_values_to_be_in_set:channel"}


def test_a_column_that_is_gone_fails_as_a_column_and_errs_as_values(world: Any) -> None:
    suite = infer_suite(world.layout, world.reference)
    status = {o.rule_id: o.status for o in run_suite(suite, world.draw(500, 2).drop(columns="age"))}
    assert status["expect_column_to_exist:age"] is Ruling.FAIL
    assert status["expect_column_values_to_be_between:age"] is Ruling.ERROR
    assert status["expect_column_to_exist:income"] is Ruling.PASS


def test_categories_are_recognised_however_the_frame_stores_them(world: Any) -> None:
    suite = infer_suite(world.layout, world.reference)
    frame = world.draw(500, 2)
    for stored in ("int8", "float64", "str", "category", "Int64", "string"):
        assert broken(suite, frame.assign(region=frame["region"].astype(stored))) == set()


def test_booleans_may_arrive_as_zero_and_one_and_nothing_else(world: Any) -> None:
    suite = infer_suite(world.layout, world.reference)
    frame = world.draw(500, 2)
    assert broken(suite, frame.assign(vip=frame["vip"].astype(int))) == set()
    assert broken(suite, frame.assign(vip=frame["vip"].astype(int) + 1)) == {"expect_column_values_to_be_in_set:vip"}


def test_one_outlier_in_the_reference_does_not_set_the_range(profile_of: Profiler) -> None:
    x = np.random.default_rng(3).normal(0, 1, 20_000)
    x[0] = 1e9
    between = rules_on(infer_suite(*profile_of(pd.DataFrame({"x": x}), {"x": Kind.NUMERIC})), "x")[
        "expect_column_values_to_be_between"
    ]
    # The 0.001-quantile of a standard normal is -3.09; the span 6.18; a good quarter of it on either side is 4.7.
    assert between["min_value"] == pytest.approx(-4.7, abs=0.4)
    assert between["max_value"] == pytest.approx(4.7, abs=0.4)


def test_a_column_that_never_crossed_zero_may_not_cross_it(profile_of: Profiler) -> None:
    x = np.random.default_rng(3).lognormal(0, 1, 20_000)
    for sign, bound in ((1, "min_value"), (-1, "max_value")):
        rules = rules_on(infer_suite(*profile_of(pd.DataFrame({"x": sign * x}), {"x": Kind.NUMERIC})), "x")
        assert rules["expect_column_values_to_be_between"][bound] == 0


def test_fewer_reference_rows_make_a_wider_range_and_a_laxer_share(profile_of: Profiler) -> None:
    x = np.random.default_rng(3).normal(0, 1, 20_000)

    def rules(rows: int) -> dict[str, Any]:
        return rules_on(infer_suite(*profile_of(pd.DataFrame({"x": x[:rows]}), {"x": Kind.NUMERIC})), "x")

    present = "expect_column_values_to_not_be_null"
    assert rules(100)[present]["mostly"] < rules(20_000)[present]["mostly"] < 1


def test_nan_and_infinity_of_the_reference_are_allowed_for(profile_of: Profiler) -> None:
    x = np.random.default_rng(3).normal(0, 1, 20_000)
    x[:2000], x[2000:4000] = np.nan, np.inf
    rules = rules_on(infer_suite(*profile_of(pd.DataFrame({"x": x}), {"x": Kind.NUMERIC})), "x")
    assert 0.8 < rules["expect_column_values_to_not_be_null"]["mostly"] < 0.9
    assert 0.7 < rules["expect_column_values_to_be_between"]["mostly"] < 0.89


def test_a_column_without_spread_must_keep_its_value(profile_of: Profiler) -> None:
    frame = pd.DataFrame({"x": [7.5] * 1000})
    suite = infer_suite(*profile_of(frame, {"x": Kind.NUMERIC}))
    assert broken(suite, frame) == set()
    assert broken(suite, frame + 1) == {"expect_column_values_to_be_between:x"}


def test_names_that_may_identify_someone_do_not_enter_the_suite(profile_of: Profiler) -> None:
    frame = pd.DataFrame({"mail": [f"person{i}@example.org" for i in range(1000)]})
    suite = infer_suite(*profile_of(frame, {"mail": Kind.CATEGORICAL}))
    assert set(rules_on(suite, "mail")) == {"expect_column_to_exist", "expect_column_values_to_not_be_null"}
    assert "example.org" not in json.dumps(suite)


def test_a_datetime_has_no_range_because_time_passes(world: Any) -> None:
    rules = rules_on(infer_suite(world.layout, world.reference), "joined")
    assert set(rules) == {"expect_column_to_exist", "expect_column_values_to_not_be_null"}


def test_nothing_is_inferred_from_an_empty_or_faulty_reference(world: Any) -> None:
    with pytest.raises(ReferenceMismatch, match="no rows"):
        infer_suite(world.layout, replace(world.reference, rows={WHOLE: 0}))
    with pytest.raises(ReferenceMismatch, match="'age' is missing"):
        infer_suite(world.layout, replace(world.reference, faults={"age": "column 'age' is missing"}))
    with pytest.raises(ReferenceMismatch, match="no cells of column 'amount'"):
        infer_suite(world.layout, replace(world.reference, cells={}))
