"""A monitor of a search, from the spec to the store: what pandas says of the clicks that were known."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from sklearn.metrics import ndcg_score

from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.keys import Window
from airflow_ml_monitor.measurement import Family, Status
from airflow_ml_monitor.monitor.judgement import decide
from airflow_ml_monitor.monitor.label_condition import Wait, look
from airflow_ml_monitor.monitor.performance import performance
from airflow_ml_monitor.monitor.spec import MonitorSpec
from airflow_ml_monitor.onboarding.finding import Level
from airflow_ml_monitor.onboarding.preflight import preflight
from airflow_ml_monitor.profile.task import Task, TaskKind
from airflow_ml_monitor.report.page import report
from airflow_ml_monitor.truth.maturity import Enough

ITEMS = 6
COLUMNS = {
    "x": "numeric",
    "purpose": "categorical",
    "score": {"role": "score"},
    "search": {"kind": "categorical", "role": "query"},
    "model_version": {"kind": "categorical", "role": "version"},
}
TASK = {"kind": "ranking", "at": [1, 3]}


def searched(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows as searches of six items each, shown at one moment, of one purpose."""
    of = np.arange(len(frame)) // ITEMS
    found = frame.assign(search=[f"s{i}" for i in of], score=(10 * frame["score"]).round())
    for name in ("at", "purpose"):
        found[name] = found.groupby("search")[name].transform("first")
    return found


@pytest.fixture
def searches(worlds: Callable[..., Any]) -> Callable[..., Any]:
    """Makes worlds of searches: a click now and then, more on high scores, hours to six days later."""

    def make(**changes: Any) -> Any:
        dataset = {"columns": COLUMNS, "slice_by": "purpose"}
        world = worlds(**{"days": 4, "rows": 120, "task": TASK, "dataset": dataset, "contract": None, **changes})
        path = world.root / "reference.parquet"
        searched(pd.read_parquet(path)).to_parquet(path)
        world.predictions = searched(world.predictions)
        rng = np.random.default_rng(8)
        world.labels["y"] = np.where(rng.random(len(world.labels)) < 0.3, rng.integers(1, 4, len(world.labels)), 0.0)
        world.labels = world.labels[(world.labels["y"] > 0) | (rng.random(len(world.labels)) < 0.3)]
        for number in range(world.days):
            world.write_day(number)
        world.write_labels()
        return world

    return make


def ndcg(world: Any, window: Window, moment: Any, k: int) -> tuple[float, int]:
    """(mean over labelled searches by scikit-learn, their number), of the labels known."""
    known = world.known(window, moment).set_index("id")["y"]
    shown = world.predictions[world.predictions["at"].between(window.start, window.end, inclusive="left")]
    worth = []
    for _, items in shown.groupby("search"):
        if items["id"].isin(known.index).any():
            ordered = items.sort_values(["score", "id"], ascending=[False, True])
            labels = known.reindex(ordered["id"]).fillna(0).to_numpy()
            worth.append(ndcg_score([labels], [np.arange(len(labels), 0, -1)], k=k))
    return float(np.mean(worth)), len(worth)


def values(rows: Any) -> dict[tuple[str, str], tuple[float, int]]:
    found = [row for row in rows if row.estimate is not None and not row.slice]
    return {(row.metric, row.parameters): (row.estimate.value, row.estimate.n) for row in found}


def test_values_are_naive_until_the_horizon_and_those_of_scikit_learn_on_the_labels_known(
    searches: Callable[..., Any], measure: Callable[..., int]
) -> None:
    world = searches(outcomes={"horizon": "7d", "mature_at": None})
    monitor = world.monitor()
    for number in range(world.days):
        measure(monitor, world.run(number))
    measure(monitor, world.run(world.days - 1, hours=24 * 8))
    compared = 0
    for number in range(world.days):
        for later in (1, 3, 7):
            moment = world.day(number).end + timedelta(days=later)
            rows = performance(monitor, world.day(number), moment)
            found = values(rows)
            prefix = "" if later == 7 else "naive."
            for k in (1, 3):
                value, n = ndcg(world, world.day(number), moment, k)
                assert found[f"{prefix}ndcg", f"at={k}"] == (pytest.approx(value, abs=1e-12), n)
                compared += 1
            waiting = [row for row in rows if row.metric == "ndcg" and row.status is Status.IMMATURE]
            assert bool(waiting) == (later < 7)
            assert all("of 20 queries have come; judged on" in row.reason for row in waiting)
            assert all("not estimated: a query is worth what all of its items" in row.reason for row in waiting)
    assert compared == 24


def test_every_run_revises_windows_whose_clicks_moved_no_count(
    searches: Callable[..., Any], measure: Callable[..., int]
) -> None:
    """Every search has a label at once; what comes later moves what it is worth, and no number of labels."""
    world = searches(days=2, outcomes={"horizon": "7d", "mature_at": 0.5})
    first = world.predictions.drop_duplicates("search")
    at_once = pd.DataFrame({"id": first["id"], "y": 0.0, "known_at": first["at"]})
    world.labels = pd.concat([at_once, world.labels[~world.labels["id"].isin(first["id"])]], ignore_index=True)
    world.write_labels()
    monitor, seen = world.monitor(), []
    for hours in (6, 24, 48, 24 * 8):
        run = world.run(0, hours=hours)
        measure(monitor, run)
        rows = world.store.current(monitor.key, families=[Family.PERFORMANCE], metrics={"ndcg"})
        found = values(r.measurement for r in rows if r.head.window == world.day(0) and r.head.stage == "production")
        assert found["ndcg", "at=3"] == (pytest.approx(ndcg(world, world.day(0), run.known_at, 3)[0]), 20)
        seen.append(found["ndcg", "at=3"][0])
    assert len(set(seen)) == 4
    before = world.revisions()
    measure(monitor, world.run(0, hours=24 * 8))
    assert world.grown(before) == {}


def test_backwards_leaves_what_day_by_day_does(
    searches: Callable[..., Any], measure: Callable[..., int], history: Callable[..., pd.DataFrame]
) -> None:
    forth, back = searches(), searches()
    for number in range(forth.days):
        measure(forth.monitor(), forth.run(number, hours=24 * (forth.days + 6 - number)))
        measure(back.monitor(), back.run(forth.days - 1 - number, hours=24 * (7 + number)))
    tables = [history(world.store, world.monitor().key, families=[Family.PERFORMANCE]) for world in (forth, back)]
    known = [table[table["metric"].str.startswith("ndcg")]["value"].dropna() for table in tables]
    assert len(known[0]) > 20
    np.testing.assert_allclose(*known, rtol=1e-12)


def test_clicks_alone_are_enough_where_silence_is_a_label(
    searches: Callable[..., Any], measure: Callable[..., int]
) -> None:
    silent = {"mode": "implicit", "horizon": "3d", "mature_at": None}
    world = searches(outcomes=silent)
    world.labels = world.labels[world.labels["y"] > 0]
    world.write_labels()
    monitor = world.monitor()
    for number in range(world.days):
        measure(monitor, world.run(number))
    measure(monitor, world.run(world.days - 1, hours=24 * 4))
    window = world.day(1)
    due = window.end + timedelta(days=3)
    found = values(performance(monitor, window, due))
    worth, clicked = ndcg(world, window, due, 3)
    assert clicked < 20
    assert found["ndcg", "at=3"] == (pytest.approx(worth * clicked / 20), 20)
    assert found["queries_without_relevant", ""] == (pytest.approx(1 - clicked / 20), 20)
    assert values(performance(monitor, window, window.end + timedelta(days=2)))["naive.ndcg", "at=3"][1] <= clicked


def test_coverage_is_the_share_of_searches_with_a_label_and_a_window_may_be_mature_by_it(
    searches: Callable[..., Any], measure: Callable[..., int]
) -> None:
    world = searches(outcomes={"horizon": "30d", "mature_at": 0.6})
    run = world.run(0, hours=48)
    measure(world.monitor(), run)
    rows = [r for r in world.store.current(world.spec.key, metrics={"ndcg"}) if not r.measurement.slice]
    _, labelled = ndcg(world, world.day(0), run.known_at, 3)
    (row, *_) = [r for r in rows if r.head.window == world.day(0) and r.head.stage == "production"]
    assert (row.coverage, row.is_final) == (pytest.approx(labelled / 20), False)
    assert labelled / 20 >= 0.6
    assert row.measurement.status is Status.OK


def test_a_wait_for_labels_counts_searches(searches: Callable[..., Any]) -> None:
    world = searches()
    run = world.run(0, hours=24)
    _, labelled = ndcg(world, world.day(0), run.known_at, 3)
    found = look(world.monitor(), run, Wait(Enough(coverage=0.999)))
    assert found.at_hand["outcomes"].coverage == pytest.approx(labelled / 20)
    assert found.at_hand["outcomes"].arrived == labelled
    assert not found.reached


def test_a_slice_holds_its_searches(searches: Callable[..., Any], measure: Callable[..., int]) -> None:
    world = searches()
    measure(world.monitor(), world.run(0, hours=24 * 9))
    rows = world.store.current(world.spec.key, metrics={"hit_rate"})
    found = {
        r.measurement.slice: r.measurement.estimate.n
        for r in rows
        if r.head.window == world.day(0) and r.measurement.parameters == "at=3" and r.head.stage == "production"
    }
    assert len(found) == 4
    assert found[()] == sum(n for slice, n in found.items() if slice)


def test_a_rule_may_name_one_cut_off_and_is_held_against_the_reference(
    searches: Callable[..., Any], measure: Callable[..., int]
) -> None:
    rules = [
        {"name": "first", "metric": "hit_rate", "parameters": "at=1", "min": 0.99, "action": "alert"},
        {"name": "order", "metric": "ndcg", "parameters": "at=3", "fall": 0.01, "action": "retrain"},
    ]
    world = searches(policy={"rules": rules})
    monitor, last = world.monitor(), world.run(world.days - 1, hours=24 * 9)
    for number in range(world.days):
        measure(monitor, world.run(number, hours=24 * 9))
    decision = decide(monitor, last)
    texts = [alarm["text"] for alarm in decision.evidence["alarms"]]
    assert any(text.startswith("hit_rate [at=1]") for text in texts)
    assert any(text.startswith("ndcg [at=3]") for text in texts)
    page = report(world.store, monitor.key)
    assert "hit_rate [at=1]" in page
    assert "Share of labels known by age" in page


def test_the_check_before_the_first_run_finds_no_error(searches: Callable[..., Any]) -> None:
    found = preflight(searches().spec)
    assert not [finding for finding in found if finding.level is Level.ERROR]


def document(columns: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    columns = {"score": {"role": "score"}, "q": {"role": "query"}} if columns is None else columns
    dataset = {"name": "p", "source": "p", "event_time": "at", "entity_key": "id", "columns": columns}
    return {
        "name": "search",
        "task": {"kind": "ranking", **changes.pop("task", {})},
        "datasets": [dataset],
        "labels": {"name": "y", "source": "y", "key": "id", "label": "y", **changes},
        "reference": "r",
    }


def test_yaml_python_and_the_stored_document_give_the_same_spec(tmp_path: Path) -> None:
    (tmp_path / "search.yaml").write_text(yaml.safe_dump(document(task={"at": [10, 3]}), sort_keys=False))
    spec = MonitorSpec.from_yaml(tmp_path / "search.yaml")
    assert spec.task == Task(TaskKind.RANKING, at=(10, 3))
    assert spec.task.cutoffs == (3, 10)
    assert MonitorSpec.from_document(spec.document()) == spec
    assert MonitorSpec.from_document(document()).task.cutoffs == (1, 5, 10)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"task": {"at": [0]}}, r"^task.at: 0 is no number of first places; give e.g. \[1, 5, 10\]"),
        ({"task": {"at": [5, 1, 5]}}, r"^task.at: 5 stands there twice"),
        ({"task": {"at": list(range(1, 12))}}, r"^task.at: 11 are more than 10"),
        ({"task": {"kind": "binary", "at": [1]}}, r"^task.at: a binary task has no first places; set kind: ranking"),
        ({"task": {"classes": ["a", "b", "c"]}}, r"^task.classes: a ranking task has no classes"),
        ({"columns": {"score": {"role": "score"}}}, r"^datasets.p.columns: no columns have the role 'query'"),
        (
            {"columns": {name: {"role": "query"} for name in ("q", "r")}},
            r"^datasets.p.columns: 2 columns have the role 'query'; declare one",
        ),
        ({"columns": {"q": {"role": "query"}}}, r"^datasets.p.columns: a ranking needs a column with role 'score'"),
        (
            {"columns": {"q": {"role": "query"}, "a": {"role": "score"}, "b": {"role": "score"}}},
            r"^datasets.p.columns: 2 columns have the role 'score' \(the higher, the earlier\); declare one",
        ),
        ({"mode": "implicit"}, r"^labels.y.mode: implicit labels are events of a binary task, or a ranking"),
        ({"mode": "selective"}, r"^labels.y.mode: selective labels need a binary task"),
    ],
)
def test_a_ranking_that_cannot_work_is_refused_before_data_is_read(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(SpecError, match=told):
        MonitorSpec.from_document(document(**changes))
