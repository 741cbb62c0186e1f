"""Totals in place of labels: from a spec to measurements and a decision; what is not told says so; slices; refusals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.keys import Window
from airflow_ml_monitor.measurement import Family, Measurement, Status
from airflow_ml_monitor.metrics.metric import Subject, metrics
from airflow_ml_monitor.metrics.names import OF_TOTALS
from airflow_ml_monitor.monitor.judgement import decide
from airflow_ml_monitor.monitor.label_condition import Wait, look, news
from airflow_ml_monitor.monitor.measure import labelled_metrics
from airflow_ml_monitor.monitor.performance import measure_performance, performance
from airflow_ml_monitor.monitor.spec import MonitorSpec
from airflow_ml_monitor.profile.task import TaskKind
from airflow_ml_monitor.truth.maturity import Enough

DAY = timedelta(days=1)
TOTALS = {"mode": "aggregate", "label": "defaulted", "rows": "loans", "day": "sold_on", "key": (), "mature_at": 1.0}
BY_PURPOSE = {**TOTALS, "by": "purpose"}


def totals_of(world: Any, *by: str, days: int = 2) -> pd.DataFrame:
    """What a closing would say of every day, so many days after it: all its rows, summed by pandas."""
    rows = world.predictions.merge(world.labels[["id", "y"]], on="id", how="left").fillna({"y": 0.0})
    rows["sold_on"] = rows["at"].dt.floor("D")
    found = rows.groupby(["sold_on", *by]).agg(loans=("id", "size"), defaulted=("y", "sum")).reset_index()
    return found.assign(known_at=found["sold_on"] + (1 + days) * DAY)


@pytest.fixture
def closing(worlds: Any) -> Callable[..., Any]:
    """A world whose labels are totals."""

    def make(*by: str, totals: Callable[[pd.DataFrame], pd.DataFrame] = lambda found: found, **more: Any) -> Any:
        named = {**TOTALS, **more.pop("outcomes", {}), **({"by": list(by)} if by else {})}
        world = worlds(outcomes=named, **more)
        world.labels = totals(totals_of(world, *by))
        world.write_labels()
        return world

    return make


def whole(rows: list[Measurement], *metrics: str) -> dict[str, Measurement]:
    """Rows of the whole by metric."""
    return {row.metric: row for row in rows if not row.slice and (row.metric in metrics or not metrics)}


def stored(world: Any, family: Family, **more: Any) -> dict[str, Measurement]:
    """What the store holds of the whole, by metric."""
    found = world.store.current(world.spec.key, families=[family], whole=True, **more)
    return {r.measurement.metric: r.measurement for r in found}


def of_day(world: Any, number: int) -> pd.DataFrame:
    window = world.day(number)
    return world.predictions[world.predictions["at"].between(window.start, window.end, inclusive="left")]


def test_a_day_is_judged_by_its_total_against_what_was_predicted_of_its_rows(closing: Any, measure: Any) -> None:
    world = closing(days=2)
    measure(world.monitor(), world.run(0, hours=49))
    found = whole(performance(world.monitor(), world.day(0), world.run(0, hours=49).known_at))
    rows, (total,) = of_day(world, 0), world.labels[:1].itertuples()
    rate, decided = total.defaulted / len(rows), (rows["score"] >= 0.5).mean()
    expected = {
        "label_rate": rate,
        "prediction_rate": decided,
        "calibration_in_the_large": rows["score"].mean() - rate,
        "prediction_surplus": decided - rate,
        "label_maturity": 1.0,
    }
    values = {name: row.estimate.value for name, row in found.items() if row.estimate is not None}
    assert values == pytest.approx(expected)
    low, high = binomtest(int(total.defaulted), len(rows)).proportion_ci(method="wilson")
    gap = found["calibration_in_the_large"].estimate
    assert (gap.low, gap.high) == pytest.approx((rows["score"].mean() - high, rows["score"].mean() - low))
    assert found["label_rate"].estimate.n == gap.n == len(rows)


def test_what_totals_do_not_tell_is_undefined_and_says_why_whenever_it_is_asked(closing: Any, measure: Any) -> None:
    world = closing(days=2)
    for hours in (6, 49, 24 * 6):
        run = world.run(0, hours=hours)
        measure(world.monitor(), run)
        found = whole(performance(world.monitor(), world.day(0), run.known_at))
        every = {m.name for m in labelled_metrics(world.spec.task, world.spec.datasets[0])}
        assert every <= {*found}
        for name in every - {*OF_TOTALS[TaskKind.BINARY]}:
            assert found[name].status is Status.UNDEFINED
            assert "labels are totals" in found[name].reason
        assert not [name for name in found if name.startswith(("final.", "bounds."))]


def test_before_the_total_has_come_its_metrics_wait_and_say_for_what(closing: Any, measure: Any) -> None:
    world = closing(days=2)
    run = world.run(0, hours=6)
    measure(world.monitor(), run)
    found = whole(performance(world.monitor(), world.day(0), run.known_at))
    assert found["label_rate"].status is Status.IMMATURE
    told = "totals of 0% of 150 predictions have come; judged once 100% have, or on 2026-03-08"
    assert told in found["label_rate"].reason
    assert found["naive.label_rate"].status is Status.TOO_FEW
    assert found["label_maturity"].status is Status.IMMATURE


def known_totals(world: Any, moment: datetime) -> pd.DataFrame:
    known = world.labels[world.labels["known_at"] <= moment].sort_values("known_at")
    return known.drop_duplicates("sold_on", keep="last").set_index("sold_on")


def corrected(found: pd.DataFrame) -> pd.DataFrame:
    """Every third day is closed again three days later, one positive fewer."""
    again = found[::3]
    later = again.assign(defaulted=again["defaulted"] - 1, known_at=again["known_at"] + 3 * DAY)
    return pd.concat([found, later], ignore_index=True)


def check_as_of(world: Any) -> int:
    """Every window at every midnight since it ended: the label rate that pandas makes of the totals known by then."""
    compared = 0
    for number in range(world.days):
        window = world.day(number)
        for days in range(8):
            moment = window.end + days * DAY
            rows = whole(performance(world.monitor(), window, moment), "label_rate", "naive.label_rate")
            (value,) = {row.estimate.value for row in rows.values() if row.estimate is not None} or {None}
            known = known_totals(world, moment)
            total = known.loc[window.start] if window.start in known.index else None
            assert value == (None if total is None else pytest.approx(total["defaulted"] / total["loans"]))
            compared += total is not None
    return compared


@pytest.mark.parametrize("order", ["day by day", "at once", "backwards"])
def test_as_of_any_midnight_is_what_pandas_says_however_the_days_were_run(
    closing: Any, measure: Any, order: str
) -> None:
    world = closing(days=5, totals=corrected)
    late = [world.run(number, hours=24 * (world.days + 7 - number)) for number in range(world.days)]
    if order == "day by day":
        late = [world.run(number) for number in range(world.days)] + late[-1:]
    for run in late if order == "day by day" else late[-1:] if order == "at once" else reversed(late):
        measure(world.monitor(), run)
    if order == "at once":
        measure(world.monitor(), late[0])
    assert check_as_of(world) == 5 * 6


def test_a_backfill_leaves_the_history_that_days_in_their_order_leave(closing: Any, measure: Any, history: Any) -> None:
    world = closing(days=6, totals=corrected)
    other = world.new_store("backwards")
    runs = [world.run(number, hours=0) for number in range(world.days)]
    for run in runs:
        measure(world.monitor(), run)
    for run in [runs[2], runs[0], runs[4], runs[1], runs[5], runs[3]]:
        measure(world.monitor(store=other), run)
    last = world.run(world.days - 1, hours=24 * 9)
    for store in (world.store, other):
        measure(world.monitor(store=store), last)
    wanted = {"metric": "calibration_in_the_large"}
    forwards, backwards = (history(store, world.spec.key, **wanted) for store in (world.store, other))
    assert set(forwards["window_start"]) == {world.day(number).start for number in range(world.days)}
    pd.testing.assert_frame_equal(forwards, backwards)


def test_a_correction_restates_the_window_that_it_is_of_and_no_other(closing: Any, measure: Any) -> None:
    world = closing(days=4)
    for number in range(4):
        measure(world.monitor(), world.run(number, hours=72))
    before = world.revisions()
    again = world.labels.iloc[[1]].assign(defaulted=3.0, known_at=world.run(3, hours=80).known_at)
    world.labels = pd.concat([world.labels, again], ignore_index=True)
    world.write_labels()
    measure(world.monitor(), world.run(3, hours=90))
    # Of the days after it nothing came, and no horizon passed meanwhile.
    assert {day for family, _, day in world.grown(before) if family == "performance"} == {"03-03"}
    found = stored(world, Family.PERFORMANCE, start=world.day(1).start, end=world.day(1).end)
    assert found["label_rate"].estimate.value == 3 / 150


def test_of_a_regression_a_correction_of_the_sum_alone_is_a_revision_of_its_own(worlds: Any, measure: Any) -> None:
    columns = {"x": "numeric", "score": {"role": "prediction"}}
    world = worlds(days=1, task={"kind": "regression"}, dataset={"columns": columns}, outcomes=TOTALS)
    world.labels = totals_of(world, days=0).assign(defaulted=60.0)
    again = world.labels.assign(defaulted=61.5, known_at=world.labels["known_at"] + DAY)
    world.labels = pd.concat([world.labels, again])
    world.write_labels()
    mean = world.predictions["score"].mean()
    for hours, total in ((6, 60.0), (30, 61.5)):
        run = world.run(0, hours=hours)
        measure(world.monitor(), run)
        found = {
            r.measurement.metric: r.measurement
            for r in world.store.current(world.spec.key, families=[Family.PERFORMANCE])
        }
        values = [found[name].estimate.value for name in ("mean_label", "mean_prediction", "bias")]
        assert values == pytest.approx([total / 150, mean, mean - total / 150])
        assert found["bias"].estimate.low is None
        assert found["rmse"].status is Status.UNDEFINED


def test_slices_have_their_own_totals_and_the_whole_is_their_sum(closing: Any, measure: Any) -> None:
    world = closing("purpose", days=2, dataset={"slice_by": ["purpose"]})
    run = world.run(0, hours=49)
    measure(world.monitor(), run)
    found = {
        row.slice: row.estimate.value
        for row in performance(world.monitor(), world.day(0), run.known_at)
        if row.metric == "calibration_in_the_large" and row.estimate is not None
    }
    totals = world.labels[world.labels["sold_on"] == world.day(0).start].set_index("purpose")
    rows = of_day(world, 0)
    expected = {(): rows["score"].mean() - totals["defaulted"].sum() / len(rows)}
    for purpose, mine in rows.groupby("purpose"):
        expected[(("purpose", purpose),)] = mine["score"].mean() - totals["defaulted"][purpose] / len(mine)
    assert found == pytest.approx(expected)


def test_a_slice_that_totals_are_not_by_has_no_value_and_says_so(closing: Any, measure: Any) -> None:
    world = closing(days=1, dataset={"slice_by": ["purpose"]})
    run = world.run(0, hours=49)
    measure(world.monitor(), run)
    rows = performance(world.monitor(), world.day(0), run.known_at)
    sliced = [row for row in rows if row.slice and row.metric == "label_rate"]
    assert len(sliced) == 3
    assert {row.status for row in sliced} == {Status.UNDEFINED}
    assert "no total is by 'purpose'" in sliced[0].reason


def test_weeks_add_up_from_totals_of_their_days_and_say_of_how_many_rows(closing: Any, measure: Any) -> None:
    world = closing(days=7, windows=["week"], totals=lambda found: found[found.index != 6])
    week = Window(world.day(0).start, world.day(6).end)
    run = replace(world.run(6, hours=24 * 6), window=week)
    measure(world.monitor(), run)
    found = whole(performance(world.monitor(), week, run.known_at))
    totals = world.labels
    assert found["label_rate"].estimate.value == totals["defaulted"].sum() / totals["loans"].sum()
    assert found["label_maturity"].estimate.value == pytest.approx(6 / 7)
    assert "totals of 86% of the rows" in found["label_rate"].reason
    rows = world.predictions[world.predictions["at"] < world.day(6).start]
    gap = rows["score"].mean() - found["label_rate"].estimate.value
    assert found["calibration_in_the_large"].estimate.value == pytest.approx(gap)


def test_totals_that_cannot_be_are_a_row_with_their_reasons(closing: Any, measure: Any) -> None:
    def wrong(found: pd.DataFrame) -> pd.DataFrame:
        weekly = found[:1].assign(loans=1050, defaulted=200.0)
        unknown = found[:1].assign(sold_on=found["sold_on"].min() - 30 * DAY)
        twice = found[:1]
        return pd.concat([found, weekly, unknown, twice], ignore_index=True)

    world = closing(days=2, totals=wrong)
    measure(world.monitor(), world.run(0, hours=49))
    found = stored(world, Family.QUALITY, dataset="outcomes")
    values = {name: found[name].estimate.value for name in ("orphan_labels", "repeated_labels", "refused_totals")}
    # The second day had not been looked at: its total is one of nothing, yet.
    assert values == {"orphan_labels": 1 + 0, "repeated_labels": 1, "refused_totals": 1}
    assert found["refused_totals"].reason == "1 of more rows than were predicted"
    assert not {"label_maturity", "label_delay", "label_silence"} & {*found}


def test_a_rule_on_totals_decides_and_a_correction_takes_it_back(closing: Any, measure: Any) -> None:
    rule = {"metric": "calibration_in_the_large", "bounds": {"min": -0.2}, "action": "retrain"}

    def many(found: pd.DataFrame) -> pd.DataFrame:
        high = found.assign(defaulted=found["loans"] * 1.0)
        return pd.concat([high, found.assign(known_at=found["known_at"] + 2 * DAY)], ignore_index=True)

    world = closing(days=1, totals=many, policy={"rules": [rule]})
    said = []
    for hours in (6, 49, 97):
        run = world.run(0, hours=hours)
        measure(world.monitor(), run)
        said.append(decide(world.monitor(), run))
    assert [str(decision.action) for decision in said] == ["wait", "retrain", "none"]


def test_a_rule_on_how_many_rows_totals_cover_alarms_once_the_horizon_has_passed(closing: Any, measure: Any) -> None:
    rule = {"metric": "label_maturity", "bounds": {"min": 0.9}, "action": "alert"}
    world = closing(days=1, totals=lambda found: found.assign(loans=100), policy={"rules": [rule]})
    said = []
    for hours in (6, 49, 121):
        run = world.run(0, hours=hours)
        measure(world.monitor(), run)
        said.append(decide(world.monitor(), run))
    assert [str(decision.action) for decision in said] == ["none", "none", "alert"]
    assert "label_maturity of v1 0.6667 below 0.9" in said[-1].because


def test_sensors_wait_for_a_share_of_the_rows(closing: Any) -> None:
    world = closing(days=1)
    wait = Wait(Enough(coverage=0.9))
    early, late = (look(world.monitor(), world.run(0, hours=hours), wait) for hours in (6, 49))
    assert (early.reached, early.at_hand["outcomes"].coverage) == (False, 0.0)
    assert (late.reached, late.at_hand["outcomes"].coverage) == (True, 1.0)
    assert late.at_hand["outcomes"].positives == world.labels["defaulted"].iloc[0]
    assert news(world.monitor(), world.run(0, hours=50).known_at)[0] == []


def test_what_scores_alone_say_stays_and_the_scoreboard_says_what_it_cannot_compare(closing: Any, measure: Any) -> None:
    world = closing(days=3)
    for number in range(3):
        measure(world.monitor(), world.run(number, hours=6))
    measure(world.monitor(), world.run(2, hours=24 * 7))
    said = {
        r.measurement.metric: r.measurement for r in world.store.current(world.spec.key, families=[Family.ESTIMATE])
    }
    assert said["cbpe.roc_auc"].status is Status.OK
    board = {
        r.measurement.parameters: r.measurement
        for r in world.store.current(world.spec.key, families=[Family.ESTIMATE], metrics={"scoreboard"})
    }
    assert board["cbpe.roc_auc"].status is Status.UNDEFINED
    assert "labels are totals" in board["cbpe.roc_auc"].reason
    assert board["cbpe.label_rate"].estimate.n > 0


def test_totals_of_two_model_versions_are_judged_together_and_of_neither_alone(closing: Any, measure: Any) -> None:
    world = closing(days=1)
    world.predictions["model_version"] = np.where(np.arange(len(world.predictions)) % 2, "v1", "v2")
    world.write_day(0)
    measure(world.monitor(), world.run(0, hours=24 * 6))
    rows = world.store.current(world.spec.key, families=[Family.PERFORMANCE], metrics={"label_rate"})
    found = {r.head.model_version: r.measurement.status for r in rows}
    assert found == {"v1": Status.TOO_FEW, "v2": Status.TOO_FEW, "": Status.OK}


@pytest.mark.parametrize("kind", ["binary", "regression"])
def test_the_page_shows_what_totals_tell_and_draws_no_row_by_its_label(worlds: Any, measure: Any, kind: str) -> None:
    pytest.importorskip("matplotlib")
    from airflow_ml_monitor.report.page import report

    role = {"binary": "score", "regression": "prediction"}[kind]
    columns = {"x": "numeric", "score": {"role": role}}
    world = worlds(days=2, task={"kind": kind}, dataset={"columns": columns}, outcomes=TOTALS)
    world.labels = totals_of(world)
    world.write_labels()
    for number in range(2):
        measure(world.monitor(), world.run(number, hours=49))
        decide(world.monitor(), world.run(number, hours=49))
    page = report(world.store, world.spec.key)
    assert {"binary": "calibration_in_the_large", "regression": "mean_prediction"}[kind] in page
    assert "Labels are totals (outcomes)" in page
    for drawn in ("Scores by label", "Percentage errors", "which do not tell which row"):
        assert drawn not in page


def test_predictions_that_are_rewritten_bring_their_totals_along(closing: Any, measure: Any) -> None:
    world = closing(days=1)
    measure(world.monitor(), world.run(0, hours=49))
    world.predictions["score"] /= 2
    world.write_day(0)
    run = world.run(0, hours=60)
    measure(world.monitor(), run)
    found = whole(performance(world.monitor(), world.day(0), run.known_at))
    rate = world.labels["defaulted"][0] / 150
    assert found["calibration_in_the_large"].estimate.value == pytest.approx(world.predictions["score"].mean() - rate)


def test_a_source_of_totals_is_the_same_after_its_document(closing: Any) -> None:
    world = closing("purpose", days=1, dataset={"slice_by": ["purpose"]})
    assert MonitorSpec.from_document(world.spec.document()) == world.spec
    (source,) = world.spec.labels
    assert (source.rows, source.day, source.by, source.key) == ("loans", "sold_on", ("purpose",), ())


@pytest.mark.parametrize(
    ("changes", "field", "told"),
    [
        ({"outcomes": {**TOTALS, "rows": None}}, "labels.outcomes.rows", "how many rows"),
        ({"outcomes": {**TOTALS, "day": None}}, "labels.outcomes.day", "the day that it is of"),
        ({"outcomes": {**TOTALS, "label_time": None}}, "labels.outcomes.label_time", "newest"),
        ({"outcomes": {**TOTALS, "key": "id"}}, "labels.outcomes.key", "leave key out"),
        ({"outcomes": {**TOTALS, "several": "first"}}, "labels.outcomes.several", "the last counts"),
        ({"outcomes": {**TOTALS, "censored": "closed"}}, "labels.outcomes.censored", "single rows"),
        ({"outcomes": BY_PURPOSE}, "labels.outcomes.by", "'purpose' is no slice_by column"),
        ({"outcomes": {"rows": "loans"}}, "labels.outcomes.rows", "mode: aggregate"),
        ({"outcomes": {"by": ["purpose"]}}, "labels.outcomes.by", "mode: aggregate"),
        ({"outcomes": TOTALS, "task": {"kind": "ranking"}}, "labels.outcomes.mode", "binary or regression"),
    ],
)
def test_what_makes_no_sense_of_totals_is_refused_in_words(
    worlds: Any, changes: dict[str, Any], field: str, told: str
) -> None:
    with pytest.raises(SpecError, match=told) as refused:
        worlds(**changes)
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("metric", "told"),
    [
        ("roc_auc", "do not tell roc_auc; choose one of calibration_in_the_large, label_rate"),
        ("weighted_brier", "do not tell weighted_brier"),
        ("final.label_rate", "nothing is estimated or bounded; take label_rate"),
        ("bounds.label_rate", "take label_rate"),
        ("naive.accuracy", "do not tell accuracy"),
        ("label_delay", "take label_maturity"),
    ],
)
def test_a_rule_that_no_total_could_break_is_refused_before_data_is_read(worlds: Any, metric: str, told: str) -> None:
    rule = {"metric": metric, "bounds": {"min": 0.1}}
    with pytest.raises(SpecError, match=told):
        worlds(outcomes=TOTALS, policy={"rules": [rule]})


@pytest.mark.parametrize("metric", ["label_rate", "naive.label_rate", "cbpe.roc_auc", "label_maturity", "psi"])
def test_rules_on_what_is_there_are_taken(worlds: Any, metric: str) -> None:
    world = worlds(days=1, outcomes=TOTALS, policy={"rules": [{"metric": metric, "bounds": {"max": 0.9}}]})
    assert [rule.metric for rule in world.spec.policy.rules] == [metric]


def test_beside_labels_of_rows_every_rule_is_taken(worlds: Any) -> None:
    world = worlds(days=1, policy={"rules": [{"metric": "roc_auc", "bounds": {"min": 0.7}}]})
    closed = replace(
        MonitorSpec.from_document({**world.spec.document(), "policy": {}}).labels[0],
        **{**TOTALS, "name": "closed", "mode": type(world.spec.labels[0].mode)("aggregate")},
    )
    beside = replace(world.spec, labels=(*world.spec.labels, closed))
    assert [source.are_totals for source in beside.labels] == [False, True]
    with pytest.raises(SpecError, match="do not tell roc_auc"):
        replace(world.spec, labels=(closed,))


def test_the_names_that_a_spec_is_checked_by_are_those_of_the_metrics() -> None:
    told = {m.name for m in metrics().values() if m.of_totals is not None}
    by_task = {
        kind: tuple(sorted(m.name for m in metrics().values() if m.name in told and kind in m.tasks))
        for kind in (TaskKind.BINARY, TaskKind.REGRESSION)
    }
    assert by_task == OF_TOTALS
    assert {m.subject for m in metrics().values() if m.name in told} == {Subject.LABELLED}


def test_a_column_that_slices_and_is_not_declared_is_a_row_that_says_so(closing: Any, worlds: Any) -> None:
    world = closing("purpose", days=1, dataset={"slice_by": ["purpose"]})
    forgotten = replace(world.spec, labels=(replace(world.spec.labels[0], by=()),))
    measure_performance(world.monitor(forgotten), world.run(0, hours=49))
    (row,) = world.store.current(world.spec.key, metrics={"orphan_labels"})
    assert (row.measurement.status, "declare by: [purpose]" in row.measurement.reason) == (Status.FAILED, True)
