"""Several labels of one prediction against pandas on the rows: at every moment, however the ledger came there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from airflow_ml_monitor.keys import EVER, Window
from airflow_ml_monitor.profile.dataset import Column, Dataset, Kind, Role
from airflow_ml_monitor.profile.engines.embedded.duckdb import DuckDB
from airflow_ml_monitor.profile.label_source import LabelMode, LabelSource, Several
from airflow_ml_monitor.profile.ledger import Entries
from airflow_ml_monitor.profile.sums import SUMS
from airflow_ml_monitor.profile.task import Task, TaskKind

HOUR = timedelta(hours=1)
SIZE = 150
CLASSES = Task(TaskKind.MULTICLASS, classes=("car", "house", "other"))


def majority(values: pd.Series[Any]) -> Any:
    counts = values.value_counts()
    return counts.index[0] if 2 * counts.iloc[0] > len(values) else None


FOLDS: dict[str, Callable[[pd.Series[Any]], Any]] = {
    "last": lambda values: values.iloc[-1],
    "first": lambda values: values.iloc[0],
    "any": lambda values: values.max(),
    "all": lambda values: values.min(),
    "majority": majority,
    "mean": lambda values: values.mean(),
}


@pytest.fixture(scope="module")
def scored(oracle: ModuleType) -> pd.DataFrame:
    rng = np.random.default_rng(21)
    at = oracle.DAY.start + pd.to_timedelta(rng.uniform(0, 12 * 24, SIZE), unit="h").floor("us")
    kind = rng.choice(["car", "house", "other"], SIZE)
    return pd.DataFrame({"id": np.arange(SIZE), "at": at, "score": rng.random(SIZE), "kind": kind})


def opinions(oracle: ModuleType, scored: pd.DataFrame, draw: Callable[[Any, int], Any]) -> pd.DataFrame:
    """One to six labels of each prediction, up to a week apart; some withdrawn, some at one moment, some twice."""
    rng = np.random.default_rng(22)
    rows = scored.loc[np.repeat(np.arange(SIZE), rng.integers(0, 7, SIZE)), ["id", "at"]]
    late = pd.to_timedelta(rng.uniform(0, 150, len(rows)), unit="h").floor("us")
    labels = pd.DataFrame({"id": rows["id"].to_numpy(), "label": draw(rng, len(rows)), "known_at": rows["at"] + late})
    labels["label"] = labels["label"].where(rng.random(len(labels)) > 0.1, None)
    together = labels["id"] % 10 == 0
    labels.loc[together, "known_at"] = labels[together].groupby("id")["known_at"].transform("min")
    return pd.concat([labels, labels.sample(40, random_state=1)], ignore_index=True).sample(frac=1, random_state=2)


def in_force(labels: pd.DataFrame, several: str, known_at: datetime) -> dict[Any, Any]:
    """The label of each key at a moment: what those since the last one withdrawn make together."""
    found = {}
    for key, mine in labels[labels["known_at"] <= known_at].groupby("id"):
        given = mine.assign(none=mine["label"].isna()).sort_values(["known_at", "none", "label"], kind="stable")
        left = given["label"][given["none"][::-1].cumsum()[::-1] == 0]
        value = FOLDS[several](left.reset_index(drop=True)) if len(left) else None
        if value is not None and not pd.isna(value):
            found[key] = value
    return found


def as_table(frame: pd.DataFrame) -> pa.Table:
    return pa.table({name: pa.array(frame[name], from_pandas=True) for name in frame})


def daily(
    engine: DuckDB, oracle: ModuleType, dataset: Dataset, labels: LabelSource, task: Task
) -> dict[Window, list[Entries]]:
    """The ledger as daily runs leave it behind, each at six in the morning."""
    ledger: dict[Window, list[Entries]] = {}
    since = EVER.start
    for number, day in enumerate(oracle.DAYS):
        days, upto = oracle.DAYS[: number + 1], day.end + 6 * HOUR
        request = oracle.request(dataset, labels, upto, since=since, days=days, stale=days[-1:], task=task)
        for of, entries in engine.label_entries(request).entries.items():
            ledger.setdefault(of, []).append(entries)
        since = upto
    return ledger


def folded(ledger: dict[Window, list[Entries]], known_at: datetime, task: Task) -> Entries:
    return Entries.together([e.upto(known_at) for parts in ledger.values() for e in parts], SUMS[task.kind])


def moments(oracle: ModuleType) -> Iterator[datetime]:
    for day in oracle.DAYS[1::3]:
        yield day.end
    yield oracle.DAYS[-1].end + 6 * HOUR


@pytest.mark.parametrize("several", ["last", "first", "any", "all", "majority"])
def test_what_several_labels_make_is_what_the_rows_say_at_every_moment_day_by_day_and_at_once(
    engine: DuckDB, oracle: ModuleType, rows: ModuleType, scored: pd.DataFrame, several: str
) -> None:
    labels = opinions(oracle, scored, lambda rng, size: rng.integers(0, 2, size).astype(float))
    dataset = oracle.predictions(as_table(scored))
    source = oracle.labelled_by(as_table(labels), several=Several(several))
    at_once = engine.label_entries(oracle.request(dataset, source, oracle.DAYS[-1].end + 6 * HOUR)).entries
    ledgers = [daily(engine, oracle, dataset, source, oracle.BINARY), {day: [e] for day, e in at_once.items()}]
    changed = 0
    for known_at in moments(oracle):
        known = in_force(labels, several, known_at)
        changed += known != in_force(labels, "last", known_at)
        pairs = [(known[k], s) for k, s in zip(scored["id"], scored["score"], strict=True) if k in known]
        expected = rows.labelled([label for label, _ in pairs], [score for _, score in pairs])
        expected = replace(expected, predictions=int((scored["at"] < min(known_at, oracle.DAYS[-1].end)).sum()))
        for ledger in ledgers:
            oracle.same_view(folded(ledger, known_at, oracle.BINARY).view(oracle.BINARY), expected)
    assert changed == (0 if several == "last" else 5)


def test_the_mean_of_several_measurements_is_the_truth_of_a_regression(
    engine: DuckDB, oracle: ModuleType, scored: pd.DataFrame
) -> None:
    task = Task(TaskKind.REGRESSION)
    labels = opinions(oracle, scored, lambda rng, size: rng.normal(100, 30, size))
    dataset = Dataset("p", as_table(scored), (Column("score", role=Role.PREDICTION),), "at", entity_key=("id",))
    source = oracle.labelled_by(as_table(labels), several=Several.MEAN)
    request = oracle.request(dataset, source, oracle.DAYS[-1].end + 6 * HOUR, task=task)
    at_once = {day: [e] for day, e in engine.label_entries(request).entries.items()}
    for ledger in (daily(engine, oracle, dataset, source, task), at_once):
        for known_at in moments(oracle):
            known = in_force(labels, "mean", known_at)
            seen = scored[scored["id"].isin(known)]
            truth = np.array([known[key] for key in seen["id"]])
            view = folded(ledger, known_at, task).view(task)
            assert view.n == len(seen) > 0
            assert view.total("truth") == pytest.approx(truth.sum(), rel=1e-9)
            assert view.total("error2") == pytest.approx(((seen["score"] - truth) ** 2).sum(), rel=1e-9)


def test_of_several_classes_that_of_more_than_half_counts_and_of_a_tie_none(
    engine: DuckDB, oracle: ModuleType, scored: pd.DataFrame
) -> None:
    labels = opinions(oracle, scored, lambda rng, size: rng.choice(["car", "house", "other", "barn"], size))
    columns = (Column("kind", Kind.CATEGORICAL, Role.PREDICTION),)
    dataset = Dataset("p", as_table(scored), columns, "at", entity_key=("id",))
    source = oracle.labelled_by(as_table(labels), several=Several.MAJORITY)
    ledger = daily(engine, oracle, dataset, source, CLASSES)
    place = {"car": 0, "house": 1, "other": 2, "barn": 3}
    for known_at in moments(oracle):
        known = in_force(labels, "majority", known_at)
        predicted = dict(zip(scored["id"], scored["kind"], strict=True))
        expected = np.zeros((4, 3), int)
        np.add.at(expected, ([place[x] for x in known.values()], [place[predicted[k]] for k in known]), 1)
        view, found = folded(ledger, known_at, CLASSES).view(CLASSES), np.zeros((4, 3), int)
        np.add.at(found, (view.label, view.prediction), view.count)
        np.testing.assert_array_equal(found, expected)
    assert len(known) < labels.dropna()["id"].nunique()


@pytest.mark.parametrize(("several", "expected"), [("any", [1, 1, 0]), ("all", [0, 1, 0]), ("majority", [None, 1, 0])])
def test_without_a_time_several_labels_are_one_row(
    engine: DuckDB, oracle: ModuleType, several: str, expected: list[int | None]
) -> None:
    at = pa.array([oracle.NOON] * 4, pa.timestamp("us", "UTC"))
    predictions = pa.table({"at": at, "score": [0.9] * 4, "id": [0, 1, 2, 3]})
    labels = pa.table({"id": [0, 0, 1, 1, 1, 2, 3], "label": [0, 1, 1, 1, 1, 0, None]})
    source = oracle.labelled_by(labels, label_time=None, several=Several(several))
    batch = engine.label_entries(oracle.request(oracle.predictions(predictions), source, oracle.DAYS[-1].end))
    view = Entries.together(batch.entries.values(), SUMS[TaskKind.BINARY]).view(oracle.BINARY)
    known = [label for label in expected if label is not None]
    assert (view.n, int(view.count[view.label == 1].sum())) == (len(known), sum(known))


def test_one_event_of_several_outweighs_silence_and_a_cleared_one_after_it(engine: DuckDB, oracle: ModuleType) -> None:
    hours = [30, 40, 80, 90]
    labels = pa.table({
        "id": [0, 0, 1, 1],
        "label": [1, 0, 1, 0],
        "known_at": pa.array([oracle.NOON + h * HOUR for h in hours], pa.timestamp("us", "UTC")),
    })  # fmt: skip
    at = pa.array([oracle.NOON] * 3, pa.timestamp("us", "UTC"))
    predictions = oracle.predictions(pa.table({"at": at, "score": [0.9] * 3, "id": [0, 1, 2]}))
    counted = {}
    for several in ("any", "last"):
        source = oracle.labelled_by(labels, mode=LabelMode.IMPLICIT, horizon=48 * HOUR, several=Several(several))
        batch = engine.label_entries(oracle.request(predictions, source, oracle.DAYS[-1].end))
        entries = Entries.together(batch.entries.values(), SUMS[TaskKind.BINARY])
        counted[several] = []
        for day in (1, 2, 3, 4):
            view = entries.upto(oracle.DAYS[day].end).view(oracle.BINARY)
            counted[several].append([int(view.count[view.label == label].sum()) for label in (1, 0)])
    # Reported on day 1 (key 0) and, after silence had become a label on day 2, on day 3 (key 1); then cleared.
    assert counted["any"] == [[1, 0], [1, 2], [2, 1], [2, 1]]
    assert counted["last"][-1] == [0, 3]


def test_a_mean_is_the_same_to_the_last_digit_in_any_order_of_its_labels_and_of_the_days(
    engine: DuckDB, oracle: ModuleType, scored: pd.DataFrame
) -> None:
    task = Task(TaskKind.REGRESSION)
    labels = opinions(oracle, scored, lambda rng, size: rng.normal(100, 30, size))
    dataset = Dataset("p", as_table(scored), (Column("score", role=Role.PREDICTION),), "at", entity_key=("id",))
    found = set()
    for seed in range(3):
        mixed = as_table(labels.sample(frac=1, random_state=seed))
        for moment in ("known_at", None):
            source = oracle.labelled_by(mixed, several=Several.MEAN, label_time=moment)
            request = oracle.request(dataset, source, oracle.DAYS[-1].end + 6 * HOUR, task=task)
            at_once = {day: [e] for day, e in engine.label_entries(request).entries.items()}
            ledgers = [at_once] if moment is None else [at_once, daily(engine, oracle, dataset, source, task)]
            for ledger in ledgers:
                view = folded(ledger, oracle.DAYS[-1].end + 6 * HOUR, task).view(task)
                found.add((moment, view.n, view.total("state")))
    assert sorted(str(moment) for moment, _, _ in found) == ["None", "known_at"]
