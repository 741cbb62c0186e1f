"""What the ledger sums of a baseline, against numpy on the rows: at every moment, in any order of runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from airflow_ml_monitor.errors import Undefined
from airflow_ml_monitor.keys import EVER
from airflow_ml_monitor.metrics.metric import metric_named
from airflow_ml_monitor.profile.dataset import Column, Dataset, Kind, Role
from airflow_ml_monitor.profile.engines.embedded.duckdb import DuckDB
from airflow_ml_monitor.profile.labelled_view import LabelledView
from airflow_ml_monitor.profile.ledger import Entries
from airflow_ml_monitor.profile.sums import sums_of
from airflow_ml_monitor.profile.task import Task, TaskKind

HOUR = timedelta(hours=1)
CLASSES = ("car", "house", "other")
BINARY, REGRESSION = Task(TaskKind.BINARY, threshold=0.4), Task(TaskKind.REGRESSION)
MULTICLASS = Task(TaskKind.MULTICLASS, classes=CLASSES)
SCORE, VALUE = Column("score", role=Role.SCORE), Column("value", role=Role.PREDICTION)
CLASS = Column("kind", Kind.CATEGORICAL, Role.PREDICTION)
COLUMNS = {
    "score": (BINARY, (SCORE, Column("rule_score", role=Role.BASELINE))),
    "flag": (BINARY, (SCORE, Column("rule_flag", Kind.BOOLEAN, Role.BASELINE))),
    "value": (REGRESSION, (VALUE, Column("naive", role=Role.BASELINE))),
    "class": (MULTICLASS, (CLASS, Column("old_kind", Kind.CATEGORICAL, Role.BASELINE))),
}
"""By what the baseline is: the task, and the columns of model and baseline."""


@pytest.fixture(scope="module")
def scored(oracle: ModuleType) -> pd.DataFrame:
    """Predictions of twelve days and of something simpler: missing, out of bounds, of classes that nobody declared."""
    rng = np.random.default_rng(31)
    size = 500
    found = pd.DataFrame({
        "id": np.arange(size),
        "at": oracle.DAY.start + pd.to_timedelta(rng.uniform(0, 12 * 24, size), unit="h").floor("us"),
        "score": rng.random(size),
        "rule_score": rng.random(size).round(2),
        "value": rng.normal(10, 3, size),
        "naive": rng.normal(10, 1, size),
        "kind": rng.choice([*CLASSES, "boat"], size).astype(object),
        "old_kind": rng.choice([*CLASSES, "boat"], size).astype(object),
    })  # fmt: skip
    found["rule_flag"] = pd.array(rng.random(size) < 0.4, "boolean")
    found.loc[:9, "rule_score"] = [0.0, 1.0, 0.4, np.nan, 1.5, -0.1, np.inf, -np.inf, np.nan, 0.0]
    found.loc[:9, "naive"] = [0.0, -1.0, np.nan, np.inf, -np.inf, 1e6, 9.5, 9.5, np.nan, 9.5]
    found.loc[10:60, ["old_kind", "rule_flag"]] = None
    # Without the model's own there is no pair.
    found.loc[20:30, ["score", "value", "kind"]] = [np.nan, np.nan, None]
    return found


@pytest.fixture(scope="module")
def labels(oracle: ModuleType, scored: pd.DataFrame) -> dict[TaskKind, pd.DataFrame]:
    """Late, corrected and withdrawn."""
    rng = np.random.default_rng(32)
    first = scored.sample(frac=0.85, random_state=1)
    known = first["at"] + pd.to_timedelta(rng.exponential(40, len(first)), unit="h").floor("us")
    drawn = {
        TaskKind.BINARY: rng.integers(0, 2, len(first)).astype(float),
        TaskKind.REGRESSION: rng.normal(10, 3, len(first)),
        TaskKind.MULTICLASS: rng.choice([*CLASSES, "boat"], len(first)).astype(object),
    }
    return {kind: _told(first["id"], label, known) for kind, label in drawn.items()}


def _told(key: pd.Series, label: Any, known: pd.Series) -> pd.DataFrame:
    plain = pd.DataFrame({"id": key, "label": label, "known_at": known})
    corrected, withdrawn = plain.sample(60, random_state=2), plain.sample(30, random_state=3)
    corrected = corrected.assign(
        label=np.roll(corrected["label"].to_numpy(), 1), known_at=corrected["known_at"] + 30 * HOUR
    )
    withdrawn = withdrawn.assign(label=None, known_at=withdrawn["known_at"] + 31 * HOUR)
    return pd.concat([plain, corrected, withdrawn], ignore_index=True)


def table(frame: pd.DataFrame) -> pa.Table:
    """With NULL for missing labels, classes and flags, but NaN kept in numbers."""
    return pa.table({n: pa.array(frame[n], from_pandas=frame[n].dtype != float or n == "label") for n in frame})


def dataset(scored: pd.DataFrame, of: str) -> Dataset:
    return Dataset("p", table(scored), COLUMNS[of][1], "at", entity_key=("id",))


def expected(rows: ModuleType, of: str, scored: pd.DataFrame, known: dict[Any, Any]) -> LabelledView:
    """The view of the rows whose label is known; scored: all of them."""
    mine = scored[scored["id"].isin(known)]
    task, (model, baseline) = COLUMNS[of]
    mine = mine[mine[model.name].notna()]
    label, ours, theirs = [known[key] for key in mine["id"]], mine[model.name], mine[baseline.name]
    if of == "class":
        place = {name: i for i, name in enumerate(CLASSES)}
        y, p = (np.array([place.get(name, 3) for name in part]) for part in (label, ours))
        other = np.array([-1 if pd.isna(name) else place.get(name, 3) for name in theirs])
        view = rows.decided(y, p, 3, other)
    elif of == "value":
        view = rows.regressed(label, ours, theirs.where(np.isfinite(theirs)))
    elif of == "flag":
        view = rows.labelled(label, ours, task.threshold, baseline=theirs.astype(float))
        view = replace(view, sums={**view.sums, **{n: 0 * s for n, s in view.sums.items() if _of_scores(n)}})
    else:
        view = rows.labelled(label, ours, task.threshold, baseline=theirs.where(theirs.between(0, 1)))
    found: LabelledView = replace(view, task=task, predictions=len(scored))
    return found


def _of_scores(name: str) -> bool:
    """True for what only a baseline with scores has."""
    return name == "baseline_scored" or "_gain" in name


def folded(ledger: Any, of: str, scored: pd.DataFrame, known_at: datetime) -> LabelledView:
    task = COLUMNS[of][0]
    names = sums_of(task, dataset(scored, of))
    return Entries.together([part.upto(known_at) for part in ledger], names).view(task)


def same(oracle: ModuleType, found: LabelledView, wanted: LabelledView) -> None:
    """Cell by cell; of a regression, whose sums stand apart from its counts, in all."""
    if found.task.kind is not TaskKind.REGRESSION:
        oracle.same_view(found, wanted)
        return
    assert (found.n, found.predictions) == (wanted.n, wanted.predictions)
    for name in {*found.sums} - {"state"}:
        assert found.total(name) == pytest.approx(wanted.total(name), rel=1e-9, abs=1e-6), name


@pytest.mark.parametrize("of", COLUMNS)
def test_what_is_known_at_a_moment_is_what_the_rows_say(
    engine: DuckDB, oracle: ModuleType, rows: ModuleType, scored: pd.DataFrame, labels: dict[TaskKind, Any], of: str
) -> None:
    task = COLUMNS[of][0]
    last, source = oracle.DAYS[-1].end + 6 * HOUR, oracle.labelled_by(table(labels[task.kind]))
    ledger = engine.label_entries(oracle.request(dataset(scored, of), source, last, task=task)).entries.values()
    for known_at in [*(day.end for day in oracle.DAYS[2:]), last]:
        wanted = expected(rows, of, scored, oracle.latest_labels(labels[task.kind], known_at))
        seen = int((scored["at"] < min(known_at, oracle.DAYS[-1].end)).sum())
        same(oracle, folded(ledger, of, scored, known_at), replace(wanted, predictions=seen))
    assert 0 < wanted.total("baseline_rows") < wanted.n


@pytest.mark.parametrize("of", COLUMNS)
def test_one_day_at_a_time_is_the_same_as_all_at_once(
    engine: DuckDB, oracle: ModuleType, scored: pd.DataFrame, labels: dict[TaskKind, Any], of: str
) -> None:
    task, mine = COLUMNS[of][0], dataset(scored, of)
    source = oracle.labelled_by(table(labels[task.kind]))
    ledger: list[Entries] = []
    since = EVER.start
    for number, day in enumerate(oracle.DAYS):
        upto, days = day.end + 6 * HOUR, oracle.DAYS[: number + 1]
        request = oracle.request(mine, source, upto, since=since, days=days, stale=days[-1:], task=task)
        ledger += engine.label_entries(request).entries.values()
        since = upto
    whole = engine.label_entries(oracle.request(mine, source, since, task=task)).entries.values()
    for known_at in [*(day.end for day in oracle.DAYS), since]:
        oracle.same_view(*(folded(part, of, scored, known_at) for part in (ledger, whole)))


GAINS: dict[str, Callable[[Any, Any, Any], float]] = {
    "mae_gain": lambda y, p, b: np.abs(b - y).mean() - np.abs(p - y).mean(),
    "rmse_gain": lambda y, p, b: np.sqrt(((b - y) ** 2).mean()) - np.sqrt(((p - y) ** 2).mean()),
    "relative_mae": lambda y, p, b: np.abs(p - y).mean() / np.abs(b - y).mean(),
}


@pytest.mark.parametrize("metric", GAINS)
def test_a_gain_is_of_the_rows_that_have_both(
    engine: DuckDB, oracle: ModuleType, scored: pd.DataFrame, labels: dict[TaskKind, Any], metric: str
) -> None:
    last, source = oracle.DAYS[-1].end, oracle.labelled_by(table(labels[TaskKind.REGRESSION]))
    ledger = engine.label_entries(oracle.request(dataset(scored, "value"), source, last, task=REGRESSION)).entries
    known = oracle.latest_labels(labels[TaskKind.REGRESSION], last)
    mine = scored[scored["id"].isin(known) & np.isfinite(scored["naive"]) & scored["value"].notna()]
    found = metric_named(metric).function(folded(ledger.values(), "value", scored, last))
    wanted = GAINS[metric](np.array([known[key] for key in mine["id"]]), mine["value"], mine["naive"])
    assert (found.n, found.value) == (len(mine), pytest.approx(wanted))


def test_a_baseline_that_only_decides_has_an_accuracy_to_gain_on_and_no_score(
    engine: DuckDB, oracle: ModuleType, scored: pd.DataFrame, labels: dict[TaskKind, Any]
) -> None:
    last, source = oracle.DAYS[-1].end, oracle.labelled_by(table(labels[TaskKind.BINARY]))
    ledger = engine.label_entries(oracle.request(dataset(scored, "flag"), source, last, task=BINARY)).entries
    view = folded(ledger.values(), "flag", scored, last)
    known = oracle.latest_labels(labels[TaskKind.BINARY], last)
    mine = scored[scored["id"].isin(known) & scored["rule_flag"].notna() & scored["score"].notna()]
    y = np.array([known[key] for key in mine["id"]])
    wanted = ((mine["score"] >= 0.4) == y).mean() - (mine["rule_flag"].astype(int) == y).mean()
    assert metric_named("accuracy_gain").function(view).value == pytest.approx(wanted)
    with pytest.raises(Undefined, match="the baseline's column holds classes and no scores"):
        metric_named("brier_gain").function(view)
