"""What features tell together with labels, in the ledger, against numpy on the rows: at every moment."""

from __future__ import annotations

from datetime import datetime, timedelta
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from airflow_ml_monitor.keys import EVER, WHOLE
from airflow_ml_monitor.profile.codec import decode_entries, encode_entries
from airflow_ml_monitor.profile.dataset import Column, Dataset, Kind, Role
from airflow_ml_monitor.profile.engines.embedded.duckdb import DuckDB
from airflow_ml_monitor.profile.label_source import LabelMode
from airflow_ml_monitor.profile.labelled_view import LabelledView
from airflow_ml_monitor.profile.layout import Binning, Layout
from airflow_ml_monitor.profile.ledger import Entries
from airflow_ml_monitor.profile.sums import entry_names
from airflow_ml_monitor.profile.task import Task, TaskKind

CLASSES = ("a", "b", "c")
LAYOUT = Layout((
    Binning("amount", Kind.NUMERIC, centre=10.0, scale=4.0),
    Binning("group", Kind.CATEGORICAL, categories=("north", "south")),
    Binning("is_new", Kind.BOOLEAN, values=(0.0, 1.0)),
    Binning("said", Kind.NUMERIC, centre=1.0, scale=2.0),
))  # fmt: skip
FEATURES = (Column("amount"), Column("group", Kind.CATEGORICAL), Column("is_new", Kind.BOOLEAN))
SAID = Column("said", role=Role.PREDICTION)
NAMED = Column("said", Kind.CATEGORICAL, Role.PREDICTION)
TASKS: dict[str, tuple[Task, Column]] = {
    "binary": (Task(TaskKind.BINARY), Column("score", role=Role.SCORE)),
    "regression": (Task(TaskKind.REGRESSION), SAID),
    "multiclass": (Task(TaskKind.MULTICLASS, classes=CLASSES), NAMED),
}


@pytest.fixture(scope="module")
def scored(oracle: ModuleType) -> pd.DataFrame:
    """Predictions of twelve days; values missing, infinite and far out; scores that are none."""
    rng, size = np.random.default_rng(21), 500
    amount = rng.lognormal(2, 1, size)
    amount[:6] = np.nan, np.inf, -np.inf, 1e300, 10.0, 1e-300
    return pd.DataFrame({
        "id": np.arange(size),
        "at": oracle.DAY.start + pd.to_timedelta(rng.uniform(0, 12 * 24, size), unit="h").floor("us"),
        "score": np.where(rng.random(size) < 0.1, np.nan, rng.random(size)),
        "said": rng.normal(1, 2, size),
        "amount": amount,
        "group": rng.choice(["north", "south", "new", None], size),
        "is_new": rng.choice([True, False, None], size),
        "version": rng.choice(["v1", "v2"], size),
    })  # fmt: skip


@pytest.fixture(scope="module")
def labels(scored: pd.DataFrame) -> pd.DataFrame:
    """Early and late; corrected, withdrawn, repeated, of nobody."""
    rng = np.random.default_rng(22)
    first = scored.sample(frac=0.8, random_state=1)
    known_at = first["at"] + pd.to_timedelta(rng.exponential(40, len(first)) - 4, unit="h").floor("us")
    plain = pd.DataFrame({"id": first["id"], "label": rng.integers(0, 3, len(first)), "known_at": known_at})
    again = plain.sample(80, random_state=2)
    later = again["known_at"] + pd.Timedelta(hours=30)
    corrected = again.assign(label=(again["label"] + 1) % 3, known_at=later)
    withdrawn = plain.sample(30, random_state=3).assign(label=None)
    withdrawn["known_at"] += pd.Timedelta(hours=31)
    nobody = pd.DataFrame({"id": [9001], "label": [1], "known_at": [known_at.iloc[0]]})
    return pd.concat([plain, corrected, withdrawn, plain.sample(20, random_state=4), nobody], ignore_index=True)


def of_task(kind: str, scored: pd.DataFrame, labels: pd.DataFrame) -> tuple[Task, Dataset, pd.DataFrame]:
    """The task, its predictions, and its labels as it reads them."""
    task, column = TASKS[kind]
    frame = scored.assign(said=scored["said"].round() % 3) if kind == "multiclass" else scored
    if kind == "multiclass":
        frame = frame.assign(said=np.array(CLASSES)[frame["said"].astype(int)])
    table = pa.Table.from_pandas(frame, preserve_index=False)
    columns = (column, *FEATURES, Column("version", Kind.CATEGORICAL, Role.VERSION))
    dataset = Dataset("p", table, columns, "at", entity_key=("id",), label_moments=True)
    if kind == "binary":
        said = (labels["label"] > 0).where(labels["label"].notna()).astype("float")
    elif kind == "regression":
        said = labels["label"] * 2.5 - 1
    else:
        said = labels["label"].map(dict(enumerate(["a", "b", "new"])))
    return task, dataset, labels.assign(label=said)


def u_of(frame: pd.DataFrame, name: str) -> np.ndarray:
    """By hand what LAYOUT says."""
    if name == "group":
        return np.where(frame["group"].isna(), np.nan, frame["group"] == "north").astype(float)
    if name == "is_new":
        x = frame["is_new"].astype(object).map({True: 1.0, False: 0.0}).astype(float).to_numpy()
        return x / (1 + np.abs(x))
    d = frame[name].to_numpy() - LAYOUT[name].centre
    with np.errstate(invalid="ignore"):
        return np.where(np.isfinite(d), d / (LAYOUT[name].scale + np.abs(d)), np.nan)


def expected(kind: str, frame: pd.DataFrame, label: np.ndarray, name: str) -> dict[int, list[float]]:
    """{label: [rows with a value, then the sums in their order]}"""
    u, number = u_of(frame, name), np.zeros(len(frame), int)
    v = np.zeros(len(frame))
    if kind == "regression":
        d = label.astype(float) - LAYOUT["said"].centre
        v = d / (LAYOUT["said"].scale + np.abs(d))
    elif kind == "binary":
        number = label.astype(int)
    else:
        number = np.array([{"a": 0, "b": 1, "new": 3}[name] for name in label])
    powers = [(1, 0), (2, 0), (3, 0), (4, 0)]
    if kind == "regression":
        powers += [(0, 1), (0, 2), (0, 3), (0, 4), (1, 1), (1, 2), (1, 3), (2, 1), (2, 2), (3, 1)]
    found = {}
    for one in np.unique(number):
        mine = (number == one) & ~np.isnan(u)
        found[int(one)] = [float(mine.sum()), *(float((u[mine] ** a * v[mine] ** b).sum()) for a, b in powers)]
    return {one: values for one, values in found.items() if values[0]}


def told(view: LabelledView, kind: str) -> dict[int, list[float]]:
    names = entry_names(TASKS[kind][0], Dataset("p", None, (), "", label_moments=True))
    mine = [name for name in names if name.startswith(("u", "v")) and not name.startswith("undeclared")]
    sums = np.column_stack([view.count, *(view.sums[name] for name in mine)])
    return {int(label): sums[i].tolist() for i, label in enumerate(view.label) if view.count[i]}


def same(view: LabelledView, kind: str, frame: pd.DataFrame, label: np.ndarray) -> None:
    assert set(view.features) == {"amount", "group", "is_new"}
    for name, of in view.features.items():
        mine, theirs = told(of, kind), expected(kind, frame, label, name)
        assert mine.keys() == theirs.keys()
        for one, values in theirs.items():
            np.testing.assert_allclose(mine[one], values, rtol=1e-9, atol=1e-9, err_msg=f"{name} {one}")


def known(oracle: ModuleType, scored: pd.DataFrame, labels: pd.DataFrame, moment: datetime) -> Any:
    """(the labelled rows, their labels) at a moment."""
    latest = oracle.latest_labels(labels, moment)
    mine = scored[scored["id"].isin(latest.keys())]
    return mine, mine["id"].map(latest).to_numpy()


@pytest.mark.parametrize("kind", TASKS)
def test_at_every_moment_the_daily_ledger_holds_what_the_rows_say(
    engine: DuckDB, oracle: ModuleType, scored: pd.DataFrame, labels: pd.DataFrame, kind: str
) -> None:
    task, dataset, mine = of_task(kind, scored, labels)
    source = oracle.labelled_by(pa.Table.from_pandas(mine, preserve_index=False))
    names, parts, since = entry_names(task, dataset), [], EVER.start
    for number, day in enumerate(oracle.DAYS, 1):
        upto = day.end + timedelta(hours=6)
        days = oracle.DAYS[:number]
        asked = oracle.request(dataset, source, upto, since=since, days=days, stale=days[-1:], task=task, layout=LAYOUT)
        # As the store keeps them.
        parts += [decode_entries(encode_entries(e)) for e in engine.label_entries(asked).entries.values()]
        since = upto
        entries = Entries.together(parts, names).upto(upto)
        seen = scored[scored["at"] < day.end]
        same(entries.view(task), kind, *known(oracle, seen, mine, upto))
        one = seen[seen["version"] == "v1"]
        same(entries.view(task, WHOLE, "v1"), kind, *known(oracle, one, mine, upto))


@pytest.mark.parametrize("kind", TASKS)
def test_rows_are_counted_as_without_them(
    engine: DuckDB, oracle: ModuleType, scored: pd.DataFrame, labels: pd.DataFrame, kind: str
) -> None:
    task, dataset, mine = of_task(kind, scored, labels)
    source = oracle.labelled_by(pa.Table.from_pandas(mine, preserve_index=False))
    bare = Dataset("p", dataset.source, dataset.columns, "at", entity_key=("id",))
    views = []
    for one in (dataset, bare):
        batch = engine.label_entries(oracle.request(one, source, oracle.DAYS[-1].end, task=task, layout=LAYOUT))
        views.append(Entries.together(batch.entries.values(), entry_names(task, one)).view(task))
        views[-1].sums.pop("state")
    full, plain = views
    assert plain.features == {}
    assert (full.n, full.predictions) == (plain.n, plain.predictions)
    for name, of in plain.sums.items():
        np.testing.assert_allclose(full.sums[name], of)


@pytest.mark.parametrize("kind", TASKS)
def test_of_a_reference_it_is_that_of_its_rows(
    engine: DuckDB, oracle: ModuleType, scored: pd.DataFrame, labels: pd.DataFrame, kind: str
) -> None:
    task, dataset, mine = of_task(kind, scored, labels)
    last = mine[mine["label"].notna()].drop_duplicates("id").set_index("id")["label"]
    frame = dataset.source.to_pandas().assign(truth=scored["id"].map(last))
    source = Dataset(
        "p", pa.Table.from_pandas(frame, preserve_index=False), dataset.columns, "at", entity_key=("id",),
        label_moments=True,
    )  # fmt: skip
    found = engine.reference_entries(source, task, LAYOUT, "truth", EVER).view(task)
    there = frame["truth"].notna()
    same(found, kind, scored[there], frame["truth"][there].to_numpy())


def test_silence_is_a_label_here_too(
    engine: DuckDB, oracle: ModuleType, scored: pd.DataFrame, labels: pd.DataFrame
) -> None:
    task, dataset, mine = of_task("binary", scored, labels)
    events = mine[mine["label"] == 1].sort_values("known_at").drop_duplicates("id")
    source = oracle.labelled_by(
        pa.Table.from_pandas(events, preserve_index=False), mode=LabelMode.IMPLICIT, horizon=timedelta(days=2)
    )
    upto = oracle.DAYS[-1].end + timedelta(days=3)
    batch = engine.label_entries(oracle.request(dataset, source, upto, task=task, layout=LAYOUT))
    found = Entries.together(batch.entries.values(), entry_names(task, dataset)).view(task)
    said = events[events["known_at"] <= upto]["id"]
    same(found, "binary", scored, scored["id"].isin(said).to_numpy())


def test_a_feature_that_did_not_arrive_is_not_there_and_the_others_are(
    engine: DuckDB, oracle: ModuleType, scored: pd.DataFrame, labels: pd.DataFrame
) -> None:
    task, dataset, mine = of_task("binary", scored, labels)
    broken = dataset.source.drop_columns(["is_new"])
    at = broken.column_names.index("amount")
    broken = broken.set_column(at, "amount", pa.array(["much"] * broken.num_rows))
    one = Dataset("p", broken, dataset.columns, "at", entity_key=("id",), label_moments=True)
    source = oracle.labelled_by(pa.Table.from_pandas(mine, preserve_index=False))
    batch = engine.label_entries(oracle.request(one, source, oracle.DAYS[-1].end, task=task, layout=LAYOUT))
    found = Entries.together(batch.entries.values(), entry_names(task, one)).view(task)
    assert set(found.features) == {"group"}


def test_two_labels_that_change_places_leave_a_trace_though_all_counts_stay(engine: DuckDB, oracle: ModuleType) -> None:
    rows = pa.table({"id": [1, 2], "at": [oracle.NOON] * 2, "score": [0.3, 0.3], "amount": [5.0, 50.0]})
    dataset = oracle.predictions(rows, Column("amount"), label_moments=True)
    states = []
    for label in ([0, 1], [1, 0]):
        source = oracle.labelled_by(pa.table({"id": [1, 2], "label": label, "known_at": [oracle.DAY.end] * 2}))
        batch = engine.label_entries(oracle.request(dataset, source, oracle.DAYS[1].end, layout=LAYOUT))
        [entries] = batch.entries.values()
        features = np.array([bool(slice) for slice, _, _ in entries.groups])[entries.group]
        mine = entries.picked(features)
        states.append(dict(zip(mine.label.tolist(), mine.sums[:, mine.names.index("state")].tolist(), strict=True)))
    assert states[0] == {0: states[1][1], 1: states[1][0]}
    assert states[0] != states[1]
