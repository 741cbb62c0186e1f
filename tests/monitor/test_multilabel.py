"""A monitor of several labels a row, from the spec to the store: what scikit-learn says of the labels known."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sklearn.metrics as oracle
import yaml

from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.measurement import Family, Measurement, Status, base_of
from airflow_ml_monitor.monitor.judgement import decide
from airflow_ml_monitor.monitor.label_condition import Wait, look
from airflow_ml_monitor.monitor.performance import performance
from airflow_ml_monitor.monitor.spec import MonitorSpec
from airflow_ml_monitor.onboarding.draft import draft
from airflow_ml_monitor.onboarding.finding import Level
from airflow_ml_monitor.onboarding.preflight import preflight
from airflow_ml_monitor.profile.dataset import Column, Role
from airflow_ml_monitor.profile.task import Task, TaskKind
from airflow_ml_monitor.report.page import report
from airflow_ml_monitor.truth.maturity import Enough

CLASSES = ["culture", "politics", "sport"]
SCORES = {f"p_{name}": {"role": "score", "of": name} for name in CLASSES}
DECIDED = {"tags": {"kind": "categorical", "role": "prediction"}}
COLUMNS = {
    "x": "numeric",
    "purpose": "categorical",
    **SCORES,
    "model_version": {"kind": "categorical", "role": "version"},
}
TASK = {"kind": "multilabel", "classes": CLASSES, "threshold": 0.4}
NAMED = ["accuracy", "hamming_loss", "jaccard", "f1", "precision", "recall", "label_rate", "prediction_rate"]
Known = dict[tuple[str, str, Any], tuple[float, int]]


def joined(table: np.ndarray) -> np.ndarray:
    """Sets of labels as text."""
    return np.array(["|".join(np.array(CLASSES)[row.astype(bool)]) for row in table], object)


def scored(frame: pd.DataFrame, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    """The rows with scores of three classes and the sets decided by them, and labels drawn by the scores."""
    rng = np.random.default_rng(seed)
    p = 1 / (1 + np.exp(-rng.normal(-0.5, 1.5, size=(len(frame), 3)) - rng.normal(size=(len(frame), 1))))
    truth = joined(rng.random(p.shape) < p)
    made = frame.drop(columns="score").assign(**dict(zip(SCORES, p.T, strict=True)), tags=joined(p >= 0.4))
    return made, truth


@pytest.fixture
def articles(worlds: Callable[..., Any]) -> Callable[..., Any]:
    """Makes worlds of three labels; on day `new_tag` a fifth of the rows has one that nobody declared.

    as_lists: sets are lists of the files.
    """

    def make(*, new_tag: int = 99, as_lists: bool = False, columns: Any = COLUMNS, **changes: Any) -> Any:
        def filed(found: pd.Series) -> pd.Series:
            return found.str.split("|").map(lambda x: [y for y in x if y] if isinstance(x, list) else None)

        dataset = {"columns": columns, "slice_by": "purpose"}
        changes = {"outcomes": {"horizon": "7d"}, "contract": None, **changes}
        world = worlds(days=4, task=TASK, dataset=dataset, **changes)
        path = world.root / "reference.parquet"
        reference, truth = scored(pd.read_parquet(path).drop(columns="y"), 7)
        reference = reference.assign(y=truth)
        world.predictions, truth = scored(world.predictions, 8)
        truth[4::9] = None
        late = (world.predictions["at"] >= world.day(min(new_tag, world.days)).start).to_numpy().nonzero()[0]
        for row in late[::5]:
            truth[row] = "|".join([*((truth[row] or "").split("|") if truth[row] else []), "weather"])
        by_id = pd.Series(truth, index=world.predictions["id"])
        world.labels["y"] = by_id[world.labels["id"]].to_numpy()
        files = [(reference, "y"), (reference, "tags"), (world.predictions, "tags"), (world.labels, "y")]
        for frame, column in files if as_lists else []:
            frame[column] = filed(frame[column])
        reference.to_parquet(path)
        for number in range(world.days):
            world.write_day(number)
        world.write_labels()
        return world

    return make


def known_values(rows: Any) -> Known:
    """{(metric, parameters, slice): (value, n)} of the labels at hand: naive until they are final."""
    found = [m for m in rows if m.estimate is not None and m.status is not Status.FAILED]
    ordered = sorted(found, key=lambda m: m.metric.startswith("naive."))
    return {(base_of(m.metric), m.parameters, m.slice): (m.estimate.value, m.estimate.n) for m in ordered}


def expected(known: pd.DataFrame) -> dict[tuple[str, str], float]:
    """By scikit-learn."""
    sets = known["y"].map(lambda x: x.split("|") if isinstance(x, str) else list(x))
    y = np.array([[name in one for name in CLASSES] for one in sets], int)
    p = known[list(SCORES)].to_numpy()
    guess = (p >= 0.4).astype(int)
    return {
        ("accuracy", ""): oracle.accuracy_score(y, guess),
        ("hamming_loss", ""): oracle.hamming_loss(y, guess),
        ("jaccard", ""): oracle.jaccard_score(y, guess, average="samples", zero_division=1),
        ("f1", "average=macro"): oracle.f1_score(y, guess, average="macro"),
        ("precision", "average=micro"): oracle.precision_score(y, guess, average="micro"),
        ("f1", "average=weighted"): oracle.f1_score(y, guess, average="weighted"),
        ("recall", "class=politics"): oracle.recall_score(y, guess, average=None)[1],
        ("label_rate", "class=sport"): y[:, 2].mean(),
        ("label_rate", "class=undeclared"): float(np.mean(["weather" in one for one in sets])),
        ("prediction_rate", "class=sport"): guess[:, 2].mean(),
    }


@pytest.mark.parametrize("as_lists", [False, True], ids=["text", "lists"])
def test_values_are_those_of_scikit_learn_on_the_labels_known(
    articles: Callable[..., Any], measure: Callable[..., int], as_lists: bool
) -> None:
    world = articles(measurements=NAMED, as_lists=as_lists, columns={**COLUMNS, **DECIDED})
    monitor = world.monitor()
    for number in range(world.days):
        measure(monitor, world.run(number))
    compared = 0
    for number in range(world.days):
        moment = world.run(number).known_at
        for day in range(number + 1):
            known = world.known(world.day(day), moment)
            if len(known) < 20:
                continue
            found = known_values(performance(monitor, world.day(day), moment))
            for key, value in expected(known).items():
                assert found[(*key, ())][0] == pytest.approx(value, rel=1e-9), key
            assert found["accuracy", "", ()][1] == len(known)
            compared += 1
    assert compared >= 6


def stored(world: Any) -> dict[int, list[Measurement]]:
    rows = world.store.current(world.spec.key, families=[Family.PERFORMANCE])
    live = [r for r in rows if r.head.stage == "production"]
    return {day: [r.measurement for r in live if r.head.window == world.day(day)] for day in range(world.days)}


def test_what_is_stored_when_labels_are_final_is_what_they_say_in_any_order_of_days(
    articles: Callable[..., Any], measure: Callable[..., int]
) -> None:
    worlds = articles(new_tag=2), articles(new_tag=2)
    for world, order in zip(worlds, (range(4), range(3, -1, -1)), strict=True):
        monitor = world.monitor()
        for number in order:
            measure(monitor, world.run(number, hours=24 * 14))
    there, back = map(stored, worlds)
    for number in range(4):
        found = known_values(there[number])
        assert found == {key: pytest.approx(value) for key, value in known_values(back[number]).items()}
        assert not [m for m in there[number] if m.metric.startswith("naive.") or m.status is Status.FAILED]
        known = worlds[0].known(worlds[0].day(number), worlds[0].run(number, hours=24 * 14).known_at)
        mine = known[known["purpose"] == "car"]
        for slice, rows in (((), known), ((("purpose", "car"),), mine)):
            for key, value in expected(rows).items():
                assert found[(*key, slice)][0] == pytest.approx(value), key
            assert found["jaccard", "", slice][1] == len(rows)
        y = known["y"].str.split("|").map(lambda x: "sport" in x)
        area = oracle.roc_auc_score(y, known["p_sport"])
        assert found["roc_auc", "class=sport", ()][0] == pytest.approx(area, abs=0.01)


def test_before_labels_are_final_what_has_come_is_naive_and_the_rest_awaited_with_a_reason(
    articles: Callable[..., Any], measure: Callable[..., int]
) -> None:
    world = articles()
    monitor = world.monitor()
    measure(monitor, world.run(0, hours=24))
    rows = [m for m in stored(world)[0] if not m.slice]
    awaited = [m for m in rows if m.metric == "f1"]
    assert [m.status for m in awaited] == [Status.IMMATURE]
    assert "not estimated: a row has labels of many kinds" in awaited[0].reason
    assert {m.parameters for m in rows if m.metric == "naive.f1"} >= {"average=micro", "class=sport"}


def test_a_sensor_counts_rows_and_not_their_labels(articles: Callable[..., Any]) -> None:
    world = articles()
    window = world.day(1)
    known = world.known(window, world.run(1, 40).known_at)
    predicted = world.predictions["at"].between(window.start, window.end, inclusive="left").sum()
    found = look(world.monitor(), world.run(1, 40), Wait(Enough(coverage=0.9))).at_hand["outcomes"]
    assert (found.coverage, found.arrived) == (pytest.approx(len(known) / predicted), len(known))
    assert 0.2 < found.coverage < 0.9


def test_a_label_that_nobody_declared_is_told_and_a_rule_may_name_one_class(
    articles: Callable[..., Any], measure: Callable[..., int]
) -> None:
    rules = [
        {"name": "new tag", "metric": "label_rate", "parameters": "class=undeclared", "max": 0.02, "action": "alert"},
        {"name": "sport", "metric": "recall", "parameters": "class=sport", "min": 0.99, "action": "retrain"},
        {"name": "of the past", "metric": "hamming_loss", "rise": 0.05, "action": "alert"},
    ]
    world = articles(new_tag=2, policy={"rules": rules})
    monitor = world.monitor()
    for number in range(world.days):
        measure(monitor, world.run(number, hours=24 * 14))
    decision = decide(monitor, world.run(world.days - 1, hours=24 * 14))
    alarms = {(alarm["rule"], alarm["window"][:10]) for alarm in decision.evidence["alarms"]}
    days = [str(world.day(number))[:10] for number in range(4)]
    assert alarms == {*(("new tag", day) for day in days[2:]), *(("sport", day) for day in days)}
    assert decision.action == "retrain"
    page = report(world.store, monitor.key)
    assert "recall [class=sport]" in page
    assert "Share of labels known by age" in page


def test_sets_may_be_profiled_and_held_to_a_contract(articles: Callable[..., Any], measure: Callable[..., int]) -> None:
    world = articles(as_lists=True, columns={**COLUMNS, **DECIDED}, contract="inferred")
    measure(world.monitor(), world.run(0))
    rows = world.store.current(world.spec.key, families=[Family.QUALITY])
    of_sets = [r.measurement for r in rows if r.measurement.column == "tags"]
    assert {m.status for m in of_sets if m.metric == "completeness"} == {Status.OK}
    assert not [m for m in of_sets if m.status is Status.FAILED]


def document(**task: Any) -> dict[str, Any]:
    columns = task.pop("columns", {"x": "numeric", **SCORES})
    dataset = {"name": "p", "source": "p", "event_time": "at", "entity_key": "id", "columns": columns}
    return {
        "name": "articles",
        "task": {**TASK, **task},
        "datasets": [dataset],
        "labels": {"name": "y", "source": "y", "key": "id", "label": "y"},
        "reference": "r",
    }


def test_yaml_python_and_the_stored_document_give_the_same_spec(tmp_path: Path) -> None:
    (tmp_path / "articles.yaml").write_text(yaml.safe_dump(document(separator=", "), sort_keys=False))
    spec = MonitorSpec.from_yaml(tmp_path / "articles.yaml")
    classes = ("culture", "politics", "sport")
    assert spec.task == Task(TaskKind.MULTILABEL, threshold=0.4, classes=classes, separator=", ")
    assert spec.dataset().columns[1] == Column("p_culture", role=Role.SCORE, of="culture")
    assert MonitorSpec.from_document(spec.document()) == spec


def test_the_set_may_be_read_from_a_column_with_scores_or_without() -> None:
    for columns in (DECIDED, {**DECIDED, **SCORES}, SCORES):
        assert MonitorSpec.from_document(document(columns=columns)).task.class_names == tuple(CLASSES)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"classes": []}, r"^task.classes: a multilabel task names its classes"),
        ({"classes": ["a"]}, r"^task.classes: 1 are too few for multilabel; use kind: binary"),
        ({"classes": ["a", "b", "a"]}, r"^task.classes: declared twice: a"),
        ({"classes": ["a", "undeclared"]}, r"^task.classes: 'undeclared' is what classes are called"),
        ({"classes": list(range(101))}, r"^task.classes: 101 are more than 100"),
        ({"classes": ["a|b", "c"]}, r"^task.classes: 'a\|b' holds the separator '\|'; set task.separator"),
        ({"classes": ["a", ""]}, r"^task.classes.1: '' is blank"),
        ({"separator": ""}, r"^task.separator: empty; give what stands between two labels"),
        ({"kind": "multiclass", "separator": ","}, r"^task.separator: a multiclass task has no sets of labels"),
        (
            {"columns": {name: SCORES[name] for name in ("p_culture", "p_sport")}},
            r"^datasets.p.columns: no column holds the score of 'politics'; declare one of role score for every class",
        ),
        ({"columns": {**SCORES, "q": {"role": "score"}}}, r"^datasets.p.columns.q.of: '' is none of the classes"),
        (
            {"columns": {"tags": {"role": "prediction"}}},
            r"^datasets.p.columns.tags.kind: numeric holds no set of labels; declare kind: categorical",
        ),
        ({"columns": {"x": "numeric"}}, r"^datasets.p.columns: labels need a column with role 'prediction'"),
    ],
)
def test_a_task_that_cannot_work_is_refused_before_data_is_read(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(SpecError, match=told):
        MonitorSpec.from_document(document(**changes))


def test_the_check_before_the_first_run_knows_sets_of_labels(articles: Callable[..., Any]) -> None:
    world = articles()
    told = {finding.field: finding for finding in preflight(world.spec)}
    assert not [finding for finding in told.values() if finding.level is Level.ERROR]
    assert told["task.classes"].what.startswith("100.0% of ")
    world.labels.loc[world.labels.index[:60], "y"] = "sport|weather"
    world.write_labels()
    told = {finding.field: finding for finding in preflight(world.spec)}
    assert told["task.classes"].level is Level.WARNING
    assert "left out" in told["task.classes"].remedy
    world.labels.assign(y=1.5).to_parquet(world.root / "labels.parquet")
    told = {finding.field: finding for finding in preflight(world.spec)}
    assert told["labels.outcomes.label"].level is Level.ERROR
    assert "a multilabel task needs lists of labels" in told["labels.outcomes.label"].what


def test_a_first_draft_of_such_files_asks_and_does_not_fail(articles: Callable[..., Any]) -> None:
    for as_lists in (False, True):
        world = articles(as_lists=as_lists)
        labels = str(world.root / "labels.parquet")
        made = draft(str(world.root / "reference.parquet"), labels=labels)
        assert made.todos
